"""Who has the floor: a small set of rules over voice activity and a pretrained end-of-turn model.

Pure: `decide` takes the state and what was observed in one micro-turn, and gives the next state
and the decision. All times are seconds of the stream, counted in micro-turns. It is the baseline
that a trained model is compared with.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from model.messages import FloorDecision, PersonDoing
from model.timebase import MICRO_TURN_SECONDS

__all__ = [
    "Decided",
    "FloorSettings",
    "FloorState",
    "Observation",
    "decide",
    "is_acknowledgement",
]

_ROUNDING: Final = 1e-6
"""Sums of tenths of seconds miss round thresholds by less than this."""

_ACKNOWLEDGEMENTS: Final = frozenset(
    "mhm mm mmm mhmm hm hmm hmmm uh huh uhhuh um ah aha oh ooh yeah yea yep yup yes ya right okay "
    "ok k sure cool nice great good true exactly absolutely totally alright wow interesting "
    "really gotcha indeed fine".split()
)
_SMALL_WORDS: Final = frozenset("i see got it all that's is so very of course".split())
"""Belong to acknowledgements of several words ("I see", "got it", "all right, that's good")."""
_PHRASES: Final = ("i see", "got it", "all right", "of course", "makes sense", "go on", "i know")
_STOPPING: Final = frozenset({"stop", "wait", "quiet", "enough", "pause", "hush", "shush"})
_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)*")


@dataclass(frozen=True, slots=True)
class FloorSettings:
    """The rules' numbers.

    Attributes:
        voiced: probability from which a frame begins speech.
        still_voiced: probability from which a frame continues it.
        onset_seconds: voiced time after which a sound is a person's turn.
        gap_seconds: silence that ends a burst of speech.
        pause_seconds: silence from which the person pauses.
        ask_seconds: lengths of silence at which the end-of-turn model is asked.
        sure: probability of a finished turn that is answered at once.
        likely: probability that is answered after `likely_seconds` of silence.
        likely_seconds: see `likely`.
        patience_seconds: silence that is answered whatever the model says.
        offer_seconds: how long a finished turn is offered for answering.
        yield_seconds: voiced time over our speech that makes us yield while no word is known;
            "okay" and "I see" last 0.55 s.
        word_yield_seconds: the same once one word is known that is no acknowledgement.
        acknowledged_yield_seconds: the same while all words are acknowledgements.
    """

    voiced: float = 0.5
    still_voiced: float = 0.35
    onset_seconds: float = 0.15
    gap_seconds: float = 0.3
    pause_seconds: float = 0.2
    ask_seconds: tuple[float, ...] = (0.2, 0.6, 1.0)
    sure: float = 0.85
    likely: float = 0.5
    likely_seconds: float = 0.6
    patience_seconds: float = 1.4
    offer_seconds: float = 5.0
    yield_seconds: float = 0.6
    word_yield_seconds: float = 0.35
    acknowledged_yield_seconds: float = 1.5

    def with_eagerness(self, eagerness: float) -> FloorSettings:
        """The same rules for a person who wants quicker (1) or more patient (0) answers; 0.5 is
        as they are."""
        slower = 2.0 ** (1.0 - 2.0 * min(max(eagerness, 0.0), 1.0))
        return replace(
            self,
            likely_seconds=self.likely_seconds * slower,
            patience_seconds=self.patience_seconds * slower,
            sure=1.0 - (1.0 - self.sure) / slower,
        )


@dataclass(frozen=True, slots=True)
class FloorState:
    """What the rules remember from one micro-turn to the next.

    Attributes:
        burst_seconds: voiced time of the present or last burst of speech.
        silence_seconds: time since the last voiced frame.
        words_before: how many words were known when the burst began; later ones are its own.
        turn: the person has begun a turn that nobody has answered.
        speaking: we were speaking.
        yielded: we gave way, and are still falling silent.
        offered_seconds: for how long the finished turn has been offered.
    """

    burst_seconds: float = 0.0
    silence_seconds: float = 60.0
    words_before: int = 0
    turn: bool = False
    speaking: bool = False
    yielded: bool = False
    offered_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known in one micro-turn.

    Attributes:
        activity: probabilities of the person's voice, of frames of equal length, oldest first.
        speaking: our voice is being heard.
        words: what has been recognised of the person's present speech.
        end_of_turn: the last answer of the end-of-turn model, None when there is none.
        end_of_turn_age: micro-turns since the end of the audio that it judged.
        typed: typed text waits for an answer.
    """

    activity: Sequence[float]
    speaking: bool = False
    words: Sequence[str] = ()
    end_of_turn: float | None = None
    end_of_turn_age: int = 0
    typed: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision, what the person seems to be doing, and whether to ask the model.

    `take` is repeated until we are heard to speak or the offer has lapsed. `backchannel` (ours) is
    never decided by these rules.
    """

    state: FloorState
    decision: FloorDecision
    probability: float
    person: PersonDoing
    person_probability: float
    wants_end_of_turn: bool = False


def decide(state: FloorState, observation: Observation, settings: FloorSettings) -> Decided:
    """One micro-turn of the floor."""
    silence_before = state.silence_seconds
    state = _hear(state, observation, settings)
    if observation.speaking:
        return _while_we_speak(state, observation, settings)
    state = _after_we_spoke(state)
    if observation.typed:
        return Decided(state, "take", 1.0, "finished", 1.0)
    if not state.turn and _begins_turn(state, observation, settings):
        state = replace(state, turn=True, offered_seconds=0.0)
    if not state.turn:
        return Decided(state, "listen", 1.0, "silent", 1.0 - max(observation.activity, default=0.0))
    if _reached(settings.pause_seconds, state.silence_seconds):
        return _while_silent(state, observation, settings, silence_before)
    return Decided(replace(state, offered_seconds=0.0), "listen", 1.0, "speaking", 1.0)


def is_acknowledgement(words: Sequence[str]) -> bool:
    """Whether the words are only a sign of listening ("mm-hm", "yeah, okay", "I see")."""
    text = " ".join(_plain(words))
    for phrase in _PHRASES:
        text = text.replace(phrase, "okay")
    rest = [word for word in text.split() if word not in _SMALL_WORDS]
    return bool(rest) and all(word in _ACKNOWLEDGEMENTS for word in rest)


def _plain(words: Sequence[str]) -> list[str]:
    return _WORD.findall(" ".join(words).lower().replace("’", "'"))


def _hear(state: FloorState, observation: Observation, settings: FloorSettings) -> FloorState:
    """Count voiced time and silence."""
    burst, silence = state.burst_seconds, state.silence_seconds
    words_before = min(state.words_before, len(observation.words))
    frame_seconds = MICRO_TURN_SECONDS / max(len(observation.activity), 1)
    for probability in observation.activity:
        going_on = silence < settings.gap_seconds
        if probability >= (settings.still_voiced if going_on else settings.voiced):
            if not going_on:
                burst, words_before = 0.0, len(observation.words)
            burst, silence = burst + frame_seconds, 0.0
        else:
            silence += frame_seconds
    if not observation.activity:
        silence += MICRO_TURN_SECONDS
    return replace(state, burst_seconds=burst, silence_seconds=silence, words_before=words_before)


def _burst_words(state: FloorState, observation: Observation) -> Sequence[str]:
    return observation.words[state.words_before :]


def _voiced(state: FloorState) -> bool:
    return state.silence_seconds < MICRO_TURN_SECONDS


def _reached(threshold: float, value: float) -> bool:
    return value + _ROUNDING >= threshold


def _while_we_speak(
    state: FloorState, observation: Observation, settings: FloorSettings
) -> Decided:
    if not state.speaking:
        # What was said before is answered by what we say now; only new voice can interrupt.
        burst = state.burst_seconds if _voiced(state) else 0.0
        burst = min(burst, MICRO_TURN_SECONDS)
        state = replace(state, speaking=True, turn=False, yielded=False, burst_seconds=burst)
    recent = not _reached(settings.patience_seconds, state.silence_seconds)
    if not recent:
        # Its words count no more, so neither does how long it was: an "okay, I see" of 0.7 s made
        # us stop when it was forgotten.
        state = replace(state, burst_seconds=0.0)
    words = _plain(_burst_words(state, observation)) if state.burst_seconds else []
    acknowledging = is_acknowledgement(words)
    if state.yielded:
        return Decided(state, "hold", 0.0, "speaking", 1.0)
    if observation.typed or _must_yield(state, words, acknowledging, settings):
        probability = 1.0 if observation.typed else 0.95 if words else 0.75
        state = replace(state, yielded=True, turn=not observation.typed)
        return Decided(state, "yield", probability, "speaking", probability)
    if acknowledging and recent:
        return Decided(state, "hold", 0.9, "acknowledging", 0.9)
    heard = (
        state.burst_seconds if not _reached(settings.gap_seconds, state.silence_seconds) else 0.0
    )
    if _reached(settings.onset_seconds, heard):
        doubt = min(heard / settings.yield_seconds, 1.0) / 2
        return Decided(state, "hold", 1.0 - doubt, "speaking", 0.5 + doubt / 2)
    return Decided(state, "hold", 1.0, "silent", 1.0 - max(observation.activity, default=0.0))


def _must_yield(
    state: FloorState, words: Sequence[str], acknowledging: bool, settings: FloorSettings
) -> bool:
    if any(word in _STOPPING for word in words):
        return True
    if acknowledging:
        return _reached(settings.acknowledged_yield_seconds, state.burst_seconds)
    real = [word for word in words if word not in _ACKNOWLEDGEMENTS]
    if len(real) >= 2:
        return True
    return _reached(
        settings.word_yield_seconds if real else settings.yield_seconds, state.burst_seconds
    )


def _after_we_spoke(state: FloorState) -> FloorState:
    if not state.speaking:
        return state
    return replace(state, speaking=False, yielded=False, offered_seconds=0.0)


def _begins_turn(state: FloorState, observation: Observation, settings: FloorSettings) -> bool:
    """Voice is a turn, and so are words over our last ones that were no acknowledgement: those
    may be known only after both of us fell silent."""
    if not _reached(settings.onset_seconds, state.burst_seconds):
        return False
    words = _burst_words(state, observation)
    recent = not _reached(settings.patience_seconds, state.silence_seconds)
    return _voiced(state) or (recent and bool(words) and not is_acknowledgement(words))


def _while_silent(
    state: FloorState, observation: Observation, settings: FloorSettings, silence_before: float
) -> Decided:
    """The person has begun a turn and is silent now: pausing, or finished?"""
    silence = state.silence_seconds
    ask = any(
        not _reached(point, silence_before) and _reached(point, silence)
        for point in settings.ask_seconds
    )
    probability = observation.end_of_turn
    age_seconds = observation.end_of_turn_age * MICRO_TURN_SECONDS
    if probability is not None and not _reached(MICRO_TURN_SECONDS, silence - age_seconds):
        probability = None  # It judged a pause before the person went on.
    complete = 0.0 if probability is None else probability
    finished = (
        _reached(settings.sure, complete)
        or (_reached(settings.likely, complete) and _reached(settings.likely_seconds, silence))
        or _reached(settings.patience_seconds, silence)
    )
    if not finished:
        return Decided(state, "listen", 1.0 - complete, "pausing", 1.0 - complete, ask)
    state = replace(state, offered_seconds=state.offered_seconds + MICRO_TURN_SECONDS)
    if _reached(settings.offer_seconds, state.offered_seconds):
        state = replace(state, turn=False)
    sure = max(complete, 0.5)
    return Decided(state, "take", sure, "finished", sure, ask)
