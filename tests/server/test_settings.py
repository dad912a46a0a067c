"""Settings: strict, with one order of precedence; and what an offer may say."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
from pathlib import Path
from typing import Any

import pytest

from model.config import EngineConfig
from server import settings as settings_module
from server.engine_entry import check
from server.errors import BadOffer, SettingsError
from server.offers import read_offer
from server.settings import Settings, add_arguments, load


def flags(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


def toml(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    return file


def test_defaults_listen_on_this_machine_only() -> None:
    settings = load()
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert load(environ={"HOME": "/root"}, arguments=flags()) == settings


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = toml(tmp_path, 'host = "::"\nport = 1\nspare_engines = 1\n[engine]\nrows = 2\nseed = 1')
    environ = {
        "COUNTERPOINT_PORT": "2",
        "COUNTERPOINT_ENGINE_SEED": "2",
        "COUNTERPOINT_ENGINE_SILENCE_SECONDS": "5",
        "COUNTERPOINT_ENGINE_MODEL": "echo",
    }
    settings = load(file, environ, flags("--port", "3", "--engine", "seed=3", "--engine", "rows=4"))
    assert (settings.host, settings.port, settings.spare_engines) == ("::", 3, 1)
    assert settings.engine == {"rows": 4, "seed": 3, "model": "echo"}
    assert settings.engine_silence_seconds == 5.0
    check(settings.engine)


def test_lists_and_truths_from_text() -> None:
    settings = load(
        environ={
            "COUNTERPOINT_ICE_LOOPBACK": "true",
            "COUNTERPOINT_ICE_PORTS": "5000,5010",
            "COUNTERPOINT_ICE_INTERFACES": "eth0, wire",
        }
    )
    assert settings.ice_loopback is True
    assert settings.ice_ports == (5000, 5010)
    assert settings.ice_interfaces == ("eth0", "wire")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prot = 1", "unknown settings ['prot']"),
        ('port = "many"', "port"),
        ("port = true", "port"),
        ("host = 1", "host"),
        ("port = 70000", "port must be"),
        ("spare_engines = 2", "spare_engines"),
        ("tls_key = 'k'", "go together"),
        ("ice_ports = [2, 1]", "ice_ports"),
        ("ice_loopback = 'perhaps'", "ice_loopback"),
        ("idle_seconds = -1", "idle_seconds"),
        ("engine = 1", "[engine]"),
        ("port =", "not TOML"),
    ],
)
def test_mistakes_are_errors_that_name_the_field(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=r".*" + says.replace("[", r"\[")):
        load(toml(tmp_path, text))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read"):
        load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    "engine",
    [
        {"modle": "echo"}, {"model": "other"}, {"rows": 0}, {"rows": 2.5}, {"rows": "4"},
        {"threads": "two"}, {"threads": -1}, {"seed": True},
    ],
)  # fmt: skip
def test_the_engines_settings_are_checked_before_it_starts(engine: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"\[engine\]"):
        check(engine)


def test_every_field_is_explained() -> None:
    source = inspect.getsource(Settings)
    for field in dataclasses.fields(Settings):
        after = source.split(f"\n    {field.name}:")[1].split("\n    ", 1)[1]
        assert after.lstrip().startswith('"""'), field.name


def told_by_help(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines of `--help`, none of them broken."""
    monkeypatch.setenv("COLUMNS", "1000")
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.format_help().splitlines()


def test_help_explains_every_flag_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    said = " ".join(" ".join(told_by_help(monkeypatch)).split())
    for field in dataclasses.fields(Settings):
        assert f"--{field.name.replace('_', '-')} " in said, field.name
    for told in (
        "TCP port of the page and its API; 0 lets the system choose. (default: 8080)",
        "How long a conversation whose session ended can be resumed or exported. (default: 600)",
        "lets in whoever can reach us. (default: empty)",
        "0,0 lets the system choose. (default: 0,0)",
        "does not make the voice stutter. (default: true)",
        "Origins whose pages may call beside our own",
    ):
        assert told in said, told


def test_help_lists_the_engines_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = told_by_help(monkeypatch)
    listed = lines[lines.index("fields of --engine:") + 1 :]
    assert listed[::2] == [f"  {field.name}" for field in dataclasses.fields(EngineConfig)]
    rows = listed[listed.index("  rows") + 1].strip()
    assert rows == "How many streams one engine serves at a time, 1 to 64. (default: 4)"


def test_the_source_is_read_for_help_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(settings: type[Any]) -> dict[str, str]:
        raise AssertionError(f"the source of {settings} was read")

    monkeypatch.setattr(settings_module, "_explained", read)
    assert load(arguments=flags("--port", "3")).port == 3
    with pytest.raises(AssertionError, match="was read"):
        told_by_help(monkeypatch)


def test_without_its_source_help_still_lists_the_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(of: object) -> str:
        raise OSError("could not get source code")

    monkeypatch.setattr(inspect, "getsource", absent)
    assert any("--turn-secret SECRET" in line for line in told_by_help(monkeypatch))


def test_secrets_are_not_shown() -> None:
    assert "sesame" not in repr(Settings(turn_secret="sesame"))


def test_an_offer() -> None:
    offer = read_offer(
        {"sdp": "v=0", "type": "offer", "resume": "t", "settings": {"eagerness": 1}, "new": 1}
    )
    assert (offer.sdp, offer.resume, offer.settings.eagerness) == ("v=0", "t", 1.0)
    assert read_offer({"sdp": "", "type": "offer", "resume": ""}).resume is None


@pytest.mark.parametrize(
    "change",
    [
        {"type": "answer"},
        {"type": None},
        {"sdp": None},
        {"sdp": ["v=0"]},
        {"resume": 7},
        {"resume": "x" * 257},
        {"settings": []},
        {"settings": {"colour": "red"}},
        {"settings": {"eagerness": 1.1}},
        {"settings": {"eagerness": float("nan")}},
        {"settings": {"eagerness": True}},
        {"settings": {"voice": 1}},
        {"settings": {"instructions": "x" * 9000}},
        {"settings": {"greeting": "\ud800"}},
    ],
)
def test_an_offer_of_the_wrong_form(change: dict[str, Any]) -> None:
    with pytest.raises(BadOffer):
        read_offer({"sdp": "v=0", "type": "offer", **change})


@pytest.mark.parametrize("body", [None, 1, "offer", [], [["type", "offer"]]])
def test_an_offer_that_is_no_object(body: object) -> None:
    with pytest.raises(BadOffer):
        read_offer(body)
