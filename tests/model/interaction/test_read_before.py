"""What every start reads alike is read once, and comes back the same to the bit."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch

from model.engine.pieces import finished
from model.interaction.language import Language
from model.interaction.read_before import read_before
from model.weights.store import folder

pytestmark = [pytest.mark.weights, pytest.mark.timeout(60)]


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small part, where files may be written."""
    place = tmp_path_factory.mktemp("part")
    for name in ("config.json", "tokenizer.json", "model.int8.safetensors"):
        (place / name).symlink_to(folder("language-135m") / name)
    return place


@pytest.fixture
def language(part: Path) -> Iterator[Language]:
    with torch.inference_mode():
        yield Language.load(part, rows=2, device="cpu")


class Counted:
    """Counts the tokens that are read."""

    def __init__(self, language: Language, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tokens = 0
        append = language.append

        def counted(row: int, ids: Sequence[int]):  # type: ignore[no-untyped-def]
            self.tokens += len(ids)
            return append(row, ids)

        monkeypatch.setattr(language, "append", counted)


def test_what_was_kept_answers_like_what_was_read(
    language: Language, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = language.chat_prefix()
    finished(language.append(0, ids))
    wanted = [language.next_tokens([0])[0] for _ in range(8)]
    language.reset(0)
    for _ in range(2):
        counted = Counted(language, monkeypatch)
        read_before(language, 0, ids, part, "prefix")
        assert language.held(0) == ids
        language.keep_prefix(0, ids)
        assert [language.next_tokens([0])[0] for _ in range(8)] == wanted
        language.reset(0)
    assert counted.tokens == 0, "the second start reads nothing"
    finished(language.begin(1, ids))
    assert counted.tokens == 0, "and neither does the first conversation"
    assert [language.next_tokens([1])[0] for _ in range(8)] == wanted


def test_another_text_other_weights_or_a_damaged_file_is_read_again(
    language: Language, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = language.encode("Good morning to you."), language.encode("Good night to all.")
    read_before(language, 0, one, part, "text")
    counted = Counted(language, monkeypatch)

    def again(ids: Sequence[int]) -> int:
        language.reset(0)
        before = counted.tokens
        read_before(language, 0, ids, part, "text")
        assert language.held(0) == list(ids)
        return counted.tokens - before

    assert again(one) == 0
    assert again(other) == len(other) and again(other) == 0
    kept = part / "read.text.safetensors"
    kept.write_bytes(kept.read_bytes()[:-100])
    assert again(other) == len(other) and again(other) == 0
    (part / "model.more").write_text("converted again")
    assert again(other) == len(other) and again(other) == 0


def test_where_nothing_can_be_kept_all_goes_on(
    language: Language,
    part: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("model.interaction.read_before.save_file", full)
    ids = language.encode("Nobody will keep this.")
    with caplog.at_level(logging.WARNING):
        read_before(language, 0, ids, part, "lost")
    assert language.held(0) == ids and "No space left" in caplog.text
    assert not list(part.glob("read.lost*"))


def test_a_snapshot_of_another_decoder_is_refused(language: Language) -> None:
    finished(language.append(0, language.encode("One two three.")))
    snapshot = language.snapshot(0)
    with pytest.raises(ValueError, match="not of this decoder"):
        language.restore(1, {**snapshot, "keys": snapshot["keys"][:-1]})
    assert language.length(1) == 0
