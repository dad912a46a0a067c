"""A server with the scripted engine beyond a wire, for tests of the Python client."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from tests.network.testbed import TestBed

__all__ = ["PORT", "scripted"]

PORT = 8000


@contextlib.contextmanager
def scripted(*flags: str) -> Iterator[tuple[TestBed, str]]:
    """The bed and the server's address; this thread is on the client's side."""
    with TestBed() as bed:
        address = bed.server_address
        command = [sys.executable, "-m", "tests.server.scripted_server", "enter"]
        where = ["--host", address, "--port", str(PORT), "--offers-per-window", "1000"]
        bed.spawn_server([*command, *where, *flags]).wait_for_output("Open", 60)
        url = f"http://{address}:{PORT}"
        asking = ["--retry", "60", "--retry-delay", "1", "--retry-all-errors", f"{url}/healthz"]
        bed.run_in_client(["curl", "-sf", *asking], timeout_seconds=120)
        with bed.in_client():
            yield bed, url
