"""`counterpoint doctor`: look at this machine the way the server will, and say what to do."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import datetime
import ipaddress
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from server import settings as server_settings
from server.auth_http import check_exposure, make_door
from server.cli import server_environment
from server.engine_entry import check as check_engine
from server.errors import SettingsError
from server.free_memory import free_bytes
from server.reachability import probe
from server.settings import Settings
from server.webrtc.ice import IceServer, turn_credentials

__all__ = ["Finding", "examine", "main"]

Level = Literal["OK", "WARN", "FAIL"]
GIGABYTE: Final = 1e9
ENOUGH_MEMORY: Final = 3.0
LEAST_MEMORY: Final = 1.5
DISK_FOR_WEIGHTS: Final = 2.5
DISK_TO_RUN: Final = 0.5
OTHER_PYTHON_SECONDS: Final = 60.0
TRIED_PORTS: Final = 32
DEVICE: Final = """
import json, torch
cuda = torch.cuda.is_available()
name = torch.cuda.get_device_name(0) if cuda else ""
print(json.dumps({"torch": torch.__version__, "cuda": cuda, "name": name}))
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `remedy` says what to do, empty when nothing."""

    check: str
    level: Level
    text: str
    remedy: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the findings; 1 when one of them is FAIL."""
    parser = argparse.ArgumentParser(
        prog="counterpoint doctor", description="Takes the flags and variables of `serve`."
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings as TOML")
    server_settings.add_arguments(parser)
    options = parser.parse_args(arguments)
    findings: list[Finding] = []
    try:
        settings = server_settings.load(options.config, server_environment(os.environ), options)
    except SettingsError as error:
        findings.append(Finding("settings", "FAIL", str(error), "correct it; see `serve --help`"))
        settings = Settings()
    for finding in examine(settings):
        findings.append(finding)
        if not options.json:
            print(_line(finding), flush=True)
    if options.json:
        print(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=1))
    elif findings[0].check == "settings":
        print(_line(findings[0]))
    return 1 if any(finding.level == "FAIL" for finding in findings) else 0


def examine(settings: Settings) -> Iterator[Finding]:
    """All findings, one after another; some take seconds."""
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _python,
        _allowed,
        _port,
        _microphone,
        _certificate,
        _addresses,
        _servers,
        _device,
        _memory,
        _weights,
    )
    for check in checks:
        yield from check(settings)


def _line(finding: Finding) -> str:
    remedy = f"\n      → {finding.remedy}" if finding.remedy else ""
    return f"{finding.level:<4}  {finding.check}: {finding.text}{remedy}"


def _python(_settings: Settings) -> Iterator[Finding]:
    yield Finding("python", "OK", f"{platform.python_version()}, {platform.machine()}")
    cores = len(os.sched_getaffinity(0))
    if cores < 2:
        yield Finding("cores", "WARN", "1 core", "speech will stutter: give it 2 cores or more")
    else:
        yield Finding("cores", "OK", f"{cores} cores")


def _allowed(settings: Settings) -> Iterator[Finding]:
    """Whether `serve` would begin at all."""
    try:
        make_door(settings)
        check_exposure(settings)
        check_engine(settings.engine)
    except SettingsError as error:
        yield Finding("settings together", "FAIL", str(error), "correct it; see `serve --help`")
    else:
        who = "whoever shows a key" if settings.api_keys else "whoever can reach it"
        yield Finding("settings together", "OK", f"{who} may talk")


def _port(settings: Settings) -> Iterator[Finding]:
    place = f"{settings.host}:{settings.port}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((settings.host, settings.port))
            tried.listen(1)
    except OSError as error:
        remedy = "stop what listens there, or choose another with --host and --port"
        yield Finding("port", "FAIL", f"cannot listen on {place} ({error.strerror})", remedy)
    else:
        yield Finding("port", "OK", f"{place} is free")


def _microphone(settings: Settings) -> Iterator[Finding]:
    if settings.tls_certificate:
        text = "the page is served over https: browsers give it microphone and camera"
        yield Finding("secure context", "OK", text)
    elif _is_local(settings.host):
        text = "http on this machine: a browser here, at http://localhost, gives the microphone"
        yield Finding("secure context", "OK", text)
    else:
        yield Finding(
            "secure context",
            "WARN",
            f"http on {settings.host}: browsers on other machines will refuse the microphone",
            "set tls_certificate and tls_key, or put a proxy with https in front, or forward the "
            f"port: ssh -L {settings.port}:localhost:{settings.port} THIS-MACHINE",
        )


def _certificate(settings: Settings) -> Iterator[Finding]:
    if not settings.tls_certificate:
        return
    from cryptography import x509

    from server.app import _tls

    try:
        _tls(settings)
        certificate = x509.load_pem_x509_certificate(Path(settings.tls_certificate).read_bytes())
    except (SettingsError, OSError, ValueError) as error:
        yield Finding("certificate", "FAIL", str(error), "give the chain and its key as PEM files")
        return
    left = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    if left < datetime.timedelta(0):
        yield Finding("certificate", "FAIL", "it has expired", "renew it")
    elif left < datetime.timedelta(days=7):
        yield Finding("certificate", "WARN", f"it expires in {left.days} days", "renew it")
    else:
        yield Finding("certificate", "OK", f"good for {left.days} days")


def _addresses(settings: Settings) -> Iterator[Finding]:
    from server.app import _ice
    from server.webrtc.ice import host_addresses

    try:
        found = host_addresses(_ice(settings))
    except SettingsError as error:
        yield Finding("media addresses", "FAIL", str(error), "correct the setting")
        return
    if not found:
        yield Finding(
            "media addresses",
            "FAIL",
            "no network address can carry media",
            "loosen ice_interfaces, connect a network, or set ice_loopback to use 127.0.0.1",
        )
        return
    told = [settings.public_address if settings.public_address and "." in a else a for a in found]
    text = f"the browser is offered {', '.join(dict.fromkeys(told))}"
    private = all(ipaddress.ip_address(address).is_private for address in told)
    remedy = (
        ""
        if not private
        else ("enough for this network; for people elsewhere set public_address, open ice_ports")
    )
    yield Finding("media addresses", "OK", text, remedy if not _is_local(settings.host) else "")
    yield from _udp_ports(settings, found[0])


def _udp_ports(settings: Settings, address: str) -> Iterator[Finding]:
    first, last = settings.ice_ports
    if not first:
        yield Finding("media ports", "OK", "UDP ports as the system gives them")
        return
    free = 0
    tried = range(first, min(last, first + TRIED_PORTS - 1) + 1)
    for port in tried:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as one:
            try:
                one.bind((address, port))
            except OSError:
                continue
            free += 1
    text = f"{free} of the first {len(tried)} UDP ports of {first}-{last} are free"
    remedy = "every session needs one: free them or widen ice_ports"
    level: Level = "FAIL" if free == 0 else "WARN" if free < 2 else "OK"
    yield Finding("media ports", level, text, "" if level == "OK" else remedy)


def _servers(settings: Settings) -> Iterator[Finding]:
    from server.app import _ice

    try:
        servers = _ice(settings).servers
    except SettingsError:
        return  # told by the addresses' check
    servers += tuple(_page_servers(settings))
    if not servers:
        yield Finding("STUN and TURN", "OK", "none asked for: direct connections only")
    for server in servers:
        name = server.url
        try:
            address = asyncio.run(probe(server))
        except (OSError, ValueError) as error:
            remedy = "check address, account and firewall; a dead server delays every answer"
            yield Finding(name, "FAIL", str(error) or type(error).__name__, remedy)
        else:
            yield Finding(name, "OK", f"answers, and gives {address}")


def _page_servers(settings: Settings) -> Iterator[IceServer]:
    """What browsers are told to use, with a password as they get it."""
    for url in settings.page_ice_servers:
        account = ("", "")
        if url.startswith("turn") and settings.turn_secret:
            account = turn_credentials(settings.turn_secret, "doctor", 60, time.time())
        yield IceServer(url, *account)


def _other_python(*arguments: str, weights: str = "") -> Any:
    """What another Python prints as JSON; the server's own never loads torch."""
    ran = subprocess.run(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=OTHER_PYTHON_SECONDS,
        check=False,
        env={**os.environ, **({"COUNTERPOINT_WEIGHTS": weights} if weights else {})},
    )
    if ran.returncode:
        raise ValueError((ran.stderr.strip().splitlines() or ["it failed"])[-1])
    return json.loads(ran.stdout)


def _device(settings: Settings) -> Iterator[Finding]:
    try:
        found = _other_python("-c", DEVICE)
    except (ValueError, OSError, subprocess.TimeoutExpired) as error:
        yield Finding("torch", "FAIL", f"cannot be loaded ({error})", "run `make setup`")
        return
    yield Finding("torch", "OK", str(found["torch"]))
    wanted = str(settings.engine.get("device", "auto"))
    if found["cuda"]:
        yield Finding("device", "OK", found["name"])
    elif wanted.startswith("cuda"):
        yield Finding("device", "FAIL", "no CUDA device is seen", "set the engine's device to auto")
    else:
        yield Finding("device", "OK", "CPU; answers begin sooner on an accelerator")


def _memory(_settings: Settings) -> Iterator[Finding]:
    free = free_bytes()
    if free is None:
        yield Finding(
            "memory", "WARN", "cannot be measured here", f"{ENOUGH_MEMORY:.0f} GB is good"
        )
        return
    size = free / GIGABYTE
    level: Level = "OK" if size >= ENOUGH_MEMORY else "WARN" if size >= LEAST_MEMORY else "FAIL"
    remedy = "" if level == "OK" else f"free some: {ENOUGH_MEMORY:.0f} GB are needed"
    yield Finding("memory", level, f"{size:.1f} GB free", remedy)


def _weights(settings: Settings) -> Iterator[Finding]:
    named = str(settings.engine.get("weights") or os.environ.get("COUNTERPOINT_WEIGHTS", ""))
    try:
        told = _other_python("-m", "model.weights", "list", "--json", weights=named)
    except (ValueError, OSError, subprocess.TimeoutExpired) as error:
        yield Finding("weights", "FAIL", f"cannot be listed ({error})", "run `make setup`")
        return
    needed = [row for row in told["parts"] if "default" in row["sets"]]
    wrong = [f"{row['part']} is {row['state']}" for row in needed if row["state"] != "present"]
    if wrong:
        yield Finding("weights", "FAIL", "; ".join(wrong), "run `counterpoint weights fetch`")
    else:
        yield Finding("weights", "OK", f"{len(needed)} parts in {told['folder']}")
    place = Path(told["folder"])
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / GIGABYTE
    need = DISK_FOR_WEIGHTS if wrong else DISK_TO_RUN
    remedy = "" if free >= need else f"free some: {need:.1f} GB are needed"
    yield Finding("disk", "OK" if free >= need else "FAIL", f"{free:.1f} GB free", remedy)


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
