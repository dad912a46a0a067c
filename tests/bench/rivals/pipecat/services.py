"""The shared parts as pipecat's three kinds of service.

Each is what pipecat's own service for a model on the same machine is: its segmented recogniser, a
language model that streams text, a voice that is given whole sentences.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Final

from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.transcriptions.language import Language
from pipecat.utils.time import time_now_iso8601

from model.interaction.phrases import PhraseSplitter
from model.timebase import HEARING_RATE, SPEAKING_RATE
from tests.bench.rivals.pipecat.parts import Dialogue, Message, SharedParts

__all__ = ["EarsService", "LanguageService", "VoiceService"]

TRANSCRIPT_P99_SECONDS: Final = 0.5
"""How long pipecat should expect to wait for a transcript. A segment's transcript is final and
ends the wait by itself, so this is only named to keep pipecat from assuming a second."""


class EarsService(SegmentedSTTService):
    """Moonshine tiny: each segment that pipecat's voice activity cuts is recognised whole."""

    def __init__(self, parts: SharedParts) -> None:
        super().__init__(
            sample_rate=HEARING_RATE,
            # Ears puts the silence it needs behind the audio by itself.
            trailing_silence_secs=0.0,
            ttfs_p99_latency=TRANSCRIPT_P99_SECONDS,
            settings=STTSettings(model="moonshine-tiny", language=Language.EN),
        )
        self._parts = parts

    @property
    def wants_wav_segments(self) -> bool:
        """Raw samples, not a WAV file."""
        return False

    def can_generate_metrics(self) -> bool:
        """It does."""
        return True

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame, None]:
        """Recognise 16 kHz 16-bit samples."""
        await self.start_processing_metrics()
        text = await self._parts.transcribe(audio)
        await self.stop_processing_metrics()
        if text.strip():
            yield TranscriptionFrame(text, self._user_id, time_now_iso8601(), Language.EN)


class LanguageService(LLMService):
    """The decoder of this project, one row of it."""

    def __init__(self, parts: SharedParts, dialogue: Dialogue) -> None:
        unsupported = dict.fromkeys(
            ("system_instruction", "temperature", "max_tokens", "top_p", "top_k",
             "frequency_penalty", "presence_penalty", "seed", "filter_incomplete_user_turns",
             "user_turn_completion_config")
        )  # fmt: skip
        super().__init__(settings=LLMSettings(model=parts.language_name, **unsupported))
        self._dialogue = dialogue

    def can_generate_metrics(self) -> bool:
        """It does."""
        return True

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Answer a context; hand on everything else."""
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        try:
            await self.push_frame(LLMFullResponseStartFrame())
            await self.start_processing_metrics()
            await self.start_ttfb_metrics()
            async for text in self._dialogue.reply(_plain(frame.context.get_messages())):
                await self.stop_ttfb_metrics()
                await self._push_llm_text(text)
        except Exception as error:
            await self.push_error(error_msg=f"no answer: {error}", exception=error)
        finally:
            await self.stop_processing_metrics()
            await self.push_frame(LLMFullResponseEndFrame())


class VoiceService(TTSService):
    """Hibari: pipecat hands over sentences, each is spoken phrase by phrase."""

    def __init__(self, parts: SharedParts) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            sample_rate=SPEAKING_RATE,
            # A sentence may hold nothing to be said, such as an emoji: no reason to give up.
            max_consecutive_zero_audio_contexts=0,
            settings=TTSSettings(model="hibari", voice="hibari", language=Language.EN),
        )
        self._parts = parts

    def can_generate_metrics(self) -> bool:
        """It does."""
        return True

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame, None]:
        """Speak one sentence."""
        splitter = PhraseSplitter()
        try:
            await self.start_tts_usage_metrics(text)
            for phrase in (*splitter.feed(text), *splitter.flush()):
                audio = await self._parts.render(phrase)
                await self.stop_ttfb_metrics()
                if audio:
                    yield TTSAudioRawFrame(
                        audio=audio,
                        sample_rate=SPEAKING_RATE,
                        num_channels=1,
                        context_id=context_id,
                    )
        except Exception as error:
            yield ErrorFrame(error=f"could not be spoken: {error}")
        finally:
            await self.stop_ttfb_metrics()


def _plain(messages: list[Any]) -> list[Message]:
    """Messages with plain text only; a message of parts is joined."""
    found: list[Message] = []
    for message in messages:
        content = message.get("content") or ""
        if not isinstance(content, str):
            content = " ".join(part.get("text", "") for part in content)
        if content.strip():
            found.append({"role": message["role"], "content": content})
    return found
