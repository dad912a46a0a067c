"""Ceilings on the tails: long modules, long functions, many parameters, many attributes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("server", "model", "client", "tests")

MODULE_LINES = 350
FUNCTION_LINES = 60
TEST_MODULE_LINES = 450  # Tables of cases are long and simple.
TEST_FUNCTION_LINES = 80
PARAMETERS = 8
ATTRIBUTES = 12

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> list[Path]:
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def is_test(path: Path) -> bool:
    return path.is_relative_to(ROOT / "tests")


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_there_is_something_to_measure() -> None:
    assert len(modules()) > 20


@pytest.mark.parametrize("suffix", ["py", "js"])
def test_modules_are_short(suffix: str) -> None:
    paths = modules() if suffix == "py" else sorted((ROOT / "static").rglob("*.js"))
    long = {
        str(path.relative_to(ROOT)): lines
        for path in paths
        if (lines := len(path.read_text("utf-8").splitlines()))
        > (TEST_MODULE_LINES if is_test(path) else MODULE_LINES)
    }
    assert long == {}


def test_functions_are_short() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{function.name}": lines
        for path in modules()
        for function in functions(path)
        if (lines := (function.end_lineno or 0) - function.lineno + 1)
        > (TEST_FUNCTION_LINES if is_test(path) else FUNCTION_LINES)
    }
    assert long == {}


def test_functions_take_few_parameters() -> None:
    many = {
        f"{path.relative_to(ROOT)}:{function.name}": count
        for path in modules()
        for function in functions(path)
        if (count := _parameters(function.args)) > PARAMETERS
    }
    assert many == {}


def test_objects_hold_few_attributes() -> None:
    many = {
        f"{path.relative_to(ROOT)}:{function.lineno}": len(attributes)
        for path in modules()
        for function in functions(path)
        if function.name == "__init__" and len(attributes := _attributes(function)) > ATTRIBUTES
    }
    assert many == {}


def _parameters(arguments: ast.arguments) -> int:
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return len([argument for argument in named if argument.arg not in ("self", "cls")])


def _attributes(init: Function) -> set[str]:
    return {
        node.attr
        for node in ast.walk(init)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
