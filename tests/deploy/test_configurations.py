"""The files an operator copies: each holds against the program that reads it and the others."""

from __future__ import annotations

import argparse
import configparser
import re
import shlex
import subprocess
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from server.auth_http import _API, check_exposure
from server.engine_entry import check
from server.settings import Settings, add_arguments, load

ROOT: Final = Path(__file__).resolve().parents[2]
DEPLOY: Final = ROOT / "deploy"
TOML: Final = "/etc/counterpoint/counterpoint.toml"


def text(name: str) -> str:
    """A file of deploy/ without its comments."""
    return re.sub(r"(?m)^\s*#.*\n", "", (DEPLOY / name).read_text("utf-8"))


def lines(name: str) -> list[tuple[str, str]]:
    """Its lines as names and values."""
    return [(a, b) for a, _, b in (line.partition("=") for line in text(name).split())]


def served(words: Sequence[str]) -> Settings:
    """What `counterpoint serve` makes of these flags, with the file in deploy/ where it lies."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config")
    add_arguments(parser)
    options = parser.parse_args(words)
    assert options.config == TOML
    return load(DEPLOY / "counterpoint.toml", {}, options)


@pytest.fixture(scope="module")
def settings() -> Settings:
    """Those of the service."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read_string(text("counterpoint.service"))
    program, command, *words = shlex.split(unit["Service"]["ExecStart"])
    assert (program, command) == ("/opt/counterpoint/.venv/bin/counterpoint", "serve")
    return served(words)


def test_the_settings_are_good(settings: Settings) -> None:
    check(settings.engine)
    check_exposure(settings)
    assert settings.api_keys.startswith(str(Path(TOML).parent))


def test_what_stands_there_in_comments_is_good_too(tmp_path: Path) -> None:
    file = tmp_path / "all.toml"
    written = (DEPLOY / "counterpoint.toml").read_text("utf-8")
    file.write_text(re.sub(r"(?m)^# (?=\w+ = )", "", written))
    added = set(tomllib.loads(file.read_text())) - set(tomllib.loads(written))
    assert added == {"public_address", "recordings"}
    load(file)


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile"])
def test_proxies_lead_to_it_and_shut_the_metrics(settings: Settings, name: str) -> None:
    places = set(re.findall(r"\d+\.\d+\.\d+\.\d+:\d+", text(name)))
    assert places == {f"{settings.host}:{settings.port}"}
    assert re.search(r"(location = |respond )/metrics\b[^}]*404", text(name))


def test_nginx_counts_all_that_is_asked_of_the_api() -> None:
    [counted] = re.findall(r"location ~ (\S+) \{\s*limit_req zone", text("nginx.conf"))
    for prefix in (*_API, "/page/access"):
        assert re.search(counted, prefix.rstrip("/")), prefix
    assert not re.search(counted, "/static/whip.js")


def test_the_relay_is_what_pages_are_told_of(settings: Settings) -> None:
    named = dict(lines("turnserver.conf"))
    ports = {re.sub(r"\?.*", "", url).rpartition(":")[2] for url in settings.page_ice_servers}
    assert ports == {named["listening-port"], named["tls-listening-port"]}
    assert named["static-auth-secret"] == settings.turn_secret
    first, last = settings.ice_ports
    assert last < int(named["min-port"]) or int(named["max-port"]) < first


def test_coturn_knows_the_relays_options() -> None:
    asked = subprocess.run(["turnserver", "--help"], capture_output=True, text=True, timeout=15)
    known = set(re.findall(r"--([a-z0-9-]+)", asked.stdout + asked.stderr))
    assert "listening-port" in known
    assert {name for name, _ in lines("turnserver.conf")} <= known


def test_what_is_recorded_is_what_is_deleted() -> None:
    folder = (re.findall(r'recordings = "(.*)"', (DEPLOY / "counterpoint.toml").read_text()))[0]
    deleted = [line.split()[1] for line in text("tmpfiles.conf").splitlines()]
    assert folder in deleted
    assert all(place.startswith("/var/lib/counterpoint/") for place in deleted)


def test_the_image_is_made_of_what_is_there() -> None:
    joined = text("Dockerfile").replace("\\\n", " ")
    copied = [words.split()[:-1] for words in re.findall(r"(?m)^COPY (?!--)(.*)", joined)]
    sources = [source for words in copied for source in words]
    assert all((ROOT / source).exists() for source in sources)
    # All that runs, and what the set-up reads.
    wanted = {"client", "examples", "model", "server", "static", "templates", "deploy/setup.sh"}
    assert wanted <= set(sources)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {project["readme"], *project["license-files"], "requirements.lock"} <= set(sources)
    bases = set(re.findall(r"(?m)^FROM \S+python:3\.(\d+)-", joined))
    assert len(bases) == 1 and int(bases.pop()) >= 11
    load(environ=dict(re.findall(r"(?m)^ENV (COUNTERPOINT_\w+)=(\S+)", joined)))


def test_the_image_is_run_as_it_can_be(settings: Settings) -> None:
    shown = (ROOT / "docs" / "operating.md").read_text("utf-8").replace("\\\n", " ")
    [command] = re.findall(r"(?m)^    docker run (.*)", shown)
    before, _, after = command.partition(" counterpoint serve ")
    run = served(shlex.split(after))
    published = re.findall(r"-p (\S+)", before)
    first, last = run.ice_ports
    assert published == [
        f"127.0.0.1:{settings.port}:{run.port}",
        f"{first}-{last}:{first}-{last}/udp",
    ]
    exposed = re.findall(r"EXPOSE (.*)", text("Dockerfile"))[0].split()
    assert exposed == [f"{run.port}/tcp", f"{first}-{last}/udp"]
    assert run.public_address, "inside, nobody knows the address that people see"


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "counterpoint.service"
    given = (DEPLOY / "counterpoint.service").read_text()
    unit.write_text(given.replace("/opt/counterpoint/.venv/bin/counterpoint", "/bin/true"))
    told = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")
