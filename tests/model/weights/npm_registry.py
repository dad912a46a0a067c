"""An npm registry on the loopback that has one package."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import json
import tarfile
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["make_tarball", "registry"]


def make_tarball(name: str, members: Mapping[str, bytes], trace: Path) -> bytes:
    """A package `name` 1.0.0, every script of which would leave a trace if it were run."""
    run = f"node -e \"require('fs').writeFileSync({json.dumps(str(trace))}, '')\""
    hooks = ("preinstall", "install", "postinstall", "prepare", "prepack", "postpack")
    described = {"name": name, "version": "1.0.0", "scripts": dict.fromkeys(hooks, run)}
    files = {"package/package.json": json.dumps(described).encode()} | dict(members)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for member, content in files.items():
            entry = tarfile.TarInfo(member)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


@contextmanager
def registry(name: str, tarball: bytes) -> Iterator[str]:
    """Serve the package for as long as the body runs; yields the registry's address."""
    with _Server(name, tarball) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.address
        finally:
            server.shutdown()
            thread.join()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, name: str, tarball: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.name = name
        self.tarball = tarball

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def described(self) -> dict[str, Any]:
        digest = base64.b64encode(hashlib.sha512(self.tarball).digest()).decode()
        held = {"tarball": f"{self.address}/held.tgz", "integrity": f"sha512-{digest}"}
        version = {"name": self.name, "version": "1.0.0", "dist": held}
        return {
            "name": self.name,
            "dist-tags": {"latest": "1.0.0"},
            "versions": {"1.0.0": version},
        }


class _Answer(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        asked = urllib.parse.unquote(self.path).lstrip("/")
        if asked == "held.tgz":
            body = self.server.tarball
        elif asked == self.server.name:
            body = json.dumps(self.server.described()).encode()
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        return
