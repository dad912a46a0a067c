"""The JavaScript of our documents as modules that a test's page can call.

The first block of a document becomes the body of a function: its imports stand before it, and what
it leaves open (`server`, `key`, …) is handed to it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

__all__ = ["ROOT", "function"]

ROOT: Final = Path(__file__).resolve().parents[2]
_BLOCK: Final = re.compile(r"```js\n(.*?)```", re.S)


def function(document: str, name: str, given: str, returned: str, before: str = "") -> str:
    """The first block of `document` as the source of an exported function `name`.

    Args:
        document: its path from the root.
        name: of the function.
        given: names of what it is handed.
        returned: what it returns.
        before: a line whose place is before the block's last statement.
    """
    found = _BLOCK.search((ROOT / document).read_text("utf-8"))
    assert found is not None, f"{document} has no JavaScript"
    lines = found[1].splitlines()
    imports = [line for line in lines if line.startswith("import ")]
    body = [line for line in lines if not line.startswith("import ")]
    last = max(at for at, line in enumerate(body) if re.match(r"(await|const|let|\w)", line))
    body.insert(last, before)
    text = "\n".join(body)
    head = f"export async function {name}({{ {given} }}) {{"
    return "\n".join([*imports, head, text, f"return {returned};", "}", ""])
