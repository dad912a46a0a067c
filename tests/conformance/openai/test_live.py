"""The unmodified Python package `openai` and our Live API: the document's own example, run."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import wave
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from scipy.signal import resample_poly

from tests.end_to_end.served import Served
from tests.speech.recordings import human_recordings
from tests.speech.wer import word_error_rate

pytestmark = [pytest.mark.weights, pytest.mark.timeout(240)]

DOCUMENT: Final = Path(__file__).resolve().parents[3] / "docs/openai-live.md"


async def test_the_documents_example_talks(
    served: Served, key: tuple[str, str], tmp_path: Path
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    said = next(one for one in human_recordings() if one.name == "austen-0880")
    with wave.open(str(tmp_path / "said.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        faster = np.clip(resample_poly(said.audio, 3, 2), -1, 1)
        file.writeframes((faster * 32_767).astype("<i2").tobytes())
    (tmp_path / "talk.py").write_text(code, encoding="utf-8")
    where = {"COUNTERPOINT_URL": f"{served.url}/v1", "COUNTERPOINT_KEY": key[0]}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "talk.py", "said.wav"),
        cwd=tmp_path,
        env={**os.environ, **where},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 90)
    lines = out.decode().splitlines()
    assert process.returncode == 0
    asked = " ".join(line[5:].strip() for line in lines if line.startswith("you:"))
    assert word_error_rate(said.text, asked) <= 0.35, lines
    assert any(line.startswith("it:") for line in lines)
