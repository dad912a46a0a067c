"""A pipecat bot behind `POST /api/offer`, as pipecat's own runner serves it, with our weights.

Runs where `setup` has put pipecat:
`out/rivals/pipecat/bin/python -m tests.bench.rivals.pipecat.server --port 8450`.
`GET /healthz` answers once everything is loaded; `--engine` takes the settings of our own engine.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from importlib.metadata import version
from typing import Any, Final

import uvicorn
from fastapi import BackgroundTasks, FastAPI, HTTPException
from loguru import logger
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import Frame, InputAudioRawFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.transports.smallwebrtc.request_handler import (
    SmallWebRTCPatchRequest,
    SmallWebRTCRequest,
    SmallWebRTCRequestHandler,
)
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

from model.config import EngineConfig
from model.timebase import HEARING_RATE, SPEAKING_RATE
from server.priority import put_first
from tests.bench.rivals.pipecat.parts import Dialogue, NoRow, SharedParts
from tests.bench.rivals.pipecat.services import EarsService, LanguageService, VoiceService

__all__ = ["application", "main"]

_ROW_SECONDS: Final = 2.0
_LIVE_FRAMES: Final = 21
_LIVE_SECONDS: Final = 0.38
"""So many frames of 20 ms take 0.4 s when they are spoken, and less out of a queue."""


def turn_taking(stop_seconds: float | None) -> LLMUserAggregatorParams:
    """Pipecat's own turn taking.

    Nothing is set but, where asked for, the silence that ends any turn: 1.14's defaults are
    Silero with `stop_secs` 0.2, smart-turn v3 to end a turn, voice activity or a transcript to
    begin one, and an interruption of the bot at its beginning.
    """
    strategies = None
    if stop_seconds is not None:
        analyzer = LocalSmartTurnAnalyzerV3(params=SmartTurnParams(stop_secs=stop_seconds))
        stop = TurnAnalyzerUserTurnStopStrategy(turn_analyzer=analyzer)
        strategies = UserTurnStrategies(stop=[stop])
    return LLMUserAggregatorParams(
        vad_analyzer=SileroVADAnalyzer(), user_turn_strategies=strategies
    )


class Echo(FrameProcessor):
    """Says back what it hears; what is left of a call when the model is taken out.

    Audio that came in while the pipeline was still being built is dropped: it arrives all at once,
    and said back it would delay everything after it by as much, which no answer ever is.
    """

    def __init__(self) -> None:
        super().__init__()
        self._times: deque[float] = deque(maxlen=_LIVE_FRAMES)
        self._caught_up = False

    def _is_live(self) -> bool:
        """Whether frames come as they are spoken, no longer out of a queue."""
        self._times.append(time.monotonic())
        took = self._times[-1] - self._times[0]
        full = len(self._times) == _LIVE_FRAMES
        self._caught_up = self._caught_up or (full and took > _LIVE_SECONDS)
        return self._caught_up

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Turn audio that came in into audio that goes out; hand on everything else."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            if not self._is_live():
                return
            frame = OutputAudioRawFrame(frame.audio, frame.sample_rate, frame.num_channels)
        await self.push_frame(frame, direction)


async def converse(
    connection: SmallWebRTCConnection,
    parts: SharedParts,
    own: Dialogue,
    stop_seconds: float | None,
) -> None:
    """One call, from the answer to its end: the cascade of pipecat's template for a bot."""
    transport = _transport(connection)
    user, assistant = LLMContextAggregatorPair(LLMContext(), user_params=turn_taking(stop_seconds))
    stages = [
        transport.input(),
        EarsService(parts),
        user,
        LanguageService(parts, own),
        VoiceService(parts),
        transport.output(),
        assistant,
    ]
    try:
        await own.prime()
        await _run(transport, stages)
    finally:
        parts.end(own)


async def echo(connection: SmallWebRTCConnection) -> None:
    """One call with nobody at the other end."""
    transport = _transport(connection)
    # At one rate: what an answer is made of needs no resampling either.
    await _run(transport, [transport.input(), Echo(), transport.output()], HEARING_RATE)


def _transport(connection: SmallWebRTCConnection) -> SmallWebRTCTransport:
    return SmallWebRTCTransport(
        webrtc_connection=connection,
        params=TransportParams(audio_in_enabled=True, audio_out_enabled=True),
    )


async def _run(
    transport: SmallWebRTCTransport, stages: list[FrameProcessor], out_rate: int = SPEAKING_RATE
) -> None:
    params = PipelineParams(
        enable_metrics=True, enable_usage_metrics=True, audio_out_sample_rate=out_rate
    )
    worker = PipelineWorker(Pipeline(stages), params=params)
    runner = WorkerRunner(handle_sigint=False)

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(_transport: object, _client: object) -> None:
        await runner.cancel()

    await runner.add_workers(worker)
    await runner.run()


async def _a_row(parts: SharedParts) -> Dialogue:
    """A row, waited for a little: a call that was hung up gives its own back when pipecat has put
    its pipeline away."""
    until = time.monotonic() + _ROW_SECONDS
    while True:
        try:
            return parts.begin()
        except NoRow:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(0.1)


def application(parts: SharedParts | None, stop_seconds: float | None = None) -> FastAPI:
    """The HTTP side; without parts it is an echo."""
    calls = SmallWebRTCRequestHandler()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await calls.close()

    app = FastAPI(lifespan=lifespan)

    async def offer(request: SmallWebRTCRequest, background: BackgroundTasks) -> Any:
        if parts is None:

            async def begin_echo(connection: SmallWebRTCConnection) -> None:
                background.add_task(echo, connection)

            return await calls.handle_web_request(request, begin_echo)

        async def begin(connection: SmallWebRTCConnection) -> None:
            background.add_task(converse, connection, parts, own, stop_seconds)

        try:
            own = await _a_row(parts)
        except NoRow as error:
            raise HTTPException(503, str(error)) from error
        try:
            return await calls.handle_web_request(request, begin)
        except BaseException:
            parts.end(own)
            raise

    async def candidates(request: SmallWebRTCPatchRequest) -> dict[str, str]:
        await calls.handle_patch_request(request)
        return {"status": "success"}

    async def health() -> dict[str, str]:
        return {
            "status": "ok",
            "language": parts.language_name if parts is not None else "none: an echo",
            "pipecat": version("pipecat-ai"),
            "aiortc": version("aiortc"),
            "torch": version("torch"),
        }

    app.add_api_route("/api/offer", offer, methods=["POST"], response_model=None)
    app.add_api_route("/api/offer", candidates, methods=["PATCH"])
    app.add_api_route("/healthz", health)
    return app


def _settings(words: Sequence[str]) -> EngineConfig:
    """`FIELD=VALUE` words as our engine takes them; raises ValueError for what it would refuse."""
    kinds = {field.name: str(field.type) for field in fields(EngineConfig)}
    values: dict[str, Any] = {}
    for word in words:
        name, _, value = word.partition("=")
        values[name] = int(value) if kinds.get(name) == "int" else value
    return EngineConfig.from_mapping(values)


def main(words: Sequence[str] | None = None) -> int:
    """Load everything, then serve until a signal ends it; 2 for a setting nobody knows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8450)
    parser.add_argument("--engine", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--turn-stop-seconds", type=float, help="instead of smart-turn's 3")
    parser.add_argument("--echo", action="store_true", help="the transport alone")
    parser.add_argument("--log", default="WARNING", help="level of pipecat's log")
    options = parser.parse_args(words)
    # pipecat's log at its usual level is work that no measured server needs.
    logger.remove()
    logger.add(sys.stderr, level=options.log)
    parts: SharedParts | None = None
    try:
        settings = _settings(options.engine)
        if not options.echo:
            parts = SharedParts(settings)
            asyncio.run(parts.warm_up())
    except (ValueError, FileNotFoundError) as error:
        print(f"pipecat: {error}", file=sys.stderr)
        return 2
    put_first()  # As our server does; threads that compute begin as ordinary ones again.
    print(f"ready: http://{options.host}:{options.port}", flush=True)
    uvicorn.run(
        application(parts, options.turn_stop_seconds),
        host=options.host,
        port=options.port,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
