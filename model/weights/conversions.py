"""The conversions a manifest can name, and which files they write."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from model.weights.errors import WeightsError
from model.weights.manifest import Part

__all__ = ["convert", "outputs", "version"]

MODULES: Final = {
    "llama": "model.weights.convert_llama",
    "moonshine": "model.weights.convert_moonshine",
    "tfjs": "model.weights.convert_tfjs",
}
MOONSHINE_OUTPUTS: Final = ("config.json", "pieces.json", "model.safetensors")


def version(conversion: str) -> str:
    """Changes when the conversion's output does; a module without FORMAT is known by its text."""
    if not conversion:
        return ""
    module = importlib.import_module(_module(conversion))
    fixed = getattr(module, "FORMAT", None)
    if fixed is not None:
        return f"{conversion} {fixed}"
    text = Path(str(module.__file__)).read_bytes()
    return f"{conversion} {hashlib.sha256(text).hexdigest()[:12]}"


def outputs(conversion: str, dtypes: Sequence[str]) -> tuple[str, ...]:
    """Names of the files that a conversion writes for these dtypes."""
    if conversion == "llama":
        from model.weights import convert_llama

        return tuple(dict.fromkeys(name for d in dtypes for name in convert_llama.outputs(d)))
    if conversion == "tfjs":
        from model.weights import convert_tfjs

        return convert_tfjs.outputs()
    return MOONSHINE_OUTPUTS if conversion == "moonshine" else ()


def convert(part: Part, raw: Path, out: Path, dtypes: Sequence[str]) -> None:
    """Write the outputs of a part's conversion for `dtypes` into `out`.

    Raises:
        WeightsError: the files are not what the conversion expects.
        OSError: the disk refused.
    """
    if part.conversion == "llama":
        from model.weights import convert_llama

        for dtype in dtypes:
            file = part.files[0]
            convert_llama.convert(raw / file.name, out, dtype, file.sha256)
    elif part.conversion in ("moonshine", "tfjs"):
        from model.weights import convert_moonshine, convert_tfjs

        module = convert_moonshine if part.conversion == "moonshine" else convert_tfjs
        try:
            module.convert(raw, out)
        except ValueError as error:
            raise WeightsError(f"the part {part.name} cannot be converted: {error}") from error


def _module(conversion: str) -> str:
    if conversion not in MODULES:
        raise WeightsError(f"the weights manifest names an unknown conversion {conversion!r}")
    return MODULES[conversion]
