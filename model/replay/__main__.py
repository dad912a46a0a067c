"""`python -m model.replay`: the same as `counterpoint replay`."""

from __future__ import annotations

import sys

from model.replay.cli import main

__all__: list[str] = []

sys.exit(main())
