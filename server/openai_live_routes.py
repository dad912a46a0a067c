"""HTTP addresses of OpenAI's Live API. Thin; decisions are made elsewhere."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Final

from aiohttp import WSMsgType, web

from server.auth_http import visitor
from server.dialects.openai_live import LiveDialect
from server.dialects.openai_live_settings import LiveSettings
from server.dialects.openai_live_start import Start, Starting, read_call
from server.dialects.openai_live_wire import live_error, live_id
from server.dialects.openai_settings import FieldError
from server.dialects.openai_wire import texts
from server.errors import BadRequest, CounterpointError, NotFound, Unauthorized
from server.live_port import LivePort
from server.offers import Offer
from server.openai_calls import Call, Calls
from server.openai_http import key_holder, read_json, web_socket
from server.port import Port
from server.recording import Recording
from server.registry import Entry
from server.routes import RECEPTION
from server.session_events import Flood, Reply
from server.socket_port import SocketPort
from server.stream_settings import read_settings
from server.visitor import Visitor

__all__ = ["add_live_routes"]

_SESSIONS: Final = "/v1/live/sessions"
_START_SECONDS: Final = 20.0
_START_MESSAGES: Final = 16
_LONGEST_SECONDS: Final = 24 * 3_600
_MAX_RECORDINGS: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """The sound of a conversation, kept as long as its record."""

    entry: Entry
    holder: str
    recording: Recording


class _Beginning:
    """What a new session is made of, until it has begun."""

    def __init__(self, settings: LiveSettings, dialect: LiveDialect) -> None:
        self.settings = settings
        self.dialect = dialect
        self.recording = Recording() if settings.stores else None
        self.port: LivePort | None = None

    def put_around(self, port: Port) -> LivePort:
        """The session's client."""
        self.port = LivePort(port, self.dialect, self.recording)
        return self.port

    def visitor(self, guest: Visitor) -> Visitor:
        """The visitor who speaks this dialect."""
        return replace(
            guest,
            dialect=lambda: self.dialect,
            label="oai-events",
            port=self.put_around,
            history=self.settings.history,
        )


class _Sessions:
    """Sessions that go on, and the sound of those that asked for it to be kept."""

    def __init__(self) -> None:
        self.calls = Calls()
        # Oldest first; beyond `_MAX_RECORDINGS` the oldest is forgotten.
        self._kept: dict[str, _Kept] = {}

    def begun(self, entry: Entry, one: _Beginning, guest: Visitor) -> str:
        """Keep a session that has begun; returns its name."""
        assert one.port is not None
        name = live_id(entry.id)
        call = Call(entry, one.port, one.dialect.greeting, guest.holder, one.dialect.end)
        self.calls.add(name, call)
        if one.recording is not None:
            self._kept[name] = _Kept(entry, guest.holder.holder, one.recording)
            if len(self._kept) > _MAX_RECORDINGS:
                del self._kept[next(iter(self._kept))]
        return name

    def content(self, name: str, holder: str) -> bytes:
        """The sound of a session that is over; raises NotFound."""
        kept = self._kept.get(name)
        if kept is None or kept.holder != holder:
            raise NotFound("There is no such session, or it was begun without `store`.")
        if kept.recording.whole is None:
            raise NotFound("This session still goes on; end it first.")
        return kept.recording.whole

    def forget(self, entry: Entry) -> None:
        """Forget the sound of a conversation whose record is gone, and all else of it."""
        self.calls.forget(entry)
        self._kept = {name: one for name, one in self._kept.items() if one.entry is not entry}


_LIVE: Final = web.AppKey("live", _Sessions)


def add_live_routes(app: web.Application) -> None:
    """Give the application these addresses."""
    app[_LIVE] = _Sessions()
    app[RECEPTION].registry.on_forget.append(app[_LIVE].forget)
    app.router.add_post(_SESSIONS, _create)
    app.router.add_get(_SESSIONS, _socket)
    app.router.add_post(f"{_SESSIONS}/{{session}}/hangup", _hangup)
    app.router.add_get(f"{_SESSIONS}/{{session}}/attach", _attach)
    app.router.add_get(f"{_SESSIONS}/{{session}}/content", _content)


async def _create(request: web.Request) -> web.Response:
    reception = request.app[RECEPTION]
    reception.knock(request.remote or "")
    try:
        sdp, settings = read_call(await read_json(request))
    except FieldError as error:
        raise BadRequest(str(error), error.param, error.code) from error
    guest = _guest(request)
    one = _Beginning(settings, LiveDialect(settings, _expires(request)))
    offer = Offer(sdp, None, read_settings(settings.values()))
    welcome = await reception.welcome(offer, one.visitor(guest))
    entry = reception.open(welcome.session, welcome.token)
    name = _sessions(request).begun(entry, one, guest)
    transport = {"type": "webrtc", "sdp": welcome.answer_sdp}
    return web.json_response(
        {"session": {"id": name}, "transport": transport},
        status=201,
        headers={"Location": f"{_SESSIONS}/{name}", "Cache-Control": "no-store"},
    )


async def _hangup(request: web.Request) -> web.Response:
    _call(request).hang_up()
    return web.Response(status=200)


async def _attach(request: web.Request) -> web.StreamResponse:
    call = _call(request)
    socket = _open(request)
    await _sessions(request).calls.listen_in(call, socket, request)
    return socket


async def _content(request: web.Request) -> web.Response:
    holder = key_holder(request)
    sound = _sessions(request).content(request.match_info["session"], holder.holder)
    headers = {"Cache-Control": "no-store"}
    return web.Response(body=sound, content_type="audio/ogg", headers=headers)


async def _socket(request: web.Request) -> web.StreamResponse:
    reception = request.app[RECEPTION]
    reception.knock(request.remote or "")
    guest = _guest(request)
    socket = _open(request)
    await socket.prepare(request)
    start = await _started(socket)
    if start is None:
        await socket.close(message=b"no session was started")
        return socket
    dialect = LiveDialect(start.settings, _expires(request), True, start.event_id)
    one, ports = _Beginning(start.settings, dialect), list[SocketPort]()

    def make() -> Port:
        ports.append(SocketPort(socket, dialect))
        return one.put_around(ports[0])

    try:
        settings = read_settings(start.settings.values())
        entry = reception.join(make, settings, one.visitor(guest))
    except CounterpointError as error:
        reception.services.metrics.requests_refused[error.code] += 1
        told = live_error(error.code, str(error), start.event_id, kind="server_error")
        await socket.send_str(texts([told])[0])
        await socket.close(message=error.code.encode())
        return socket
    _sessions(request).begun(entry, one, guest)
    try:
        await ports[0].run()
    finally:
        await ports[0].close()
    return socket


async def _started(socket: web.WebSocketResponse) -> Start | None:
    """The first message that may begin a session; others are refused."""
    starting, loop = Starting(), asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_START_SECONDS):
            for _ in range(_START_MESSAGES):
                message = await socket.receive()
                if message.type is not WSMsgType.TEXT:
                    return None
                match starting.read(message.data, loop.time()):
                    case Start() as start:
                        return start
                    case Reply(messages):
                        for text in messages:
                            await socket.send_str(text)
                    case Flood():
                        return None
    except (TimeoutError, ConnectionError):
        return None
    return None


def _guest(request: web.Request) -> Visitor:
    guest = visitor(request)
    if guest.holder.session:
        raise Unauthorized("This secret was made for another protocol.")
    return guest


def _call(request: web.Request) -> Call:
    return _sessions(request).calls.find(request.match_info["session"], key_holder(request))


def _sessions(request: web.Request) -> _Sessions:
    return request.app[_LIVE]


def _expires(request: web.Request) -> int:
    longest = request.app[RECEPTION].services.settings.session_seconds or _LONGEST_SECONDS
    return int(time.time() + longest)


def _open(request: web.Request) -> web.WebSocketResponse:
    protocols = ("realtime",) if "Sec-WebSocket-Protocol" in request.headers else ()
    return web_socket(protocols)
