"""`python -m model.weights`: the same as `counterpoint weights`."""

from __future__ import annotations

import sys

from model.weights.cli import main

__all__: list[str] = []

sys.exit(main())
