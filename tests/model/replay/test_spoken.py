"""The real model: people's speech, answers under way, neighbours that come and go; then alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.config import EngineConfig
from model.engine.journal_file import JournalReader
from model.interaction.core import OPERATING_POINT, OperatingPoint
from model.interaction.load import load
from model.messages import Audio, Picture, Seen, StreamSettings
from model.nn.core_config import CoreConfig
from model.nn.core_network import CoreNetwork, save_core
from model.replay.verdict import replay
from model.timebase import HEARING_BLOCK_SAMPLES, HEARING_RATE
from model.weights.store import root
from tests.bench.floors import RULES
from tests.model.replay.live import Talker, live
from tests.network.scene import photograph
from tests.speech.recordings import human_recordings

ROWS = 3
BRIEF = StreamSettings("Answer in one short sentence.")
GREETING = replace(BRIEF, greeting="Hello, I am listening.")


def spoken(*names: str) -> Audio:
    """Recordings with pauses after them, in the noise of a room."""
    by_name = {recording.name: recording for recording in human_recordings()}
    parts = [np.zeros(HEARING_RATE // 2, np.float32)]
    for name in names:
        parts += [by_name[name].audio, np.zeros(HEARING_RATE * 3 // 2, np.float32)]
    audio = np.concatenate(parts)
    room = np.random.default_rng(len(audio)).normal(0, 0.0005, len(audio))
    return (audio + room).astype(np.float32)


def shown(blocks: int) -> dict[int, Picture]:
    """A camera with two pictures a second: a person, then a cup."""
    person, cup = photograph("astronaut.png"), photograph("coffee.png")
    return {
        k: Picture("camera", k * HEARING_BLOCK_SAMPLES, person if k < blocks // 3 else cup)
        for k in range(0, blocks, 5)
    }


def random_core(into: Path) -> str:
    """A Core that was never trained and takes the floor easily: its numbers are what counts."""
    torch.manual_seed(1)
    save_core(CoreNetwork(CoreConfig()), into)
    OperatingPoint(take=0.15, yielding=0.4, backchannel=0.4).write(into / OPERATING_POINT)
    return str(into)


@pytest.mark.weights
@pytest.mark.timeout(480)
@pytest.mark.parametrize("floor", ["rules", "core"])
def test_a_conversation_is_equal_to_the_bit_alone(tmp_path: Path, floor: str) -> None:
    config = EngineConfig(
        rows=ROWS,
        language="language-135m",
        weights=str(root()),
        threads=1,
        answer_tokens=16,
        core=RULES if floor == "rules" else random_core(tmp_path / "core"),
    )
    model, _, _ = load(config)
    first = Talker.saying(1, spoken("check-number-dial-again", "cards-001"))
    first.pictures = shown(len(first.blocks)) if floor == "rules" else {}
    if floor == "core":
        del first.blocks[30:]  # It is not trained to answer: a part says as much.
    second = Talker.saying(2, spoken("cards-003"))
    third = Talker.saying(3, spoken("cards-004"))
    with live(model, tmp_path) as at_work:
        at_work.open(1, GREETING)
        at_work.settle()
        for tick in range(len(first.blocks)):
            if tick == 3:
                at_work.open(2, BRIEF)
            if second.over and third.k == 0:
                at_work.close(2)
                at_work.open(3, BRIEF)
            there = [first]
            if tick >= 3:
                there.append(third if second.over else second)
            at_work.tick(*(one for one in there if not one.over))
            at_work.pause()
            if tick % 10 == 9:
                at_work.settle()  # A look goes behind all else; a busy machine never comes to it.
        at_work.close(1)
    paths = sorted(tmp_path.glob("*.journal"), key=lambda path: int(path.stem.rsplit("-", 1)[1]))
    verdicts = [replay(model, JournalReader(path))[0] for path in paths]
    for verdict in verdicts:
        assert verdict.equal == verdict.turns, verdict.lines()
    assert verdicts[0].turns == len(first.blocks)
    assert verdicts[0].together[2] > 15
    seen = {e.label for o in first.outputs for e in o.events if isinstance(e, Seen)}
    assert seen or floor == "core", "nothing was seen: this tests too little"
    tokens = sum(sum(one.shared.values()) for one in verdicts)
    assert tokens > 5 or floor == "core", "nothing was answered: this tests too little"
