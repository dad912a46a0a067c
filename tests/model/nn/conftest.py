"""The converted test part, in int8 and, made for the run, in float32; one thread for all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from model.weights import store
from model.weights.convert_llama import convert


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small matrices: more threads would only wait for one another on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def smollm_folder() -> Path:
    """The converted 135M part."""
    return store.folder("language-135m")


@pytest.fixture(scope="session")
def smollm_float_folder(smollm_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same file dequantised to float32."""
    folder = tmp_path_factory.mktemp("smollm-float32")
    convert(next(smollm_folder.glob("*.gguf")), folder, "float32", "")
    return folder
