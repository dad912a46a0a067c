"""How patient tests are: one that hangs is ended, one that only starves is not."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes is the machine's affair, not the property's; and the examples are the
# same each time, so that a run fails for what was changed. Others: `--hypothesis-profile=default`.
settings.register_profile(
    "patient",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("patient")

PATIENCE: Final = float(os.environ.get("TESTS_PATIENCE", "1"))
"""Times the seconds a test is given by its mark: where tests run behind others they get a share of
a core that nobody promised."""


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Give every marked test its seconds times `PATIENCE`."""
    for item in items:
        mark = item.get_closest_marker("timeout")
        if PATIENCE != 1 and mark is not None:
            item.add_marker(pytest.mark.timeout(mark.args[0] * PATIENCE), append=False)
