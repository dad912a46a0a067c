"""What the engine's journals hold of a session, as far as the server has a hand in it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["forget_sound"]


def forget_sound(folder: Path, session: str) -> None:
    """Delete what journals in `folder` hold of a session, and what they have still to write."""
    if folder.is_dir():
        try:
            # An engine that is behind finds the mark: see `model.engine.journal`.
            (folder / f"{session}.deleted").touch(mode=0o600)
        finally:
            for path in folder.glob(f"{session}-*.journal"):
                path.unlink(missing_ok=True)
