"""No kernel of oneDNN uses AMX, and whoever bounds its instructions themselves is heeded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from model.instructions import leave_out_tiles

PRODUCT = """
import model.nn.whole as whole, torch
product = whole.WholeProduct(torch.ones(896, 4864, dtype=torch.int8), kernel="onednn")
product(torch.ones(4, 4864))
"""
TILES = "flags\t\t: fpu avx512f avx512_vnni amx_bf16 amx_tile amx_int8\n"
NAME = "ONEDNN_MAX_CPU_ISA"


@pytest.mark.parametrize(
    ("before", "cpu", "after"),
    [
        ({}, TILES, {NAME: "AVX512_CORE_FP16"}),
        ({}, "flags\t\t: fpu avx2 avx_vnni\nbugs : amx_tile\n", {}),
        ({}, "", {}),
        ({NAME: "DEFAULT"}, TILES, {NAME: "DEFAULT"}),
        ({"DNNL_MAX_CPU_ISA": "AVX2"}, TILES, {"DNNL_MAX_CPU_ISA": "AVX2"}),
    ],
)
def test_only_tiles_are_left_out(
    tmp_path: Path, before: dict[str, str], cpu: str, after: dict[str, str]
) -> None:
    leave_out_tiles(before, tmp_path / "absent")
    (tmp_path / "cpuinfo").write_text(cpu)
    leave_out_tiles(before, tmp_path / "cpuinfo")
    assert before == after


def test_whoever_loads_the_model_runs_without_tiles() -> None:
    names = (NAME, "DNNL_MAX_CPU_ISA")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    found = subprocess.run(
        [sys.executable, "-c", PRODUCT], env=environment | {"ONEDNN_VERBOSE": "1"},
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    kernels = [line for line in found.stdout.splitlines() if ",exec,cpu,matmul," in line]
    assert kernels and not any("amx" in line for line in kernels), kernels
