"""What all sessions share, made once when the server starts."""

from __future__ import annotations

from dataclasses import dataclass

from server.engine_client import EngineClient
from server.metrics import Metrics
from server.policy import Policy
from server.session_log import LogWriter
from server.settings import Settings

__all__ = ["Services"]


@dataclass(frozen=True, slots=True)
class Services:
    """What all sessions share."""

    settings: Settings
    engine: EngineClient
    metrics: Metrics
    policy: Policy
    logs: LogWriter | None = None
