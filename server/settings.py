"""Settings of the server: frozen and strict, from a TOML file, the environment and flags.

Later sources win: defaults, the TOML file, `COUNTERPOINT_<FIELD>` in the environment, flags
`--field-name`. What the engine is started with stands in the table `[engine]`
(`COUNTERPOINT_ENGINE_<FIELD>`, `--engine FIELD=VALUE`). An unknown name anywhere is an error.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import inspect
import itertools
import shutil
import textwrap
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from server.errors import SettingsError

__all__ = ["Settings", "add_arguments", "load"]

_PREFIX: Final = "COUNTERPOINT_"
_ENGINE_PREFIX: Final = "COUNTERPOINT_ENGINE_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the server runs. Durations are seconds."""

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 or :: listens everywhere (then use TLS: browsers give no
    microphone to a page over plain http, except on localhost)."""

    port: int = 8080
    """TCP port of the page and its API; 0 lets the system choose."""

    tls_certificate: str = ""
    """PEM file with the certificate chain; with `tls_key` it turns https on."""

    tls_key: str = ""
    """PEM file with the certificate's private key."""

    engine: Mapping[str, str | int | float] = field(default_factory=dict)
    """What the engine process is started with; fields of `model.config.EngineConfig`."""

    audio_first: bool = True
    """Whether the server takes a low real-time priority where the system lets it (root, or
    CAP_SYS_NICE), so that a busy engine does not make the voice stutter."""

    spare_engines: int = 0
    """Engines kept loaded beside the one at work, 0 or 1: a restart then takes a moment, for
    twice the memory."""

    engine_load_seconds: float = 300.0
    """An engine that has not loaded by then is ended and started again."""

    engine_silence_seconds: float = 10.0
    """An engine that says nothing for so long is taken for hung and restarted."""

    engine_restarts: int = 5
    """Starts in a row that may fail before the server gives up and exits with an error."""

    max_sessions: int = 0
    """Sessions at a time; 0, and at most, as many as the engine has rows."""

    max_sessions_per_address: int = 8
    """Sessions at a time from one address."""

    offers_per_window: int = 30
    """Offers from one address within ten seconds; the next is told to wait."""

    idle_seconds: float = 900.0
    """A session in which nobody said or typed anything for so long is ended; 0 never."""

    session_seconds: float = 7200.0
    """The longest a session may last; 0 has no limit."""

    resume_seconds: float = 600.0
    """How long a conversation whose session ended can be resumed or exported."""

    goodbye_seconds: float = 8.0
    """The longest a session goes on after a goodbye."""

    drain_seconds: float = 3.0
    """How long running sessions go on after SIGTERM; 0 to 6."""

    api_keys: str = ""
    """File of hashed API keys (`counterpoint key new`); empty lets in whoever can reach us."""

    open_anyway: bool = False
    """Whether everybody is let in also on a public address."""

    allowed_origins: tuple[str, ...] = ()
    """Origins whose pages may call beside our own, `https://shop.example`; `*` for any."""

    page_secrets: bool = False
    """With keys: whether our own page is given secrets, so that whoever can load it can talk, and
    use the TURN servers."""

    requests_per_minute: int = 120
    """Requests with one key within a minute, unless the key has a limit of its own."""

    recordings: str = ""
    """Folder for a log of every session; empty keeps none. Who turns it on must tell people."""

    ice_interfaces: tuple[str, ...] = ()
    """Names or addresses of the network interfaces to use for media; empty uses all."""

    ice_ports: tuple[int, ...] = (0, 0)
    """First and last UDP port of media; 0,0 lets the system choose."""

    ice_loopback: bool = False
    """Whether 127.0.0.1 is offered for media too (tests on one machine)."""

    public_address: str = ""
    """The address that a 1:1 NAT gives this machine."""

    ice_servers: tuple[str, ...] = ()
    """STUN or TURN servers of our side, `turn:user:password@host:port?transport=udp`; none is the
    usual and fastest case."""

    page_ice_servers: tuple[str, ...] = ()
    """STUN and TURN servers that browsers are told to use, `turn:host:port?transport=udp`."""

    turn_secret: str = field(default="", repr=False)
    """Shared secret of those TURN servers (coturn `static-auth-secret`); browsers are given
    passwords made from it that hold for an hour."""

    def __post_init__(self) -> None:
        """Raise SettingsError for a value out of its range."""
        _require(0 <= self.port <= 65535, "port must be 0 to 65535")
        _require(
            bool(self.tls_certificate) == bool(self.tls_key),
            "tls_certificate and tls_key go together",
        )
        _require(self.spare_engines in (0, 1), "spare_engines must be 0 or 1")
        _require(0 <= self.drain_seconds <= 6, "drain_seconds must be 0 to 6")
        _require(0 < self.goodbye_seconds <= 60, "goodbye_seconds must be above 0, at most 60")
        _require(self.max_sessions >= 0, "max_sessions must not be negative")
        _require(self.max_sessions_per_address >= 1, "max_sessions_per_address must be at least 1")
        _require(self.engine_restarts >= 1, "engine_restarts must be at least 1")
        _require(self.requests_per_minute >= 1, "requests_per_minute must be at least 1")
        relays = [url for url in self.page_ice_servers if url.startswith("turn")]
        _require(
            not relays or bool(self.turn_secret),
            "page_ice_servers names a relay: set turn_secret, as browsers refuse one without"
            " credentials, and every call with it",
        )
        first, last = self.ice_ports if len(self.ice_ports) == 2 else (1, 0)
        _require(0 <= first <= last <= 65535, "ice_ports must be two ports, the smaller first")
        for name in ("engine_load", "engine_silence"):
            _require(getattr(self, f"{name}_seconds") > 0, f"{name}_seconds must be above 0")
        for name in ("idle", "session", "resume"):
            _require(getattr(self, f"{name}_seconds") >= 0, f"{name}_seconds must not be negative")


_FIELDS: Final = {one.name: one for one in dataclasses.fields(Settings)}


def load(
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    arguments: argparse.Namespace | None = None,
) -> Settings:
    """Settings from all sources; raises SettingsError with the remedy."""
    values: dict[str, Any] = {}
    engine: dict[str, Any] = {}
    if file is not None:
        values.update(_from_file(file))
        engine.update(_table(values.pop("engine", {})))
    for key, text in sorted((environ or {}).items()):
        if key.startswith(_ENGINE_PREFIX) and key[len(_PREFIX) :].lower() not in _FIELDS:
            engine[key[len(_ENGINE_PREFIX) :].lower()] = _number(text)
        elif key.startswith(_PREFIX):
            values[key[len(_PREFIX) :].lower()] = text
    for name, value in vars(arguments).items() if arguments is not None else ():
        if name == "engine":
            engine.update(_pairs(value or ()))
        elif name in _FIELDS and value is not None:
            values[name] = value
    if unknown := sorted(set(values) - set(_FIELDS)):
        raise SettingsError(f"unknown settings {unknown}; known are {sorted(_FIELDS)}")
    converted = {name: _convert(name, value) for name, value in values.items()}
    return Settings(**converted, engine=engine)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the parser one flag a field; `load` takes what it parsed."""
    flags: dict[str, argparse.Action] = {}
    for name in _FIELDS:
        flag = f"--{name.replace('_', '-')}"
        if name == "engine":
            flags[name] = parser.add_argument(flag, action="append", metavar="FIELD=VALUE")
        else:
            flags[name] = parser.add_argument(flag, metavar=name.rsplit("_", 1)[-1].upper())
    plain = parser.format_help

    def format_help() -> str:
        for name, text in _explained(Settings).items():
            flags[name].help = text.replace("%", "%%")
        return plain() + "".join(_engine_help())

    # Fields are explained where they stand, which is read only when somebody asks for help: it
    # would slow every start.
    vars(parser)["format_help"] = format_help


def _engine_help() -> Iterator[str]:
    """The fields of `--engine`, as argparse lists flags."""
    from model.config import EngineConfig

    width = shutil.get_terminal_size().columns - 2
    yield "\nfields of --engine:\n"
    for name, text in _explained(EngineConfig).items():
        yield f"  {name}\n"
        indent = " " * 24
        yield textwrap.fill(text, max(width, 40), initial_indent=indent, subsequent_indent=indent)
        yield "\n"


def _explained(settings: type[Any]) -> dict[str, str]:
    """The first paragraph below each field in the source, and the field's default."""
    try:
        (found,) = ast.parse(textwrap.dedent(inspect.getsource(settings))).body
    except OSError:  # Installed without sources.
        return {}
    assert isinstance(found, ast.ClassDef)
    defaults = {one.name: one.default for one in dataclasses.fields(settings)}
    explained: dict[str, str] = {}
    for above, below in itertools.pairwise(found.body):
        match above, below:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(text))):
                paragraph = " ".join(text.split("\n\n")[0].split())
                explained[name] = paragraph + _default_told(defaults[name])
    return explained


def _default_told(default: Any) -> str:
    """A field's default as it would be written; nothing for one that has none."""
    if default is dataclasses.MISSING:
        return ""
    if isinstance(default, tuple):
        default = ",".join(map(str, default))
    elif isinstance(default, bool):
        default = str(default).lower()
    elif isinstance(default, float):
        default = f"{default:g}"
    return f" (default: {default if default != '' else 'empty'})"


def _from_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read the settings file {file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings file {file} is not TOML: {error}") from error


def _table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise SettingsError("[engine] must be a table")
    return value


def _pairs(texts: Sequence[str]) -> dict[str, str | int | float]:
    pairs: dict[str, str | int | float] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        _require(bool(name and equals), f"--engine takes FIELD=VALUE, not {text!r}")
        pairs[name] = _number(value)
    return pairs


def _number(text: str) -> str | int | float:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _convert(name: str, value: Any) -> Any:
    """A value from any source as the field's type."""
    default: Any = _FIELDS[name].default
    try:
        if isinstance(default, bool):
            return _truth(value)
        if isinstance(default, tuple):
            parts = value.split(",") if isinstance(value, str) else value
            number = bool(default)  # tuples of numbers have numbers as their default
            return tuple(int(part) if number else str(part).strip() for part in parts if part != "")
        if isinstance(value, bool):
            raise ValueError
        if isinstance(default, str) and not isinstance(value, str):
            raise ValueError
        return type(default)(value)
    except (TypeError, ValueError) as error:
        kind = type(default).__name__
        raise SettingsError(f"{name} must be of type {kind}, not {value!r}") from error


def _truth(value: Any) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise ValueError


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise SettingsError(message)
