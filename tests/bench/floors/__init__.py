"""Who else may have the floor of our own server: the baselines that Core is compared with.

A server is started on one with `--engine core=tests.bench.floors:by_rules`.
"""

from __future__ import annotations

from typing import Final

from model.interaction.load import rules as by_rules

__all__ = ["RULES", "by_rules"]

RULES: Final = f"{__name__}:by_rules"
"""What `EngineConfig.core` is for the rules."""
