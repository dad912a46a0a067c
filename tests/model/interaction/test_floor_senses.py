"""The floor with its real senses on recordings of real people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from model.interaction.end_of_turn import LISTENED_SAMPLES, EndOfTurnModel
from model.interaction.floor import Decided, FloorSettings, FloorState, Observation, decide
from model.interaction.voice_activity import VoiceActivity
from model.messages import Audio
from model.timebase import HEARING_BLOCK_SAMPLES, HEARING_RATE, MICRO_TURN_SECONDS
from model.weights import store
from tests.speech.recordings import human_recordings

ROOM_LEVEL = 3e-4


@dataclass(frozen=True)
class Senses:
    activity: VoiceActivity
    end_of_turn: EndOfTurnModel

    def decisions(self, audio: Audio) -> list[Decided]:
        """One for each micro-turn; the end-of-turn model answers one micro-turn late."""
        floor, state = FloorState(), self.activity.new_state(1)
        decided: list[Decided] = []
        asked, complete = 0, None
        for k in range(len(audio) // HEARING_BLOCK_SAMPLES):
            end = (k + 1) * HEARING_BLOCK_SAMPLES
            if decided and decided[-1].wants_end_of_turn:
                asked = k - 1
                before = end - HEARING_BLOCK_SAMPLES
                complete = self._judge(audio[max(0, before - LISTENED_SAMPLES) : before])
            block = torch.from_numpy(audio[end - HEARING_BLOCK_SAMPLES : end])[None]
            frames, state = self.activity.step(block, state, torch.ones(1, dtype=torch.bool))
            seen = Observation(frames[0].tolist(), end_of_turn=complete, end_of_turn_age=k - asked)
            decided.append(decide(floor, seen, FloorSettings()))
            floor = decided[-1].state
        return decided

    def _judge(self, audio: Audio) -> float:
        work = self.end_of_turn.probability(audio)
        while True:
            try:
                next(work)
            except StopIteration as end:
                return float(end.value)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """As on the engine's tick: work this small is many times slower on more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def senses() -> Senses:
    return Senses(
        VoiceActivity.load(store.folder("voice-activity")),
        EndOfTurnModel.load(store.folder("end-of-turn")),
    )


def _in_a_room(audio: Audio, after_seconds: float = 2.5) -> Audio:
    """Half a second before and some seconds after, and the noise of a quiet room all the time."""
    padded = np.pad(audio, (HEARING_RATE // 2, int(after_seconds * HEARING_RATE)))
    noise = np.random.default_rng(len(audio)).normal(0, ROOM_LEVEL, len(padded))
    return (padded + noise).astype(np.float32)


@pytest.mark.timeout(90)
def test_people_are_answered_after_they_end_and_soon(senses: Senses) -> None:
    """Clips of three speakers of dev; the bench's test speakers are nobody's to look at here."""
    clips = [r for r in human_recordings() if r.speaker in ("cards", "commands", "clone-test")]
    waits = []
    early = 0
    for clip in clips:
        audio = _in_a_room(clip.audio)
        frames = senses.activity.whole(torch.from_numpy(audio)).numpy()
        last_voice = (int(np.flatnonzero(frames > 0.5)[-1]) + 1) * 512 / HEARING_RATE
        takes = [
            (k + 1) * MICRO_TURN_SECONDS
            for k, decided in enumerate(senses.decisions(audio))
            if decided.decision == "take"
        ]
        early += bool(takes) and takes[0] < last_voice
        waits.append(next(take for take in takes if take >= last_voice) - last_voice)
    print("waits", np.round(waits, 2), "early", early)
    assert len(waits) >= 6
    assert early <= 1
    assert max(waits) <= 2.0
    assert np.mean(waits) <= 1.0


def test_a_room_without_people_is_left_alone(senses: Senses) -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 10 * HEARING_RATE).astype(np.float32)
    hum = 0.05 * np.sin(2 * np.pi * 50 * np.arange(len(noise)) / HEARING_RATE)
    click = np.zeros(len(noise), np.float32)
    click[:: HEARING_RATE * 2] = 0.8
    half = len(noise) // 2
    for audio in (noise[:half], hum[:half].astype(np.float32), click[:half], 0 * noise[:half]):
        decided = senses.decisions(audio)
        assert {one.decision for one in decided} == {"listen"}
        assert {one.person for one in decided} == {"silent"}
