"""The floor by Core: its streams made live, its probabilities acted on at its operating point.

There is no other turn-taking logic here: whether the person's voice is there, whether an answer is
worth drafting, and whether a stop was for nothing, are Core's outputs too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import numpy as np

from model.engine.jobs import Priority, Work
from model.interaction import core, streams
from model.interaction.belief import Opinion
from model.interaction.core import Core, CoreMemory, Judgement, OperatingPoint
from model.interaction.core_row import (
    MOST_DRAFTS_A_MINUTE,
    Believed,
    CoreRow,
    Encoded,
    Moment,
    counted,
    moment,
)
from model.interaction.core_words import write
from model.interaction.floor_port import FloorJob, Owed, RowSeen, Sensed, Verdict
from model.interaction.mind import Mind
from model.interaction.overdue import OVERDUE_SECONDS, voiced
from model.interaction.parts import Pieces
from model.interaction.speaking import Utterance
from model.interaction.weighing import weighed
from model.messages import Audio, MicroTurnInput, Speech
from model.timebase import HEARING_BLOCK_SAMPLES, MICRO_TURN_SECONDS, SPEAKING_BLOCK_SAMPLES

__all__ = ["Believes", "CoreFloor", "Encodes"]

REFRESH_MICRO_TURNS: Final = 2
MOST_REFRESH_MICRO_TURNS: Final = 8
QUIET_MICRO_TURNS: Final = 6
"""Nobody was there for so long: what the encoder says of the last two seconds stays nearly so, and
it is asked again at the first voice."""
INSISTS_MICRO_TURNS: Final = 8
INSISTS_VOICED_MICRO_TURNS: Final = 3
"""So long an answer that was taken waits for what sounds on; in silence it waits for the words."""

STANDING: Final = 0.5
"""An answer that was taken and is not there yet stands at this probability, and above."""

MINE: Final = ("silent", "acknowledging", "elsewhere")
"""States of the person in which nothing was said to us that waits for an answer."""

TAKE, HOLD, YIELD = (streams.FLOORS.index(name) for name in ("take", "hold", "yield"))
PICKED = {name: streams.PERSON_STATES.index(name) for name in streams.PERSON_STATES}


class Encodes(Protocol):
    """The encoder of Ears."""

    @property
    def hop_seconds(self) -> float:
        """Time from one state to the next."""

    def encode(self, audio: Audio) -> Pieces[Any]:
        """States `[frames, 288]` of 16 kHz audio, a tensor."""


class Believes(Protocol):
    """Language's belief; see `belief.Belief`."""

    def reset(self, row: int) -> None:
        """Nothing was said in the row."""

    def judge(self, rows: Sequence[int], texts: Sequence[str]) -> Pieces[Sequence[Opinion]]:
        """The opinions of the texts, each in its row."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was sensed of one row, for `CoreFloor.decide`."""

    moment: Moment
    judged: Judgement
    at: int


class CoreFloor:
    """A `FloorPart`.

    Args:
        used: Core with its operating point; one row for each conversation.
        ears: whose encoder Core reads.
        belief: Language's belief; None leaves the stream empty.
    """

    described = "Core, trained here"

    def __init__(self, used: Core, ears: Encodes, belief: Believes | None = None) -> None:
        self._core = used
        self._ears = ears
        self._belief = belief

    def new_state(self, rows: int) -> CoreMemory:
        """Rows that have heard nothing."""
        if rows != self._core.rows:
            raise ValueError(f"this Core has {self._core.rows} rows, not {rows}: load it anew")
        return self._core.new_memory()

    def reset(self, state: CoreMemory, row: int) -> CoreMemory:
        """The state with one row new; caches are zeroed in place, nobody else reads them."""
        network = replace(state.network, lengths=state.network.lengths.clone())
        person = replace(state.person, history=state.person.history.clone())
        own = replace(state.own, history=state.own.history.clone())
        after = CoreMemory(person, own, network)
        after.reset(row)
        return after

    def begin(self) -> CoreRow:
        """A conversation in which nothing was said."""
        return CoreRow()

    def sense(
        self, state: CoreMemory, rows: Sequence[RowSeen | None]
    ) -> tuple[list[Sensed | None], CoreMemory]:
        """One step of Core over all rows."""
        moments = [None if seen is None else moment(_row(seen.mind), seen) for seen in rows]
        audio = np.zeros((len(rows), HEARING_BLOCK_SAMPLES), np.float32)
        own = np.zeros((len(rows), SPEAKING_BLOCK_SAMPLES), np.float32)
        known = core.known_nothing(len(rows))
        for at, (seen, now) in enumerate(zip(rows, moments, strict=True)):
            if seen is not None and now is not None:
                audio[at], own[at] = seen.turn.audio, now.own
                for name, value in now.columns.items():
                    known[name][at] = value
                write(now.events, seen.turn.k, known, at)
        active = np.array([seen is not None for seen in rows])
        judged, after = self._core.step(audio, own, known, state, active)
        sensed = [
            None if now is None else Sensed(_voiced(judged, at), Found(now, judged, at))
            for at, now in enumerate(moments)
        ]
        return sensed, after

    def enter(self, mind: Mind, value: object) -> CoreRow:
        """The row with what a job found."""
        row = _row(mind)
        match value:
            case Encoded():
                took = row.k + 1 - row.asked_k
                return replace(row, encoded=value, encoding=False, encoding_took=took)
            case Believed():
                return replace(row, believed=value)
            case _:
                raise TypeError(f"no job gives a {type(value).__name__}")

    def failed(self, mind: Mind, lane: str) -> CoreRow:
        """What was asked for does not come; the encoder is asked again."""
        row = _row(mind)
        return replace(row, encoding=False) if lane == "encoder" else row

    def decide(self, mind: Mind, turn: MicroTurnInput, sensed: Sensed) -> Verdict:
        """What Core is sure enough of."""
        found: Found = sensed.found
        row = found.moment.row
        point = self._core.point.with_eagerness(mind.settings.eagerness)
        utterance = mind.utterance
        silent = utterance is None or not utterance.sent_samples or _is_over(utterance, row)
        speaking = _may_yield(mind) and not silent
        row = _judged(found, speaking)
        silence = _quiet(mind, turn.k) * MICRO_TURN_SECONDS
        decision, probability, doing, sure = core.decide(
            found.judged, found.at, point, speaking, silence
        )
        if decision == "backchannel" and not mind.settings.backchannels:
            decision, probability = "listen", 1.0 - probability
        certain = decision == "take"
        if decision == "listen" and _stands(row, mind):
            decision, probability = "take", row.floor[TAKE]
        takes = decision == "take"
        if not takes:
            row = replace(row, since_k=-1)
        row = counted(row, mind, turn.k)
        breath = row.breath.next(turn.k, row.floor[YIELD], point.hesitating, speaking)
        row = replace(row, breath=breath)
        near = _end_is_near(row)
        worth = takes or (near >= point.draft and len(row.drafted) < MOST_DRAFTS_A_MINUTE)
        row, jobs = self._jobs(row, found.moment.asks, mind, turn.k, sure=certain)
        return Verdict(
            row,
            decision,
            probability,
            doing,
            sure,
            draft=worth,
            goes_on=not takes and near < point.draft / 2,
            hesitates=breath.held,
            resume=_may_resume(row, doing, point),
            confirms=True,
            insists=takes and doing == "finished" and _waited(row, mind, turn.k),
            owes=_owes(near, point),
            jobs=jobs,
        )

    def waits(self, state: CoreRow) -> CoreRow:
        """Core decides anew in every micro-turn; an overdue answer is owed until it is there."""
        since = state.since_k if state.since_k >= 0 else state.k
        return replace(state, stood_k=state.k, since_k=since)

    def forget(self, state: CoreRow) -> CoreRow:
        """Core knows what it heard."""
        return state

    def spoke(self, state: CoreRow, speech: Sequence[Speech]) -> CoreRow:
        """Core hears it from the next micro-turn on."""
        return replace(state, sent=state.sent.give(speech)) if speech else state

    def told(self, state: CoreMemory, row: int, mind: Mind) -> Mapping[str, float]:
        """All of Core's probabilities."""
        judged = _row(mind)
        groups = (
            ("core", streams.FLOORS, judged.floor),
            ("person", streams.PERSON_STATES, judged.person),
            ("ahead", [f"{far:.1f} s" for _, far in streams.PROJECTION_SECONDS], judged.ahead),
        )
        return {
            f"{group}.{name}": value
            for group, names, values in groups
            for name, value in zip(names, values, strict=False)
        }

    def _jobs(
        self, row: CoreRow, asks: str, mind: Mind, k: int, sure: bool
    ) -> tuple[CoreRow, tuple[FloorJob, ...]]:
        jobs: tuple[FloorJob, ...] = ()
        if sure:
            # Only the answer's first words are waited for: the processor is theirs. What is not
            # asked now is asked when Core is in doubt again.
            return (replace(row, partials=-1) if asks else row), jobs
        if not row.encoding and k - row.asked_k >= _refresh(row, mind, k):
            job = _encode(self._ears, row.recent, k)
            jobs += (FloorJob("encoder", Priority.ENDS_TURN, job),)
            row = replace(row, encoding=True, asked_k=k)
        if asks and self._belief is not None:
            segment = mind.hearing.number
            job = _believe(self._belief, mind.row, asks, k, segment, anew=row.judging != segment)
            jobs += (FloorJob("belief", Priority.ENDS_TURN, job),)
            row = replace(row, judging=segment)
        return row, jobs


def _is_over(utterance: Utterance, row: CoreRow) -> bool:
    return utterance.told_done and not row.sent.sounding


def _owes(near: float, point: OperatingPoint) -> Owed:
    """Whether an answer is owed; at a third of what a draft asks for that is not settled yet."""
    return "yes" if near >= point.draft else "perhaps" if near >= point.draft / 3 else "no"


def _may_yield(mind: Mind) -> bool:
    """A sign of listening is no speech that the person could want to stop: they go on under it."""
    return mind.interruptible and mind.manner != "backchannel"


def _stands(row: CoreRow, mind: Mind) -> bool:
    """The floor was taken with nothing to say yet, and the person has not sounded since.

    Dev counts the first micro-turn in which Core is sure; here the answer must be there as well,
    and by then Core may be a little less so. It stands while a turn's end is likelier than not, and
    whatever Core thinks once it is overdue: its wish to answer fades within a second or two, where
    a draft may take longer, and with three conversations on two cores a question was never
    answered.
    """
    stood = row.stood_k - mind.hearing.voiced_k
    overdue = stood >= round(OVERDUE_SECONDS[0] / MICRO_TURN_SECONDS)
    likely = stood > 0 and row.floor[TAKE] >= STANDING
    return mind.hearing.segment is not None and (overdue or likely)


def _waited(row: CoreRow, mind: Mind, k: int) -> bool:
    """Whether the answer has waited for words long enough, and somebody sounds still: while a
    television speaks there is always voice that was not recognised, and always other words."""
    since = row.since_k >= 0 and k - row.since_k >= INSISTS_MICRO_TURNS
    return since and _quiet(mind, k) <= INSISTS_VOICED_MICRO_TURNS


def _quiet(mind: Mind, k: int) -> int:
    """Micro-turns since the person's voice was there."""
    return k - mind.hearing.voiced_k


def _refresh(row: CoreRow, mind: Mind, k: int) -> int:
    """Micro-turns between two looks of the encoder.

    Few where there is something to hear, or to be answered, and time for it; else it leaves the
    processor to others.
    """
    if mind.hearing.segment is None and _quiet(mind, k) >= QUIET_MICRO_TURNS:
        return MOST_REFRESH_MICRO_TURNS
    return min(REFRESH_MICRO_TURNS * max(row.encoding_took, 1), MOST_REFRESH_MICRO_TURNS)


def _encode(ears: Encodes, recent: Sequence[Audio], k: int) -> Work:
    """Pooled states of the last 2 s until the end of micro-turn `k`."""
    states = yield from ears.encode(np.concatenate(recent))
    return Encoded(k, streams.pooled(states.float().cpu().numpy(), ears.hop_seconds))


def _believe(belief: Believes, row: int, text: str, k: int, segment: int, anew: bool) -> Work:
    """Language's belief about the words known in micro-turn `k`."""
    if anew:
        belief.reset(row)
    (found,) = yield from belief.judge([row], [text])
    return Believed(k, segment, found.finished, found.message)


def _row(mind: Mind) -> CoreRow:
    assert isinstance(mind.floor, CoreRow)
    return mind.floor


def _voiced(judged: Judgement, at: int) -> bool:
    return bool(voiced(judged.person[at], judged.projection[at, 0, 0]))


def _judged(found: Found, speaking: bool) -> CoreRow:
    judged, at = found.judged, found.at
    floor = weighed(judged.floor[at], judged.person[at], speaking)
    return replace(
        found.moment.row,
        floor=tuple(map(float, floor)),
        person=tuple(map(float, judged.person[at])),
        ahead=tuple(map(float, judged.projection[at, 0])),
    )


def _end_is_near(row: CoreRow) -> float:
    """How likely the person falls silent now with something said that waits for an answer: at the
    end of the turn or in a pause, since an answer that is ready by the time that is known is worth
    one that is dropped."""
    owed = 1.0 - sum(row.person[PICKED[name]] for name in MINE)
    quiet = 1.0 - row.ahead[0]
    return max(row.floor[TAKE], row.person[PICKED["finished"]], owed * quiet)


def _may_resume(row: CoreRow, doing: str, point: OperatingPoint) -> bool:
    return doing in MINE and row.floor[TAKE] + row.floor[HOLD] >= point.take
