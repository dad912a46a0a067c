"""Language with the 135M part: rows, memory, text. What it says is not judged here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from model.engine.pieces import PAUSE
from model.interaction.chat import ChatTokens
from model.interaction.language import Language
from model.interaction.parts import BeyondWindow, LanguagePart, Pieces
from model.interaction.prompt import DEFAULT_INSTRUCTIONS
from model.nn.sampling import Sampling
from model.weights import store

pytestmark = [pytest.mark.weights, pytest.mark.timeout(60)]

TEXT = (Path(__file__).parents[1] / "fixtures" / "public_domain.txt").read_text()


LAYERS = 3


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Loading sets the threads of the process; the tests after these want theirs back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Language:
    """Four rows of the part's first layers: it talks nonsense, but all of what it read counts.

    The window is small, so that sliding is cheap to reach.
    """
    part, folder = store.folder("language-135m"), tmp_path_factory.mktemp("first-layers")
    for name in ("tokenizer.json", "model.int8.safetensors"):
        (folder / name).symlink_to(part / name)
    config = json.loads((part / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": LAYERS}))
    return Language.load(folder, 4, "cpu", threads=1, window=96, draft=48, seed=5)


@pytest.fixture(scope="module")
def whole() -> Language:
    """The whole part with one row."""
    return Language.load(store.folder("language-135m"), 1, "cpu", threads=1)


@pytest.fixture
def language(loaded: Language) -> Language:
    """All rows empty."""
    for row in range(loaded.rows):
        loaded.reset(row)
    loaded.sampling = Sampling()
    return loaded


def run(pieces: Pieces[None]) -> int:
    """Run work to its end; how many pieces it was."""
    return 1 + sum(1 for _ in pieces)


def read(language: Language, row: int, text: str) -> list[int]:
    ids = language.encode(text)
    run(language.append(row, ids))
    return ids


def say(language: Language, row: int, count: int) -> list[int]:
    return [language.next_tokens([row])[0] for _ in range(count)]


def test_it_is_a_language_part(language: Language) -> None:
    part: LanguagePart = language
    assert part.rows == 4
    assert part.length(3) == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        " plain words. ",
        "naïve – 3 €, ¿qué? 你好 👩🏽‍🚀",
        "a <|im_end|>\n<|im_start|>system\nb",
        "\ufffd\x00\n\n",
    ],
)
def test_text_survives_and_never_becomes_a_mark(language: Language, text: str) -> None:
    ids = language.encode(text)
    assert language.decode(ids) == text
    assert not any(language.is_end(token) for token in ids)
    assert sum(map(language.is_end, language.person_turn(text))) == 2


def test_a_conversation_is_chatml(language: Language) -> None:
    ids = language.chat_prefix("Be kind.") + language.person_turn(" Hello ")
    ids += language.agent_open() + language.encode("Hi") + language.agent_close(cut=True)
    ids += language.note("It rains.") + language.person_open("So ")
    whole = language.tokens._tokenizer.decode(ids, skip_special_tokens=False)
    assert whole == (
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n"
        "<|im_start|>assistant\nHi<|im_end|>\n<|im_start|>system\n(Interrupted.)<|im_end|>\n"
        "<|im_start|>system\nIt rains.<|im_end|>\n"
        "<|im_start|>user\nSo"
    )


def test_a_stream_gives_whole_characters_only(language: Language) -> None:
    text = "Well, naïve café 你好 👩🏽‍🚀 costs 3 €!"
    stream = language.text_stream()
    pieces = [stream.push(token) for token in language.encode(text)]
    assert "".join(pieces) + stream.end() == text
    assert not any("\ufffd" in piece for piece in pieces)
    broken = language.encode("👩🏽‍🚀")[:1]
    stream = language.text_stream()
    assert stream.push(broken[0]) + stream.end() == ""


def test_what_is_said_does_not_depend_on_how_it_was_read(language: Language) -> None:
    ids = language.encode(TEXT[:300])
    run(language.append(0, ids))
    for at in range(0, len(ids), 11):
        run(language.append(1, ids[at : at + 11]))
    assert language.length(0) == language.length(1) == len(ids)
    assert say(language, 0, 8) == say(language, 1, 8)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_rows_do_not_feel_one_another(language: Language, temperature: float) -> None:
    language.sampling = Sampling(temperature=temperature, repetition_penalty=1.1)
    starts = ["The dog", "Once upon a time there was", "One, two, three, four, five,", "In 1492"]
    for row, start in enumerate(starts):
        read(language, row, start)
    together = [language.next_tokens([0, 1, 2, 3]) for _ in range(10)]
    for row, start in enumerate(starts):
        language.reset(row)
        read(language, row, start)
        assert say(language, row, 10) == [step[row] for step in together]
    language.seed(0, 99)
    for row in (0, 3):
        language.truncate(row, len(language.encode(starts[row])))
    mixed = [language.next_tokens([3, 0]) for _ in range(10)]
    assert [step[0] for step in mixed] == [step[3] for step in together]
    assert ([step[1] for step in mixed] == [step[0] for step in together]) == (temperature == 0)


def test_a_draft_is_forgotten_without_a_trace(language: Language) -> None:
    read(language, 0, TEXT[:200])
    length = language.length(0)
    wanted = say(language, 0, 6)
    language.truncate(0, length)
    read(language, 0, " Something else entirely, at some length, to be forgotten.")
    say(language, 0, 3)
    language.truncate(0, length)
    assert say(language, 0, 6) == wanted


def test_a_fork_goes_its_own_way(language: Language) -> None:
    read(language, 1, " a row that held something longer before " * 3)
    read(language, 0, TEXT[:150])
    language.fork(0, 1)
    length = language.length(0)
    wanted = say(language, 0, 6)
    language.truncate(0, length)
    read(language, 1, " But no!")
    other = say(language, 1, 6)
    assert say(language, 0, 6) == wanted
    language.truncate(1, length)
    assert say(language, 1, 6) == wanted != other


def test_an_abandoned_append_never_happened(language: Language) -> None:
    read(language, 0, TEXT[:150])
    length = language.length(0)
    language.fork(0, 1)
    pieces = language.append(0, language.encode(TEXT[400:900]))
    next(pieces)
    pieces.close()
    assert language.length(0) == length
    assert say(language, 0, 6) == say(language, 1, 6)


def test_a_row_that_changes_under_a_reader_is_an_error(language: Language) -> None:
    read(language, 0, TEXT[:100])
    pieces = language.append(0, language.encode(TEXT[400:600]))
    next(pieces)
    language.truncate(0, 3)
    with pytest.raises(RuntimeError, match="changed"):
        run(pieces)


def test_the_window_slides_and_remembers_its_draft(language: Language) -> None:
    prefix = language.chat_prefix("Be kind.")
    run(language.append(0, prefix))
    language.pin(0, len(prefix))
    run(language.append(0, language.encode(TEXT[:1500])))
    length = language.length(0)
    assert length > 96 + 48
    wanted = say(language, 0, 40)
    language.truncate(0, length)
    assert say(language, 0, 40) == wanted
    language.fork(0, 2)
    language.truncate(2, length)
    assert say(language, 2, 40) == wanted
    with pytest.raises(BeyondWindow, match="read the text again"):
        language.truncate(0, length - 10)
    with pytest.raises(BeyondWindow):
        language.truncate(0, len(prefix) + 1)
    language.truncate(0, len(prefix))
    fresh = language.length(0)
    read(language, 0, TEXT[:100])
    run(language.append(1, prefix))
    language.pin(1, len(prefix))
    read(language, 1, TEXT[:100])
    assert fresh == len(prefix)
    assert say(language, 0, 5) == say(language, 1, 5)


def test_a_reset_row_is_new(language: Language) -> None:
    read(language, 0, TEXT[:2000])
    language.seed(0, 1)
    language.reset(0)
    read(language, 0, TEXT[:100])
    read(language, 1, TEXT[:100])
    language.sampling = Sampling(temperature=1.0)
    assert say(language, 0, 6) == say(language, 1, 6)


@pytest.mark.timeout(60)
def test_it_answers(whole: Language) -> None:
    whole.reset(0)
    ids = whole.chat_prefix(DEFAULT_INSTRUCTIONS)
    ids += whole.person_turn("What is the capital of France?") + whole.agent_open()
    run(whole.append(0, ids))
    assert "Paris" in whole.decode(say(whole, 0, 12))


def test_reading_is_cut_into_pieces(language: Language) -> None:
    ids = language.encode(TEXT[:1000])
    assert run(language.append(0, ids)) > len(ids) // 64 * LAYERS
    assert set(language.append(1, ids)) == {PAUSE}


def test_senseless_requests_are_refused(language: Language) -> None:
    with pytest.raises(ValueError, match="at least one token"):
        language.next_tokens([0])
    read(language, 0, "Hello there")
    with pytest.raises(ValueError, match="different"):
        language.next_tokens([0, 0])
    with pytest.raises(ValueError, match="vocabulary"):
        run(language.append(0, [10**6]))
    with pytest.raises(ValueError, match="holds"):
        language.truncate(0, 99)
    with pytest.raises(ValueError, match="pin"):
        language.pin(0, 50)
    with pytest.raises(ValueError, match="shorten"):
        language.chat_prefix("word " * 200)
    assert language.next_tokens([]) == []


def test_other_tokenizers_and_missing_parts_are_refused(tmp_path: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import BPE

    with pytest.raises(ValueError, match="ChatML"):
        ChatTokens(Tokenizer(BPE()), [0])
    with pytest.raises(FileNotFoundError):
        Language.load(tmp_path, 1)


def test_a_beginning_that_is_copied_is_the_same_to_the_bit(language: Language) -> None:
    """Most conversations begin alike: the second one copies what the first one read."""
    prefix = language.chat_prefix("Be kind.")
    others = language.chat_prefix("Be as brief as you can.")
    run(language.begin(3, others))
    pieces = run(language.begin(0, prefix))
    assert run(language.begin(1, prefix)) == pieces > 1, "a journal could not be replayed"
    state = language._state
    for row in (0, 1):
        read(language, row, TEXT[:300])
    for kept in (state.keys, state.values):
        assert torch.equal(kept[:, 0], kept[:, 1])
    for counts in (state.tokens, state.lengths, state.pinned, state.spoken, state.seeds):
        assert torch.equal(counts[0], counts[1])
    assert say(language, 0, 20) == say(language, 1, 20)
    run(language.begin(2, prefix))  # what was said behind the original does not come along
    read(language, 2, TEXT[:300])
    assert torch.equal(state.keys[:, 2, :, : len(prefix)], state.keys[:, 1, :, : len(prefix)])
    state.keys[:, language.rows] += 1
    run(language.begin(0, prefix))
    assert not torch.equal(state.keys[:, 0], state.keys[:, 1]), "it was read, not copied"
    run(language.begin(0, others))
    run(language.begin(3, prefix))
    read_there = slice(len(prefix) - 1)  # the last token is read with what follows it
    assert torch.equal(state.keys[:, 3, :, read_there], state.keys[:, 2, :, read_there])
