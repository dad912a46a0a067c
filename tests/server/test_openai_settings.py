"""The session object of OpenAI's Realtime API: what is taken, what is refused and by which name."""

from __future__ import annotations

from typing import Any

import pytest

from server.dialects.openai_fields import FieldError
from server.dialects.openai_settings import RealtimeSettings


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"voice": "x"}, "session.voice"),
        ({"type": "transcription"}, "session.type"),
        ({"instructions": 5}, "session.instructions"),
        ({"output_modalities": ["audio", "text"]}, "session.output_modalities"),
        ({"audio": {"input": {"format": {"type": "audio/opus"}}}}, "session.audio.input.format"),
        ({"audio": {"input": {"format": {"type": []}}}}, "session.audio.input.format"),
        (
            {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 8000}}}},
            "session.audio.input.format.rate",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "psychic"}}}},
            "session.audio.input.turn_detection.type",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": []}}}},
            "session.audio.input.turn_detection.eagerness",
        ),
        (
            {
                "audio": {
                    "input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 6000}}
                }
            },
            "session.audio.input.turn_detection.idle_timeout_ms",
        ),
        ({"audio": {"output": {"speed": 1.4}}}, "session.audio.output.speed"),
        ({"audio": {"output": {"voice": {"name": "x"}}}}, "session.audio.output.voice.name"),
        ({"audio": {"output": {"voice": ["x"]}}}, "session.audio.output.voice"),
        ({"audio": []}, "session.audio"),
        ({"tools": [{"type": "mcp"}]}, "session.tools[0]"),
        ({"tool_choice": 5}, "session.tool_choice"),
        (5, "session"),
    ],
)
def test_what_cannot_be_served_is_refused_by_its_path(session: Any, param: str) -> None:
    settings = RealtimeSettings()
    before = settings.told("id")
    with pytest.raises(FieldError) as refused:
        settings.update(session)
    assert refused.value.param == param
    assert settings.told("id") == before


def test_what_a_secret_fixes_stays() -> None:
    settings = RealtimeSettings({"type": "realtime", "instructions": "Sell shoes."})
    settings.update({"instructions": "Sell cars.", "tools": []})
    assert settings.values()["instructions"] == "Sell shoes."
    with pytest.raises(FieldError):
        RealtimeSettings({"instructions": 5})


def test_detection_is_eagerness_or_manual_turns() -> None:
    def values(detection: Any) -> tuple[float, bool]:
        settings = RealtimeSettings()
        settings.update({"audio": {"input": {"turn_detection": detection}}})
        return settings.values()["eagerness"], settings.values()["manual_turns"]

    assert values(None) == (0.5, True)
    assert (
        values({"type": "semantic_vad", "eagerness": "low"})[0]
        < values({"type": "semantic_vad", "eagerness": "high"})[0]
    )
    assert values({"type": "server_vad"}) == (0.5, False)
    assert values({"type": "server_vad", "create_response": False})[1]
    assert values({"type": "server_vad", "silence_duration_ms": None}) == (0.5, False)


def test_what_detection_does_is_told_where_the_client_left_it_out() -> None:
    def told(detection: Any) -> Any:
        settings = RealtimeSettings()
        settings.update({"audio": {"input": {"turn_detection": detection}}})
        return settings.told("id")["audio"]["input"]["turn_detection"]

    does = {"create_response": True, "interrupt_response": True}
    assert told({"type": "semantic_vad"}) == {"type": "semantic_vad", **does}
    manual = {"type": "server_vad", "create_response": False}
    assert told(manual) == {**does, **manual}
    assert told(None) is None


def test_what_a_secret_leaves_null_is_not_fixed() -> None:
    settings = RealtimeSettings({"instructions": None, "tools": None, "tracing": None})
    settings.update({"instructions": "Sell cars.", "tracing": "auto"})
    assert settings.values()["instructions"] == "Sell cars."
    assert settings.told("id")["tracing"] is None


def test_what_is_only_told_back_is_replaced_whole_and_bounded() -> None:
    settings = RealtimeSettings()
    for n in range(100):
        metadata = {f"key{n}": "x" * 100}
        voice = {"id": f"voice{n}"}
        sound = {"input": {"transcription": metadata}, "output": {"voice": voice}}
        settings.update({"tracing": {"metadata": metadata}, "audio": sound})
    told = settings.told("id")
    assert told["tracing"] == {"metadata": metadata} and told["audio"]["output"]["voice"] == voice
    assert told["audio"]["input"]["transcription"] == metadata
    assert told["audio"]["input"]["format"]["type"] == "audio/pcm", "what is not named stays"
    nested: Any = "x"
    for _ in range(900):
        nested = [nested]
    for tracing in ({"metadata": {"key": "x" * 9_000}}, nested):
        with pytest.raises(FieldError):
            settings.update({"tracing": tracing, "prompt": {"id": "x" * 8_000}})
    assert settings.told("id") == told
