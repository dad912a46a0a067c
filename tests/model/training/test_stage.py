"""Scenes as they are staged: when what begins, and what is done about it."""

from __future__ import annotations

import numpy as np
import pytest

from model.interaction import hearing
from model.messages import Word
from model.timebase import HEARING_RATE, SPEAKING_RATE
from model.training.render import ears
from model.training.render.cast import VOICES, Split
from model.training.render.conversation import _queued
from model.training.render.parts import Conversation, OwnPart, Pause, PersonPart
from model.training.render.speech import Persona
from model.training.render.stage import _Director
from model.training.scripts.writer import Line, Writer, wording

ANSWER_SECONDS = 6.0


def director(split: Split, seed: int) -> _Director:
    """Where we have just said something that lasted from 0.5 s on."""
    made = _Director(np.random.default_rng(seed), split)
    audio = np.zeros(round(ANSWER_SECONDS * SPEAKING_RATE), np.float32)
    made._own.append(OwnPart("answer", 5, audio, (), len(audio)))
    made.now = made._own[-1].end_seconds + made._delay
    return made


@pytest.mark.timeout(60)
@pytest.mark.parametrize("scene", ["_aside", "_quiet"])
@pytest.mark.parametrize("split", ["dev", "dev-asking"])
def test_what_is_no_turn_begins_where_a_turn_would(scene: str, split: Split) -> None:
    """How long ago we spoke must not tell a question from an "okay" or a word to somebody else."""
    heard = 0
    for seed in range(12):
        made, turn = director(split, seed), director(split, seed)._next_start()
        getattr(made, scene)()
        starts = [one.start for one in made._person] + [one.start for one in made._others]
        if starts:
            assert min(starts) / HEARING_RATE == pytest.approx(turn, abs=1e-3)
            heard += 1
    assert heard >= 6


@pytest.mark.parametrize(("split", "least"), [("train", 0.1), ("dev", 0.1), ("dev-asking", 0.25)])
def test_people_think_before_they_speak(split: Split, least: float) -> None:
    drawn = [(made := director(split, seed))._next_start() - made.now for seed in range(300)]
    behind = np.array(drawn)
    assert 0.03 < (behind < 0.0).mean() < 0.35
    assert ((behind > 0.5) & (behind < 2.5)).mean() > 0.25
    assert (behind > 2.5).mean() > least and behind.max() < 12.2


def test_breaths_and_misplaced_signs_come_in_pauses_as_at_ends() -> None:
    """A breath behind a quarter of all silences; a "mhm" behind more ends than pauses."""
    pause = Pause(2 * HEARING_RATE, round(2.8 * HEARING_RATE), False)
    part = PersonPart("turn", HEARING_RATE, np.ones(3 * HEARING_RATE, np.float32), pauses=(pause,))
    found: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(120):
        made = director("train", seed)
        made._catch_breath(part)
        for breath in made._person:
            inside = breath.start < part.last
            found[inside].append(
                (breath.start - (pause.start if inside else part.last)) / HEARING_RATE
            )
    for behind in found.values():
        assert 15 <= len(behind) <= 48 and min(behind) >= 0.0 and max(behind) <= 0.4
    manners = director("train", 0)._manners
    assert manners.misplaced_at_end > 2 * manners.misplaced


def test_what_was_not_cut_is_not_resumed() -> None:
    made = director("dev", 1)
    (ours,) = made._own
    made._stop_in_error(ours.end_seconds - 0.05)
    assert made._own == [ours]
    made._stop_in_error(ours.start_seconds + 0.3)
    cut, rest = made._own
    assert cut.faded and cut.sent < ours.sent and rest.kind == "resumed"


def test_who_asks_for_silence_or_time_is_marked_in_the_wording() -> None:
    splits: tuple[Split, ...] = ("train", "dev")
    for split in splits:
        known = wording(split)
        silencers = set(known["silencers"])
        others = {line for kind, lines in known.items() if kind not in ("silencers", "slots")
                  for line in lines if isinstance(line, str)}  # fmt: skip
        assert silencers and silencers.isdisjoint(others)
        writer = Writer(np.random.default_rng(4), split)
        drawn = [writer.interruption() for _ in range(2000)]
        assert 0.05 < np.mean([line.silences for line in drawn]) < 0.13
        plain = {line for line in silencers if "{" not in line}
        told = {line.text for line in drawn if line.silences}
        assert len(told & plain) > 0.8 * len(plain)
        assert not any(line.text in silencers for line in drawn if not line.silences)
    asked = set(wording("train")["silencers"])
    assert asked > {"Stop.", "Stop it.", "Quiet.", "Okay, stop.", "Stop, please.", "Pause.",
                    "Wait.", "Hold on.", "Just a second.", "Let me think."}  # fmt: skip


def test_no_answer_is_expected_by_who_asks_for_silence() -> None:
    made = director("dev", 1)
    wanted = [made._says("interruption", line, 2.0).wanted
              for line in (Line("Hush, please.", silences=True), Line("Which one?"))]  # fmt: skip
    assert wanted == [None, True]


def one_word(wanted: bool | None) -> Conversation:
    """ "Why?" from micro-turn 10 to 19."""
    sound = np.random.default_rng(1).normal(0.0, 0.1, HEARING_RATE).astype(np.float32)
    turn = PersonPart("turn", HEARING_RATE, sound, (Word("Why?", 0.1, 0.9),), wanted=wanted)
    return Conversation(Persona(VOICES["train"][0], 1.0, 1.0, 1.0), 120, 0.1, (turn,), ())


def told_of(talk: Conversation, seeds: int) -> list[list[ears.Partial]]:
    model = ears.ears_model("clear")
    return [ears.partials(np.random.default_rng(seed), talk, model) for seed in range(seeds)]


def test_how_long_words_are_kept_says_nothing_of_what_is_owed() -> None:
    assert ears._OVER_MICRO_TURNS == hearing.OVER_MICRO_TURNS
    assert ears._OWED_MICRO_TURNS == hearing.DOUBTED_OVER_MICRO_TURNS
    for wanted in (True, None):
        talk = one_word(wanted)
        last = talk.person[0].last // 1600
        closed = [p.k - last - 1 for told in told_of(talk, 40) for p in told if p.final]
        assert len(closed) == 40 and set(closed) == {25, 40}
        assert 8 < closed.count(40) < 32


def test_the_first_silence_asks_for_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was on its way and had not heard all does not come any more."""
    known: list[float] = []
    for share in (0.0, 1.0):
        monkeypatch.setattr(ears, "_ASKED_AT_ENDS", share)
        every = told_of(one_word(True), 100)
        for told in every:
            ks = [partial.k for partial in told]
            assert ks == sorted(ks)
        known.append(float(np.mean([[p.k for p in told if not p.final][-1] for told in every])))
    assert known[1] < known[0] - 0.4


@pytest.mark.parametrize("cut", [False, True])
def test_what_is_queued_stands_still_with_our_voice_also_in_what_is_cut_later(cut: bool) -> None:
    """As live: Core must not tell by it that somebody interrupts."""
    made = director("train", 1)
    made._own[0] = made._own[0].held(2.0, 0.3).held(2.1, 0.3)
    (hole,) = made._own[0].holes
    assert hole == (36_000, 43_200), "not twice so soon"
    if cut:
        assert made._cut(5.0)
    script = Conversation(made._persona, 90, 0.1, (), tuple(made._own))
    # The first draw is how far ahead we render: all of it.
    seconds = _queued(_Far(), script)[:, 1]
    still = slice(20, 22)
    assert np.ptp(seconds[19:22]) == pytest.approx(0.0, abs=0.01)
    assert seconds[18] - seconds[23] == pytest.approx(0.2, abs=0.02)
    assert seconds[still].all()


class _Far(np.random.Generator):
    def __init__(self) -> None:
        super().__init__(np.random.PCG64(1))

    def uniform(self, *_: float) -> float:  # type: ignore[override]
        return 100.0
