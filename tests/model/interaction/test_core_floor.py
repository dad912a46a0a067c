"""Core on the floor of the live model: rows keep apart, failures leave no trace."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from model.engine.engine import RowOutput
from model.interaction import streams
from model.interaction.core import OperatingPoint, sound_columns
from model.interaction.core_floor import CoreFloor
from model.interaction.core_row import MOST_DRAFTS_A_MINUTE, CoreRow, Encoded
from model.interaction.counterpoint import CounterpointModel
from model.interaction.floor_port import Sensed, Verdict
from model.interaction.memory import Memory
from model.interaction.mind import Draft, Mind, Transcribed
from model.interaction.segment import Segment
from model.interaction.speaking import Utterance
from model.interaction.work import Parts
from model.messages import Floor, Hesitation, MicroTurnInput, Word
from tests.model.interaction.core_live import Decided, Listening, Live, untrained

NOTHING = cast(Any, None)
ROWS = 2
STEPS = 520


class Bare:
    """A Language that is never asked for a word."""

    rows = ROWS

    def chat_prefix(self, instructions: str) -> list[int]:
        return []


def model_with(used: Listening, floor: CoreFloor | None = None) -> CounterpointModel:
    memories = tuple(Memory(NOTHING, row) for row in range(ROWS))
    parts = Parts(NOTHING, NOTHING, memories, floor or CoreFloor(used, NOTHING), 16)
    return CounterpointModel(cast(Any, Bare()), parts)


def blocks(seed: int, count: int = STEPS) -> Any:
    random = np.random.default_rng(seed)
    return random.normal(0, 0.1, (count, 1600)).astype(np.float32)


def results(seed: int, k: int) -> tuple[object, ...]:
    """Encoder states as they come in every second micro-turn."""
    if k % 2:
        return ()
    random = np.random.default_rng([seed, k])
    return (Encoded(k - 1, random.normal(0, 1, (4, 288)).astype(np.float16)),)


def row_of(live: Live, row: int) -> CoreRow:
    mind = live.state.minds[row]
    assert mind is not None
    assert isinstance(mind.floor, CoreRow)
    return mind.floor


def walk(beside: bool) -> list[tuple[Any, ...]]:
    """Row 0 through all micro-turns; its neighbour comes, goes, stops and begins anew."""
    used = untrained(ROWS)
    used.point = OperatingPoint(take=0.2, yielding=0.2, draft=0.1)
    live = Live.begin(model_with(used))
    mine, other = blocks(1), blocks(2)
    random = np.random.default_rng(4)
    found: list[tuple[Any, ...]] = []
    for k in range(STEPS):
        inputs = {0: live.given(0, mine[k], *results(5, k))}
        if beside and random.random() < 0.6:
            inputs[1] = live.given(1, other[k], *results(6, k))
        if beside and random.random() < 0.02:
            live.state = live.model.close(live.state, 1)
            live = reopened(live)
            inputs.pop(1, None)
        output = live.step(inputs)[0]
        assert output is not None
        row = row_of(live, 0)
        found.append((row.floor, row.person, row.ahead, output.output.events))
    return found


def reopened(live: Live) -> Live:
    from model.messages import OpenStream

    live.state, _ = live.model.open(live.state, 1, OpenStream(2))
    live.k[1] = 0
    return live


def test_a_row_is_the_same_to_the_bit_whatever_its_neighbour_does() -> None:
    alone, beside = walk(False), walk(True)
    assert len(alone) >= 500
    assert alone == beside
    assert len({floor for floor, *_ in alone}) > 400, "it was not asleep"


class Stumbling(CoreFloor):
    """Raises once, behind the step of Core."""

    stumbles = False

    def decide(self, mind: Mind, turn: MicroTurnInput, sensed: Sensed) -> Verdict:
        if self.stumbles and mind.row == 1:
            self.stumbles = False
            raise RuntimeError("stumbled")
        return super().decide(mind, turn, sensed)


@pytest.mark.parametrize("where", ["results", "decision"])
def test_a_step_that_failed_can_be_taken_again(where: str) -> None:
    mine, other = blocks(1, 12), blocks(2, 12)

    def run(fails: bool) -> tuple[CoreRow, RowOutput | None]:
        used = untrained(ROWS)
        floor = Stumbling(used, NOTHING)
        live = Live.begin(model_with(used, floor))
        for k in range(12):
            inputs = {row: live.given(row, audio[k]) for row, audio in enumerate((mine, other))}
            if k == 9 and fails:
                floor.stumbles = where == "decision"
                broken = inputs if floor.stumbles else inputs | {1: live.given(1, other[k], "?")}
                before = live.state
                with pytest.raises((RuntimeError, TypeError)):
                    live.step(broken)
                assert live.state is before
            outputs = live.step(inputs)
        return row_of(live, 0), outputs[0]

    (row, output), (wanted, same) = run(True), run(False)
    assert (row.floor, row.person, row.ahead) == (wanted.floor, wanted.person, wanted.ahead)
    assert output is not None
    assert same is not None
    assert output.output.events == same.output.events


def test_live_sound_is_that_of_training_to_the_bit() -> None:
    used = untrained(ROWS)
    model = model_with(used)
    live = Live.begin(model)
    audio = blocks(7, 30)
    memory = used.new_memory()
    frames: dict[str, list[Any]] = {name: [] for name in ("person", "own")}
    import torch

    for k in range(30):
        texts = ("Hello.",) if k == 3 else ()
        live.step({0: live.given(0, audio[k], texts=texts)})
        given = used.given[-1]
        heard = used._person.step(torch.from_numpy(given.audio), memory.person, torch.ones(2) > 0)
        sent = used._own.step(torch.from_numpy(given.own), memory.own, torch.ones(2) > 0)
        memory = replace(memory, person=heard[2], own=sent[2])
        frames["person"].append((heard[0][0].numpy(), heard[1][0].numpy()))
        frames["own"].append((sent[0][0].numpy(), sent[1][0].numpy()))
    own = np.concatenate([one.own[0] for one in used.given])
    columns = sound_columns(audio.ravel(), own)
    for side, found in frames.items():
        for name, at in (("dmel", 0), ("prosody", 1)):
            made = np.stack([one[at] for one in found])
            np.testing.assert_array_equal(made, columns[f"{side}_{name}"])
    assert used.given[3].known["word_flags"][0, 0] & streams.WORD_TYPED
    assert [int(one.known["k"][0]) for one in used.given] == list(range(30))


def test_drafts_are_capped_and_the_floor_is_not() -> None:
    used = untrained(ROWS)
    decided = Decided(used)
    live = Live.begin(model_with(used))
    begun = drafted = dropped = 0
    for k in range(200):
        hopeful = k % 2 == 0
        decided("listen", "finished" if hopeful else "speaking", ahead=-12 if hopeful else 12)
        (output, _) = live.step({0: live.given(0, blocks(1, 1)[0])})
        assert output is not None
        begun += sum(job.lane == "language" for job in output.jobs)
        drafted, dropped = drafted + output.drafted, dropped + output.dropped
    assert begun == drafted == MOST_DRAFTS_A_MINUTE
    assert dropped >= MOST_DRAFTS_A_MINUTE - 1
    decided("take", "finished")
    (output, _) = live.step({0: live.given(0, blocks(1, 1)[0])})
    assert output is not None
    assert "language" in [job.lane for job in output.jobs]


def test_other_words_drop_the_draft_that_answers_what_was_not_said() -> None:
    used = untrained(ROWS)
    decided = Decided(used)
    live = Live.begin(model_with(used))
    decided("listen", "speaking", ahead=12)
    live.step({0: live.given(0, blocks(1, 1)[0])})
    decided("listen", "finished")
    live.step({0: live.given(0, blocks(1, 1)[0])})

    def told(draft: int, *words: str) -> None:
        mind = live.state.minds[0]
        assert mind is not None and mind.hearing.segment is not None
        asked = mind.hearing.segment
        known = Segment(asked.blocks, 0.0, open_words=tuple(Word(w, 0.0, 0.1) for w in words))
        known = replace(known, start_seconds=asked.start_seconds)
        live.step({0: live.given(0, blocks(1, 1)[0], Transcribed(1, asked, known, draft))})

    def draft() -> int:
        mind = live.state.minds[0]
        assert mind is not None
        return mind.draft.number if mind.draft is not None else 0

    assert draft() == 1
    told(1, "Tell", "me")
    told(0, "tell", "me,")
    assert draft() == 1, "another comma is no other question"
    told(0, "tell", "me", "more")
    assert draft() == 2


@pytest.mark.parametrize(
    ("person", "finished", "kept"),
    [("finished", 0.0, 95), ("silent", 0.0, 24), ("silent", 0.25, 38)],
)
def test_what_may_be_owed_an_answer_is_not_forgotten_after_a_silence(
    person: str, finished: float, kept: int
) -> None:
    """A short question may be taken for nothing first: by the time that changes there must be words
    to answer."""
    used = untrained(ROWS)
    decided = Decided(used)
    live = Live.begin(model_with(used))

    def open_after(micro_turns: int) -> bool:
        for _ in range(micro_turns):
            live.step({0: live.given(0, blocks(1, 1)[0])})
        mind = live.state.minds[0]
        assert mind is not None
        return mind.hearing.segment is not None

    decided("listen", "speaking", ahead=12)
    open_after(3)
    decided("listen", person)
    if finished:
        biases = used.network.heads.bias
        states = [5 + streams.PERSON_STATES.index(name) for name in ("finished", person)]
        biases[states[0]] = biases[states[1]] - np.log(1 / finished - 1)
    assert open_after(kept)
    assert not open_after(8)


def changed(live: Live, **fields: Any) -> None:
    """Put something into the mind of row 0."""
    mind = live.state.minds[0]
    assert mind is not None
    live.state = replace(live.state, minds=(replace(mind, **fields), *live.state.minds[1:]))


def mind_of(live: Live) -> Mind:
    mind = live.state.minds[0]
    assert mind is not None
    return mind


def test_what_does_not_sound_yet_is_not_stopped() -> None:
    used = untrained(ROWS)
    decided = Decided(used)
    live = Live.begin(model_with(used))
    live.step({0: live.given(0, blocks(1, 1)[0], texts=("Where is it?",))})
    begun = mind_of(live).utterance
    assert begun is not None and not begun.sent_samples
    decided("listen", "speaking", ahead=12)
    for _ in range(8):
        live.step({0: live.given(0, blocks(1, 1)[0])})
    assert mind_of(live).utterance == begun and mind_of(live).cut_k < 0


def test_an_answer_that_was_stopped_unheard_is_given_when_it_is_wanted() -> None:
    used = untrained(ROWS)
    decided = Decided(used)
    live = Live.begin(model_with(used))
    changed(live, carried="Where is it?")
    decided("listen", "silent")
    live.step({0: live.given(0, blocks(1, 1)[0])})
    assert mind_of(live).utterance is None
    decided("take", "finished")
    live.step({0: live.given(0, blocks(1, 1)[0])})
    assert mind_of(live).utterance is not None
    assert (mind_of(live).asked, mind_of(live).carried) == ("Where is it?", "")


@pytest.mark.parametrize(("manner", "cut"), [("backchannel", False), ("", True)])
def test_the_person_speaks_on_under_a_sign_of_listening(manner: Any, cut: bool) -> None:
    used = untrained(ROWS)
    decided = Decided(used)
    live = Live.begin(model_with(used))
    decided("listen", "speaking", ahead=12)
    live.step({0: live.given(0, blocks(1, 1)[0])})
    sounding = Utterance(1, 0, sent_samples=4800, rendered_samples=24_000)
    changed(live, utterance=sounding, utterances=1, manner=manner)
    live.step({0: live.given(0, blocks(1, 1)[0])})
    assert (mind_of(live).cut_k >= 0) == cut


def test_words_behind_a_sound_without_any_are_answered() -> None:
    """ "Um…", of which nothing is recognised, and then "No."; with and without the last words."""
    used = untrained(ROWS)
    decided = Decided(used)
    live = Live.begin(model_with(used))

    def step(*results: object) -> None:
        live.step({0: live.given(0, blocks(1, 1)[0], *results)})

    decided("listen", "speaking", ahead=12)
    for _ in range(3):
        step()
    number = mind_of(live).hearing.number
    nothing = Draft(7, number, complete=True, nothing=True)
    changed(live, draft=nothing, drafts=7)
    decided("take", "finished")
    step()
    assert mind_of(live).hearing.segment is not None, "what was said since is not read yet"
    assert mind_of(live).draft is not None and mind_of(live).draft != nothing

    changed(live, draft=nothing)
    asked = mind_of(live).hearing.segment
    assert asked is not None
    known = Segment(asked.blocks, 0.0, open_words=(Word("No.", 0.0, 0.1),))
    known = replace(known, start_seconds=asked.start_seconds)
    decided("listen", "finished")
    step(Transcribed(number, asked, known, 0))
    assert mind_of(live).draft is not None and mind_of(live).draft != nothing


@pytest.mark.parametrize(
    ("ahead", "took", "asked"), [(12, 1, 20), (12, 2, 10), (12, 9, 5), (-12, 1, 5)]
)
@pytest.mark.parametrize("behind_a_turn", [False, True])
def test_the_encoder_is_asked_as_often_as_there_is_time_and_something_to_hear(
    ahead: int, took: int, asked: int, behind_a_turn: bool
) -> None:
    used = untrained(ROWS)
    decided = Decided(used)
    live = Live.begin(model_with(used))
    decided("listen", "speaking" if ahead > 0 else "silent", ahead=ahead)
    # As often as while it lasted, until it is answered or given up.
    owed = behind_a_turn and ahead < 0
    if owed:
        decided("listen", "speaking", ahead=12)
        asked = 20
    asked_at: list[int] = []
    for k in range(80):
        if owed and k == 1:
            decided("listen", "finished", ahead=ahead)
        due = [Encoded(k - took, np.zeros((4, 288), np.float16))] if k - took in asked_at else []
        (output, _) = live.step({0: live.given(0, blocks(1, 1)[0], *due)})
        assert output is not None
        if any(job.lane == "encoder" for job in output.jobs):
            asked_at.append(k)
    assert sum(k >= 40 for k in asked_at) == pytest.approx(asked, abs=1), asked_at


def test_who_is_sure_asks_nothing_and_leaves_the_processor_to_the_answer() -> None:
    """Until Core is in doubt again: then of the words it was not asked about, too."""
    used = untrained(ROWS)
    decided = Decided(used)
    live = Live.begin(model_with(used, CoreFloor(used, NOTHING, cast(Any, Bare()))))

    def asked(micro_turns: int, *results: object) -> set[str]:
        found: set[str] = set()
        for _ in range(micro_turns):
            states = Encoded(live.k[0] - 1, np.zeros((4, 288), np.float16))
            (output, _) = live.step({0: live.given(0, blocks(1, 1)[0], states, *results)})
            assert output is not None
            found |= {job.lane for job in output.jobs}
            results = ()
        return found & {"encoder", "belief"}

    decided("listen", "speaking", ahead=12)
    assert asked(6) == {"encoder"}
    heard = mind_of(live).hearing
    assert heard.segment is not None
    known = replace(heard.segment, open_words=(Word("No.", 0.0, 0.1),))
    decided("take", "finished")
    assert asked(6, Transcribed(heard.number, heard.segment, known, 0)) == set()
    decided("listen", "pausing")
    assert asked(1) == {"encoder", "belief"}
    assert "belief" not in asked(6), "about the same words once is enough"


@pytest.mark.parametrize(("eagerness", "takes"), [(0.0, 0.8), (0.5, 0.5), (1.0, 0.2)])
def test_eagerness_moves_the_point(eagerness: float, takes: float) -> None:
    point = OperatingPoint(take=0.5, overdue=0.5).with_eagerness(eagerness)
    assert (point.take, point.overdue) == pytest.approx((takes, takes))


def test_the_voice_stands_still_while_it_is_not_known_who_wants_the_floor() -> None:
    """Then it goes on or is cut; a cut is told before the standing still is over."""
    used = untrained(ROWS)
    decided = Decided(used)
    used.point = OperatingPoint(draft=0.4, yielding=0.9, hesitating=0.2)
    live = Live.begin(model_with(used))
    utterance = Utterance(1, 0, waiting=(np.zeros(96_000, np.float32),), rendered_samples=96_000)
    changed(live, utterance=utterance, utterances=1)

    def told(micro_turns: int) -> list[object]:
        found: list[object] = []
        for _ in range(micro_turns):
            (output, _) = live.step({0: live.given(0, blocks(1, 1)[0])})
            assert output is not None
            found += [e for e in output.output.events if isinstance(e, Hesitation | Floor)]
        return found

    decided("hold", "silent")
    assert told(3) == []
    decided("hold", "speaking")
    used.network.heads.bias[streams.FLOORS.index("yield")] = 11.0  # P = .27
    assert told(1) == [Hesitation(True)]
    assert told(6) == [Hesitation(False)], "not for ever"
    decided("hold", "silent")
    assert told(10) == []
    decided("hold", "speaking")
    used.network.heads.bias[streams.FLOORS.index("yield")] = 11.0
    assert told(1) == [Hesitation(True)]
    decided("yield", "speaking")
    first, second = told(2)
    assert isinstance(first, Floor)
    assert first.decision == "yield"
    assert second == Hesitation(False)
