"""Makes the environment pipecat runs in; does nothing when it is there and of the right versions.

`python -m tests.bench.rivals.pipecat.setup [--fresh]`. Needs a package index and about 2 GB.
`COUNTERPOINT_TORCH_INDEX` names an index to take torch from, as in deploy/setup.sh.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

__all__ = ["ENVIRONMENT", "PYTHON", "SetupFailed", "is_ready", "main", "make"]

ROOT: Final = Path(__file__).parents[4]
ENVIRONMENT: Final = ROOT / "out/rivals/pipecat"
PYTHON: Final = ENVIRONMENT / "bin/python"
_DONE: Final = ENVIRONMENT / "counterpoint-made.txt"

PACKAGES: Final = (
    "pipecat-ai[silero,webrtc]==1.14.0",
    # Its own example server is built on these two; they come with an extra that brings a web page.
    "fastapi>=0.115.6,<1",
    "uvicorn>=0.32,<1",
)

SHARED: Final = ("aiohttp", "aioice", "aiortc", "av", "gguf", "hibari-tts", "numpy", "onnxruntime",
                 "safetensors", "scipy", "tokenizers")  # fmt: skip
"""What the weights and the transport run on: the same versions as ours. Not the whole lock, since
pipecat wants an older protobuf."""

_INSTALLED_FOR_THE_WEIGHTS: Final = ("gguf", "hibari-tts", "safetensors", "scipy", "tokenizers")

_CHECK: Final = """
import importlib.metadata as m, torch, pipecat.transports.smallwebrtc.transport
import pipecat.audio.vad.silero, pipecat.audio.turn.smart_turn.local_smart_turn_v3, hibari
print(m.version("pipecat-ai"), m.version("aiortc"), torch.__version__)
"""


class SetupFailed(Exception):
    """The environment could not be made; the message says at which step and what pip said."""


def _torch() -> str:
    """The requirement that pyproject.toml pins."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [w for w in project["optional-dependencies"]["model"] if w.startswith("torch==")]
    if len(wanted) != 1:
        raise SetupFailed("pyproject.toml does not pin torch in [model]")
    return str(wanted[0])


def _constraints() -> list[str]:
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    pins = {re.split("==", line)[0].lower(): line for line in lines if "==" in line}
    missing = [name for name in SHARED if name not in pins]
    if missing:
        raise SetupFailed(f"requirements.lock pins no {missing}")
    return [pins[name] for name in SHARED] + [_torch()]


def _wanted() -> str:
    """What a finished environment writes down: it is made anew when this changes."""
    python = f"python {sys.version_info.major}.{sys.version_info.minor}"
    return "\n".join([python, *PACKAGES, *_constraints()]) + "\n"


def is_ready() -> bool:
    """Whether the environment is there and was made from today's versions."""
    return PYTHON.is_file() and _DONE.is_file() and _DONE.read_text("utf-8") == _wanted()


def _run(step: str, command: Sequence[str | Path]) -> str:
    """Run to the end, its output shown as it comes; raises SetupFailed with the last lines."""
    began = time.monotonic()
    print(f"== {step}", file=sys.stderr, flush=True)
    lines: list[str] = []
    with subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            if line.startswith(("Collecting", "Processing", "Installing", "ERROR", "Successfully")):
                print(f"   {line.rstrip()[:110]}", file=sys.stderr, flush=True)
    if process.returncode:
        raise SetupFailed(f"{step}: ended with {process.returncode}: {' / '.join(lines[-4:])}")
    print(f"   {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return lines[-1] if lines else ""


def _same_torch(theirs: str) -> None:
    """Raise unless both environments hold one build of torch: a CUDA build is another system."""
    try:
        ours = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return
    if ours != theirs:
        raise SetupFailed(
            f"pip took torch {theirs}, this environment has {ours}: set COUNTERPOINT_TORCH_INDEX "
            "to the index that ours came from and try again with --fresh"
        )


def make(*, fresh: bool = False) -> None:
    """Make the environment unless it is ready.

    Raises:
        SetupFailed: a step failed; what there is of the environment is made anew next time.
    """
    if is_ready() and not fresh:
        return
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    ENVIRONMENT.parent.mkdir(parents=True, exist_ok=True)
    _run("1/4 an empty environment", [sys.executable, "-m", "venv", ENVIRONMENT])
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check"]
    pip += ["--progress-bar", "off"]
    index = os.environ.get("COUNTERPOINT_TORCH_INDEX")
    torch_index = ["--index-url", index] if index else []
    _run(f"2/4 {_torch()}", [*pip, *torch_index, _torch()])
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(_constraints()) + "\n")
        file.flush()
        words = [*PACKAGES, *_INSTALLED_FOR_THE_WEIGHTS, _torch()]
        _run("3/4 pipecat", [*pip, "--constraint", file.name, *words])
    versions = _run("4/4 does it import", [PYTHON, "-c", _CHECK]).split()
    if len(versions) != 3:
        raise SetupFailed(f"4/4 does it import: it said {' '.join(versions)}")
    _same_torch(versions[-1])
    _DONE.write_text(_wanted(), "utf-8")


def main(words: Sequence[str] | None = None) -> int:
    """Make it; 0 when it is ready, 1 with a reason on the error output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="make it anew")
    options = parser.parse_args(words)
    try:
        make(fresh=options.fresh)
    except SetupFailed as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    print(f"ready: {ENVIRONMENT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
