"""The converted test part, in int8 and, made for the run, in float32."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.weights import store
from model.weights.convert_llama import convert


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
