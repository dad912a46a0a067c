"""The console script `counterpoint`: one word, then what belongs to it.

Nothing heavy is imported here: the weights' commands, training and the bench run in a Python of
their own, which takes this process's place.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

__all__ = ["command_module", "main", "server_environment"]

CHECKOUT: Final = Path(__file__).resolve().parents[1]

MODULES: Final[Mapping[str, tuple[str, str]]] = {
    "weights": ("model.weights", "list, fetch and verify the pretrained parts"),
    "train": ("model.training", "train the model's own parts"),
    "replay": ("model.replay", "run a recorded session through the model again"),
    "bench": ("tests.bench", "measure a running server"),
    "talk": ("client.talk", "talk to a server from the command line"),
}
OTHER_VARIABLES: Final = (
    *("COUNTERPOINT_WEIGHTS", "COUNTERPOINT_HUB", "COUNTERPOINT_TORCH_INDEX"),
    *("COUNTERPOINT_KEY", "COUNTERPOINT_URL"),  # of clients
)
"""Variables with our prefix that are not settings of the server."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    command, rest = (words[0], words[1:]) if words else ("--help", [])
    if command == "serve":
        return _serve(rest)
    if command == "doctor":
        from server.doctor import main as doctor

        return doctor(rest)
    if command == "key":
        from server.auth_keys import main as key

        return key(rest)
    if command in MODULES:
        return _run_module(command, rest)
    if command == "--version":
        from importlib.metadata import version

        print(f"counterpoint {version('counterpoint')}")
        return 0
    wrong = command not in ("-h", "--help", "help")
    if wrong:
        print(f"counterpoint: there is no command {command!r}", file=sys.stderr)
    print(_usage(), file=sys.stderr if wrong else sys.stdout)
    return 2 if wrong else 0


def server_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment as the server's settings read it.

    `COUNTERPOINT_WEIGHTS` becomes the engine's setting; what only other commands read is left out.
    """
    left = {name: value for name, value in environ.items() if name not in OTHER_VARIABLES}
    if environ.get("COUNTERPOINT_WEIGHTS"):
        left.setdefault("COUNTERPOINT_ENGINE_WEIGHTS", environ["COUNTERPOINT_WEIGHTS"])
    return left


def command_module(command: str) -> Path | None:
    """The file that carries a command out, or None where this installation has none."""
    module = CHECKOUT.joinpath(*MODULES[command][0].split("."))
    for file in (module / "__main__.py", module.with_suffix(".py")):
        if file.is_file():
            return file
    return None


def _usage() -> str:
    there = {name: about for name, (_, about) in MODULES.items() if command_module(name)}
    lines = {
        "serve": "start the server; `counterpoint serve --help` lists its settings",
        "doctor": "check this machine and say what to do",
        "key": "make, list and remove API keys; `counterpoint key new NAME`",
        **there,
    }
    listed = "\n".join(f"  {name:<9}{about}" for name, about in lines.items())
    return f"usage: counterpoint COMMAND [OPTIONS]\n\n{listed}"


def _serve(rest: Sequence[str]) -> int:
    from server import settings
    from server.errors import SettingsError

    parser = argparse.ArgumentParser(prog="counterpoint serve")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings as TOML")
    settings.add_arguments(parser)
    options = parser.parse_args(rest)
    try:
        chosen = settings.load(options.config, server_environment(os.environ), options)
    except SettingsError as error:
        print(f"counterpoint serve: {error}", file=sys.stderr)
        return 2
    from server.app import run

    return run(chosen)


def _run_module(command: str, rest: Sequence[str]) -> int:
    if command_module(command) is None:
        print(
            f"counterpoint {command} is not part of this installation: it needs the checkout",
            file=sys.stderr,
        )
        return 1
    _become([sys.executable, "-m", MODULES[command][0], *rest])


def _become(command: list[str]) -> NoReturn:
    """Replace this process, so that signals and the exit status need no forwarding."""
    path = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, os.environ | {"PYTHONPATH": path})


if __name__ == "__main__":
    sys.exit(main())
