"""Where an engine process begins. Imports nothing of the model until it runs in that process."""

from __future__ import annotations

from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

from server.errors import SettingsError

__all__ = ["check", "enter"]


def check(settings: Mapping[str, Any]) -> None:
    """Raise SettingsError when an engine cannot be started with these; loads nothing heavy."""
    from model.config import EngineConfig

    try:
        EngineConfig.from_mapping(settings)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"[engine]: {error}") from error


def enter(connection: Connection, settings: dict[str, Any]) -> None:
    """Run an engine on this end of the pipe; the spawn target of `engine_process`."""
    from model.config import EngineConfig
    from model.engine.worker import run

    run(connection, EngineConfig.from_mapping(settings))
