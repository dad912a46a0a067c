"""`python -m tests.bench`: what `counterpoint bench` runs."""

from __future__ import annotations

import sys

from tests.bench.cli import main

sys.exit(main())
