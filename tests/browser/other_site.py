"""Somebody else's web site, strict about what its pages may load: `other_site HOST PORT OURS`.

Serves the folder `site/`; `{{ours}}` in a page becomes the address of our server. Every page may
load from itself and from there, and nothing inline.
"""

from __future__ import annotations

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent / "site"


class Site(SimpleHTTPRequestHandler):
    """One request."""

    def __init__(self, *rest: Any, ours: str) -> None:
        self.ours = ours
        super().__init__(*rest, directory=str(FOLDER))

    def end_headers(self) -> None:
        """With the policy of the site."""
        self.send_header("Content-Security-Policy", f"default-src 'self' {self.ours}")
        super().end_headers()

    def do_GET(self) -> None:
        """A page with our address in it, or a file."""
        path = FOLDER / self.path.strip("/")
        if path.suffix != ".html" or path.parent != FOLDER or not path.is_file():
            return super().do_GET()
        body = path.read_text("utf-8").replace("{{ours}}", self.ours).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until killed."""
    host, port, ours = sys.argv[1:]
    server = ThreadingHTTPServer((host, int(port)), partial(Site, ours=ours))
    print("serving", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
