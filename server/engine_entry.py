"""Where an engine process begins. Imports nothing of the model until it runs in that process."""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any

__all__ = ["enter"]


def enter(connection: Connection, settings: dict[str, Any]) -> None:
    """Run an engine on this end of the pipe; the spawn target of `engine_process`."""
    from model.config import EngineConfig
    from model.engine.worker import run

    run(connection, EngineConfig.from_mapping(settings))
