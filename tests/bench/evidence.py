"""What a played clip says about words: recognised by the agent, spoken, and heard when cut."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from tests.bench.harness.conversation import Played
from tests.bench.harness.vad import onset_distances
from tests.bench.metrics.activity import Utterance, bursts
from tests.bench.metrics.words import words_heard
from tests.bench.records import Record
from tests.bench.stimuli.script import RATE, Audio, Script, played_pieces
from tests.speech.checker import transcribe

__all__ = ["record_of"]

_MARGIN_SECONDS = 0.3
# Where all that is said is meant for the agent.
_ONE_TURN = ("turn", "pause", "voice")
_CUTTING = ("stop", "talk")


def _said_and_recognised(script: Script, played: Played) -> tuple[tuple[str, str], ...]:
    """The texts of the pieces played, against the last version of every segment recognised."""
    pieces = played_pieces(script, played.starts)
    said = " ".join(piece.text for _, piece in pieces if piece.text)
    if not said:
        return ()
    segments: dict[int, str] = {}
    for _, event in played.events:
        if event.get("type") == "person.words" and not event.get("typed"):
            words = event.get("words", ())
            segments[int(event.get("segment", 0))] = " ".join(str(w["text"]) for w in words)
    return ((said, " ".join(segments[number] for number in sorted(segments))),)


def _heard_of(played: Played, utterance: Utterance) -> Audio:
    """What was received while this utterance was on."""
    first = max(round((utterance.started - _MARGIN_SECONDS) * RATE), 0)
    last = len(played.heard)
    if utterance.finished != "open":
        last = min(round((utterance.ended + _MARGIN_SECONDS) * RATE), last)
    # Whisper makes things up of less than a second.
    return np.pad(played.heard[first:last], (RATE // 4, RATE // 2))


def _text(utterance: Utterance) -> str:
    return "".join(word.text for word in utterance.words).strip()


def _spoken(played: Played) -> tuple[tuple[str, str], ...]:
    """(announced, recognised of the audio) for every utterance that was said to its end."""
    return tuple(
        (_text(u), transcribe(_heard_of(played, u)))
        for u in played.log.utterances
        if u.finished == "done" and _text(u)
    )


def _cuts(played: Played) -> tuple[tuple[int, int], ...]:
    """(words the agent says were heard, words that were) for every utterance cut off."""
    found: list[tuple[int, int]] = []
    for utterance in played.log.utterances:
        if utterance.finished == "cut" and utterance.words:
            words = [word.text for word in utterance.words]
            recognised = transcribe(_heard_of(played, utterance))
            found.append((utterance.words_heard, words_heard(words, recognised)))
    return tuple(found)


def _client(played: Played) -> dict[str, float]:
    apart = onset_distances(bursts(played.log.agent), played.heard)
    return {
        "late_p99": round(played.late_p99_seconds, 4),
        "jitter": round(played.clock.jitter_seconds, 4),
        "drift": round(played.clock.drift, 7),
        "lost": float(played.lost),
        "connect": round(played.connect_seconds, 4),
        "vad": round(float(np.median(np.abs(apart))), 4) if apart else 0.0,
    }


def _floor(events: tuple[tuple[float, dict[str, Any]], ...]) -> tuple[tuple[float, str], ...]:
    return tuple(
        (round(at, 3), str(event.get("decision"))) for at, event in events
        if event.get("type") == "floor"
    )  # fmt: skip


def _parts(events: tuple[tuple[float, dict[str, Any]], ...]) -> dict[str, str]:
    """What the server says it is made of, at the beginning of every call."""
    for _, event in events:
        if event.get("type") == "session.started" and isinstance(event.get("parts"), dict):
            return {str(name): str(part) for name, part in event["parts"].items()}
    return {}


def record_of(target: str, script: Script, played: Played, *, words: bool) -> Record:
    """The clip's record; with `words` the audio is transcribed, which takes a second or two."""
    return Record(
        target=target,
        suite=script.suite,
        clip=script.clip,
        log=played.log,
        recognised=_said_and_recognised(script, played) if script.suite in _ONE_TURN else (),
        spoken=_spoken(played) if words and script.suite == "voice" else (),
        cuts=_cuts(played) if words and script.suite in _CUTTING else (),
        floor=_floor(played.events),
        client=_client(played),
        scene=f"{script.noise}; {script.room_name}",
        load=round(os.getloadavg()[0], 2),
        parts=_parts(played.events),
    )
