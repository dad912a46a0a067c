"""Builds the interaction model from the settings; everything heavy happens here and only here."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Final

import torch

from model.config import EngineConfig
from model.interaction.backchannels import rendered
from model.interaction.choice import choose, choose_threads
from model.interaction.counterpoint import CounterpointModel
from model.interaction.ears import MoonshineEars
from model.interaction.floor_port import FloorPart
from model.interaction.intent import Intents, shipped
from model.interaction.language import Language
from model.interaction.memory import Memory
from model.interaction.read_before import read_before
from model.interaction.requesting import EXAMPLES, Requests
from model.interaction.seeing import SightParts
from model.interaction.voice import HibariVoice
from model.interaction.work import Parts
from model.weights.store import faults, named

__all__ = ["MakesFloor", "load", "needed", "rules"]

log = logging.getLogger(__name__)

SHIPPED_CORE: Final = Path(__file__).parents[1] / "weights" / "core"
BELIEVER: Final = "language-135m"
EYES: Final = "eyes"
EYES_TEXT: Final = "eyes-text"

MakesFloor = Callable[[EngineConfig, Path, str], FloorPart]
"""Of the settings, the folder of weights and the device; see `EngineConfig.core`."""

_ELSEWHERE: Final = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_]\w*)")


def load(config: EngineConfig) -> tuple[CounterpointModel, dict[str, str], str]:
    """The model, a line about each of its parts, and the device it runs on.

    Raises:
        FileNotFoundError: a part is missing; the message says how to fetch it.
    """
    device = _device(config.device)
    store = named(config.weights)
    name = choose(store, device) if config.language == "auto" else config.language
    elsewhere = _elsewhere(config.core)
    sees = config.eyes == "auto" and (store / EYES).is_dir()
    seeing = [part for part in (EYES, EYES_TEXT) if sees and (store / part).is_dir()]
    needed(store, (name, "ears", *seeing), "voice")
    # Before what takes seconds: a part that it lacks is told at once.
    other = None if elsewhere is None else elsewhere(config, store, device)
    # Requests on what is seen are judged in rows of their own, behind those of the conversations.
    rows = config.rows * (1 + sees)
    language = Language.load(store / name, rows, device, seed=config.seed)
    ears, voice = MoonshineEars.load(store / "ears", device), HibariVoice.load(threads=1)
    floor = other or _core(config, store, device, ears)
    parts = Parts(
        ears=ears,
        voice=voice,
        memories=tuple(Memory(language, row) for row in range(config.rows)),
        floor=floor,
        answer_tokens=config.answer_tokens,
        backchannels=rendered(voice) if other is None else None,
        sight=_sight(store, device, language, config.rows, shipped(name)) if sees else None,
    )
    with torch.inference_mode():
        threads = config.threads or choose_threads(language)
        _read_what_never_changes(language, parts.sight, threads, store / name)
    torch.set_num_threads(1)  # This thread ticks; see `CounterpointModel.begin_jobs`.
    described = {
        "language": name,
        "ears": "moonshine tiny, English",
        "voice": "hibari, English",
        "floor": parts.floor.described,
        "eyes": _described(parts.sight, config.eyes),
    }
    return CounterpointModel(language, parts, threads), described, device


def needed(store: Path, fetched: Sequence[str], *installed: str) -> None:
    """See that parts are there, and log that they are used and whether they are whole.

    Raises:
        FileNotFoundError: one that is to be fetched was not; the message says how to.
    """
    for part in fetched:
        if not (store / part).is_dir():
            raise FileNotFoundError(
                f"the weights of {part!r} are not in {store}; "
                f"run `counterpoint weights fetch --only {part}`"
            )
    _tell(store, (*fetched, *installed))


def _tell(store: Path, used: Sequence[str]) -> None:
    """Log which weights are used, and whether they are what set-up received and checked."""
    wrong = faults(used, store)
    for one in wrong:
        log.warning("%s", one)
    how = "" if wrong else ", whole as they were received"
    log.info("weights in use%s: %s (%s)", how, ", ".join(used), store)


def _sight(
    store: Path, device: str, language: Language, rows: int, intents: Intents | None
) -> SightParts:
    from model.interaction.eyes import Eyes
    from model.interaction.reading import Reader

    reader = Reader.load(store / EYES_TEXT) if (store / EYES_TEXT).is_dir() else None
    first = Requests(language, rows)
    others = (Requests(language, row, first) for row in range(rows + 1, 2 * rows))
    if intents is not None:
        language.thoughts.layers = intents.layers
    return SightParts(Eyes.load(store / EYES, device), reader, (first, *others), intents)


def _described(sight: SightParts | None, setting: str) -> str:
    if sight is None:
        return "off" if setting == "off" else "none: `counterpoint weights fetch --only eyes`"
    return "things, bodies, faces, hands" + (", text" if sight.reader else "")


def _elsewhere(setting: str) -> MakesFloor | None:
    """What makes a floor that is no Core; None for a Core. See `EngineConfig.core`.

    Raises:
        ValueError: there is no such function.
    """
    if setting == "rules":
        return rules
    named = _ELSEWHERE.fullmatch(setting)
    if named is None:
        return None
    try:
        made: MakesFloor = getattr(import_module(named[1]), named[2])
    except (ImportError, AttributeError) as error:
        raise ValueError(f"core={setting} names no function that makes a floor: {error}") from error
    return made


def _core(config: EngineConfig, store: Path, device: str, ears: MoonshineEars) -> FloorPart:
    from model.interaction.belief import Belief
    from model.interaction.core import Core
    from model.interaction.core_floor import CoreFloor

    folder = SHIPPED_CORE if config.core == "shipped" else Path(config.core)
    used = Core.load(folder, config.rows, device)
    used.point = replace(used.point, **json.loads(config.floor))
    reads = "belief" in used.config.streams and config.belief == "auto"
    believes = reads and (store / BELIEVER).is_dir()
    if believes:
        _tell(store, (BELIEVER,))
    belief = Belief.load(store / BELIEVER, config.rows, device) if believes else None
    return CoreFloor(used, ears, belief)


def rules(config: EngineConfig, store: Path, device: str) -> FloorPart:
    """Rules over voice activity and a pretrained end-of-turn model; `config.floor` overrides what
    `FloorSettings` says.

    Raises:
        FileNotFoundError: a part is missing; the message says how to fetch it.
    """
    needed(store, ("voice-activity", "end-of-turn"))
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


def _read_what_never_changes(
    language: Language, sight: SightParts | None, threads: int, weights: Path
) -> None:
    """How nearly every conversation begins, and examples of requests on what is seen: the first
    person must not wait for them either."""
    torch.set_num_threads(threads)
    prefix = language.chat_prefix()
    read_before(language, 0, prefix, weights, "prefix")
    language.keep_prefix(0, prefix)
    language.reset(0)
    if sight is not None:
        first = sight.requests[0]
        read_before(language, first.row, language.encode(EXAMPLES), weights, "requests")
        for _ in first.prepare():
            pass
