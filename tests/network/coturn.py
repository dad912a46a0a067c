"""A real coturn on the loopback, for as long as a test needs it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["HERE", "coturn"]

HERE: Final = "127.0.0.1"

_LISTENS_SECONDS: Final = 60.0


@contextlib.contextmanager
def coturn(folder: Path, *words: str) -> Iterator[int]:
    """Start it with these words, over UDP and TCP without TLS; its port. What it writes is in
    `folder`."""
    program = shutil.which("turnserver")
    assert program, "run deploy/test-packages.sh"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((HERE, 0))
        port = int(free.getsockname()[1])
    command = [program, *words, f"--listening-port={port}", f"--listening-ip={HERE}"]
    command += [f"--relay-ip={HERE}", "--no-tls", "--no-dtls", "--log-file=stdout"]
    command += [f"--pidfile={folder / 'pid'}", f"--userdb={folder / 'db'}"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            _until_it_listens(port, process)
            yield port
        finally:
            process.terminate()
            process.wait(60)


def _until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _LISTENS_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, "coturn ended"
        with contextlib.suppress(OSError):
            socket.create_connection((HERE, port), 0.2).close()
            return
        time.sleep(0.1)
    raise AssertionError("coturn does not listen")
