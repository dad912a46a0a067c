"""The real server with a scripted engine: `python -m tests.server.scripted_server ENTRY FLAGS…`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys


def main() -> int:
    """Run it until SIGTERM."""
    # Here, because the engine's process imports this module once more on its way up.
    from server.app import serve
    from server.errors import EngineLost
    from server.settings import add_arguments, load
    from tests.server import scripted_engine

    logging.basicConfig(level=logging.INFO)
    parser = argparse.ArgumentParser()
    parser.add_argument("entry", choices=scripted_engine.__all__)
    add_arguments(parser)
    arguments = parser.parse_args()
    entry = getattr(scripted_engine, arguments.entry)

    def announce(address: str) -> None:
        print(f"Open {address} ", flush=True)

    try:
        return asyncio.run(serve(load(arguments=arguments), announce, entry))
    except EngineLost as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
