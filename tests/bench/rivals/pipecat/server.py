"""A pipecat bot behind `POST /api/offer`, as pipecat's own runner serves it, with our weights.

Runs where `setup` has put pipecat:
`out/rivals/pipecat/bin/python -m tests.bench.rivals.pipecat.server --port 8450`.
`GET /healthz` answers once everything is loaded; `--engine` takes the settings of our own engine.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from importlib.metadata import version
from typing import Any

import uvicorn
from fastapi import BackgroundTasks, FastAPI, HTTPException
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.transports.smallwebrtc.request_handler import (
    SmallWebRTCPatchRequest,
    SmallWebRTCRequest,
    SmallWebRTCRequestHandler,
)
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport
from pipecat.workers.runner import WorkerRunner

from model.config import EngineConfig
from tests.bench.rivals.pipecat.parts import Dialogue, NoRow, SharedParts
from tests.bench.rivals.pipecat.services import EarsService, LanguageService, VoiceService

__all__ = ["application", "main"]


async def converse(connection: SmallWebRTCConnection, parts: SharedParts, own: Dialogue) -> None:
    """One call, from the answer to the end of the connection: pipecat's template of a cascade.

    Nothing about turns is set: 1.14's defaults are Silero with `stop_secs` 0.2, smart-turn v3 to
    end a turn, voice activity or a transcript to begin one, and an interruption at its beginning.
    """
    transport = SmallWebRTCTransport(
        webrtc_connection=connection,
        params=TransportParams(audio_in_enabled=True, audio_out_enabled=True),
    )
    user, assistant = LLMContextAggregatorPair(
        LLMContext(), user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    )
    pipeline = Pipeline(
        [
            transport.input(),
            EarsService(parts),
            user,
            LanguageService(parts, own),
            VoiceService(parts),
            transport.output(),
            assistant,
        ]
    )
    worker = PipelineWorker(
        pipeline, params=PipelineParams(enable_metrics=True, enable_usage_metrics=True)
    )
    runner = WorkerRunner(handle_sigint=False)

    @transport.event_handler("on_client_disconnected")  # type: ignore[untyped-decorator, unused-ignore]
    async def on_client_disconnected(_transport: object, _client: object) -> None:
        await runner.cancel()

    try:
        await own.prime()
        await runner.add_workers(worker)
        await runner.run()
    finally:
        parts.end(own)


def application(parts: SharedParts) -> FastAPI:
    """The HTTP side."""
    calls = SmallWebRTCRequestHandler()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await calls.close()

    app = FastAPI(lifespan=lifespan)

    async def offer(request: SmallWebRTCRequest, background: BackgroundTasks) -> Any:
        async def begin(connection: SmallWebRTCConnection) -> None:
            background.add_task(converse, connection, parts, own)

        try:
            own = parts.begin()
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
            "language": parts.language_name,
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
    parser.add_argument("--log", default="WARNING", help="level of pipecat's log")
    options = parser.parse_args(words)
    logger.remove()
    logger.add(sys.stderr, level=options.log)
    try:
        parts = SharedParts(_settings(options.engine))
    except (ValueError, FileNotFoundError) as error:
        print(f"pipecat: {error}", file=sys.stderr)
        return 2
    print(f"ready with {parts.language_name}: http://{options.host}:{options.port}", flush=True)
    uvicorn.run(
        application(parts), host=options.host, port=options.port, log_level="warning",
        timeout_graceful_shutdown=2,
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
