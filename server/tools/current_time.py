"""What time it is, here or in a time zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from model.orders import ToolSpec
from server.tools.catalogue import ServerTool, ToolFailed

__all__ = ["TOOL"]

_PARAMETERS = """{"type": "object", "properties": {"time_zone": {"type": "string", "maxLength": 64,
"description": "IANA name like Europe/Paris; else UTC"}}, "additionalProperties": false}"""


async def _run(arguments: Mapping[str, Any]) -> str:
    name = str(arguments.get("time_zone", "UTC"))
    try:
        zone = UTC if name == "UTC" else ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise ToolFailed(f"There is no time zone {name!r}; use a name like Europe/Paris.") from None
    now = datetime.now(zone)
    return now.strftime("It is %H:%M on %A, %-d %B %Y") + f" ({name})."


TOOL = ServerTool(
    ToolSpec(
        "current_time",
        "Tells the time and date now. Use it for any question about the time, date or weekday.",
        _PARAMETERS,
        timeout_seconds=2.0,
    ),
    _run,
)
