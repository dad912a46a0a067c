"""The server process: puts the parts together, listens, and ends when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from aiohttp import web

from server.auth_http import DOOR, check_exposure, make_door
from server.bodies import MAX_BODY_BYTES
from server.engine_client import EngineClient
from server.engine_entry import check, enter
from server.engine_process import EngineEntry
from server.errors import EngineLost, SettingsError
from server.metrics import Metrics
from server.openai_live_routes import add_live_routes
from server.openai_routes import add_openai_routes
from server.pipecat_routes import add_pipecat_routes
from server.policy import Policy
from server.priority import put_first
from server.reception import Reception
from server.routes import RECEPTION, add_routes, middlewares
from server.services import Services
from server.session_log import LogWriter
from server.settings import Settings
from server.webrtc.ice import IceServer, IceSettings
from server.webrtc.pins import IncompatibleAiortc, check_aiortc
from server.whip_routes import add_whip_routes

__all__ = ["create_app", "run", "serve"]

log = logging.getLogger(__name__)

# Between 5 ms, Python's own, and this the voice of everybody waits for a thread that computes.
_SWITCH_SECONDS: Final = 0.0005
_EXIT_SECONDS: Final = 9.5


def create_app(settings: Settings, entry: EngineEntry = enter) -> web.Application:
    """The application, with its engine starting and stopping with it.

    Args:
        settings: how to run.
        entry: what runs in the engine process; tests give their own.

    Raises:
        SettingsError: the engine or the media cannot be set up like this.
    """
    check(settings.engine)
    check_exposure(settings)
    app = web.Application(middlewares=middlewares, client_max_size=MAX_BODY_BYTES)
    engine = EngineClient(settings, entry)
    logs = _logs(settings.recordings)
    services = Services(settings, engine, Metrics(), Policy(), logs)
    app[DOOR] = make_door(settings)
    app[RECEPTION] = Reception(services, _ice(settings))
    add_routes(app)
    add_openai_routes(app)
    add_live_routes(app)
    add_pipecat_routes(app)
    add_whip_routes(app)
    app.cleanup_ctx.append(_engine_beside)
    return app


def _logs(folder: str) -> LogWriter | None:
    if not folder:
        return None
    try:
        return LogWriter(Path(folder))
    except OSError as error:
        raise SettingsError(f"recordings: nothing can be written into {folder}: {error}") from error


def run(settings: Settings) -> int:
    """Serve until SIGTERM or Ctrl-C; returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    # What is offered and which addresses are tried is nobody's business but the person's.
    for name in ("aiohttp.access", "aioice", "aiortc"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # These name addresses, and keys that stand among a socket's protocols; our own faults are told
    # by our own loggers.
    logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    sys.setswitchinterval(_SWITCH_SECONDS)
    if settings.audio_first and not put_first():
        log.info("no real-time priority for audio here: it may stutter while the engine is busy")
    try:
        return asyncio.run(serve(settings, _announce))
    except (SettingsError, EngineLost, IncompatibleAiortc) as error:
        log.error("%s", error)
        return 1
    except OSError as error:
        log.error("cannot listen on %s:%d: %s", settings.host, settings.port, error.strerror)
        return 1


async def serve(
    settings: Settings,
    on_listening: Callable[[str], None] = lambda _: None,
    entry: EngineEntry = enter,
) -> int:
    """Serve until SIGTERM or SIGINT; `on_listening` is told the address to open.

    Returns 0, or raises EngineLost when the engine cannot be started.
    """
    await check_aiortc()
    app = create_app(settings, entry)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await runner.setup()
    try:
        tls = _tls(settings)
        site = web.TCPSite(runner, settings.host, settings.port, ssl_context=tls)
        await site.start()
        on_listening(_address(settings, runner))
        await _until(stop, app[RECEPTION])
    finally:
        try:
            async with asyncio.timeout(_EXIT_SECONDS):
                await app[RECEPTION].close()
                await runner.cleanup()
        except TimeoutError:
            log.error("not everything could be closed in time")
    return 0


async def _until(stop: asyncio.Event, reception: Reception) -> None:
    engine = reception.services.engine
    while not stop.is_set():
        if engine.status == "failed":
            raise EngineLost(engine.failure)
        # What somebody said is not kept longer than promised because nobody else comes.
        reception.registry.sweep(asyncio.get_running_loop().time())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await stop.wait()


async def _engine_beside(app: web.Application) -> AsyncIterator[None]:
    """Start the engine with the application, end it with it."""
    services = app[RECEPTION].services
    keeping = asyncio.create_task(services.engine.run(), name="engine")
    yield
    keeping.cancel()
    with contextlib.suppress(asyncio.CancelledError, EngineLost):
        await keeping
    if services.logs is not None:
        services.logs.close()


def _ice(settings: Settings) -> IceSettings:
    first, last = settings.ice_ports
    try:
        return IceSettings(
            interfaces=settings.ice_interfaces,
            ports=(first, last),
            public_address=settings.public_address,
            loopback=settings.ice_loopback,
            servers=tuple(_ice_server(text) for text in settings.ice_servers),
        )
    except ValueError as error:
        raise SettingsError(f"ice: {error}") from error


def _ice_server(text: str) -> IceServer:
    """`turn:user:password@host:port` or `stun:host:port`."""
    scheme, _, rest = text.partition(":")
    account, at, host = rest.rpartition("@")
    username, _, credential = account.partition(":")
    return IceServer(f"{scheme}:{host if at else rest}", username, credential)


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if not settings.tls_certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"tls_certificate and tls_key cannot be used: {error}; both must be PEM files"
        ) from error
    return context


def _address(settings: Settings, runner: web.AppRunner) -> str:
    port = runner.addresses[0][1]
    host = "localhost" if settings.host in ("127.0.0.1", "0.0.0.0", "::", "::1") else settings.host
    scheme = "https" if settings.tls_certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"


def _announce(address: str) -> None:
    sys.stdout.write(f"\n  Counterpoint listens. Open {address} in a browser.\n\n")
    sys.stdout.flush()
