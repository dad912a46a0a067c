"""Builds the interaction model from the settings; everything heavy happens here and only here."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

import torch

from model.config import EngineConfig
from model.interaction.choice import choose
from model.interaction.counterpoint import CounterpointModel
from model.interaction.ears import MoonshineEars
from model.interaction.floor_port import FloorPart
from model.interaction.language import Language
from model.interaction.memory import Memory
from model.interaction.voice import HibariVoice
from model.interaction.work import Parts

__all__ = ["load"]

MOST_THREADS: Final = 4


def load(config: EngineConfig) -> tuple[CounterpointModel, dict[str, str], str]:
    """The model, a line about each of its parts, and the device it runs on.

    Raises:
        FileNotFoundError: a part is missing; the message says how to fetch it.
    """
    threads = config.threads or min(os.cpu_count() or 1, MOST_THREADS)
    device = _device(config.device)
    store = Path(config.weights)
    name = choose(store, device) if config.language == "auto" else config.language
    for part in (name, "ears", "voice-activity", "end-of-turn"):
        if not (store / part).is_dir():
            raise FileNotFoundError(
                f"the weights of {part!r} are not in {store}; "
                f"run `counterpoint weights fetch --only {part}`"
            )
    language = Language.load(store / name, config.rows, device, seed=config.seed)
    parts = Parts(
        ears=MoonshineEars.load(store / "ears", device),
        voice=HibariVoice.load(threads=1),
        memories=tuple(Memory(language, row) for row in range(config.rows)),
        floor=_rules(config, store, device),
        answer_tokens=config.answer_tokens,
    )
    torch.set_num_threads(1)  # This thread ticks; see `CounterpointModel.begin_jobs`.
    described = {
        "language": name,
        "ears": "moonshine tiny, English",
        "voice": "hibari, English",
        "floor": parts.floor.described,
    }
    return CounterpointModel(language, parts, threads), described, device


def _rules(config: EngineConfig, store: Path, device: str) -> FloorPart:
    from model.interaction.end_of_turn import EndOfTurnModel
    from model.interaction.floor import FloorSettings
    from model.interaction.rules import Rules
    from model.interaction.voice_activity import VoiceActivity

    return Rules(
        VoiceActivity.load(store / "voice-activity", device),
        EndOfTurnModel.load(store / "end-of-turn"),
        FloorSettings(**json.loads(config.floor)),
    )


def _device(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    return "cuda" if torch.cuda.is_available() else "cpu"
