"""A Live session as it is asked for: what is taken, what is refused and by which name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from model.messages import Turn
from server.dialects.openai_fields import FieldError
from server.dialects.openai_live_settings import LiveSettings
from server.dialects.openai_live_start import Start, Starting, read_call
from server.session_events import Reply

Event = dict[str, Any]


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"model": None}, "session.model"),
        ({"voice": "x"}, "session.voice"),
        ({"audio": {"output": {"speed": 2}}}, "session.audio.output.speed"),
        ({"audio": {"output": {"voice": 5}}}, "session.audio.output.voice"),
        ({"audio": {"format": {"type": "audio/pcm", "rate": 24_000}}}, "session.audio.format"),
        ({"delegation": {"type": "responses"}}, "session.delegation.type"),
        ({"delegation": {"type": "client", "tools": []}}, "session.delegation.tools"),
        (
            {"delegation": {"type": "client", "acknowledgement_delay_ms": -1}},
            "session.delegation.acknowledgement_delay_ms",
        ),
        ({"store": "yes"}, "session.store"),
        ({"input": [{"role": "user", "content": []}]}, "session.input[0].content"),
        ({"input": [{"role": [], "content": [{}]}]}, "session.input[0].role"),
        ({"client": {"data_channel": {"allowed_client_events": 5}}},
            "session.client.data_channel.allowed_client_events"),
    ],
)  # fmt: skip
def test_a_session_that_cannot_be_served_is_refused_by_its_path(session: Event, param: str) -> None:
    with pytest.raises(FieldError) as refused:
        LiveSettings({"model": "any", **session}, in_messages=False)
    assert refused.value.param == param


def test_history_formats_and_permissions() -> None:
    item = {"role": "developer", "content": [{"text": "She is called Ann."}]}
    said = {"role": "assistant", "content": [{"type": "output_text", "text": "Hello."}]}
    settings = LiveSettings({"model": "x", "input": [item, said]}, in_messages=True)
    assert settings.history == (Turn("knowledge", "She is called Ann."), Turn("agent", "Hello."))
    assert "input" not in settings.told("id") and settings.format == "audio/pcm"
    given = {"format": {"type": "audio/pcm", "rate": 16_000}, "output": {"voice": "meridian"}}
    settings = LiveSettings({"model": "x", "audio": given}, in_messages=True)
    assert settings.format == "audio/pcm;rate=16000" and settings.values()["voice"] == ""
    for voice in ({"id": "marin"}, {"id": "meridian"}, {}, None):
        settings = LiveSettings({"model": "x", "audio": {"output": {"voice": voice}}}, False)
        assert settings.values()["voice"] == ""
    allowed = {"allowed_client_events": [], "allowed_server_events": [{"type": "error"}]}
    settings = LiveSettings({"model": "x", "client": {"data_channel": allowed}}, False)
    assert settings.client_events == frozenset() and settings.server_events == frozenset({"error"})


def test_the_first_message_of_a_socket_starts_it() -> None:
    starting = Starting()

    def read(**message: Any) -> Any:
        outcome = starting.read(json.dumps({"event_id": "mine", **message}), 0.0)
        return json.loads(outcome.messages[0])["error"] if isinstance(outcome, Reply) else outcome

    assert read(type="session.close")["code"] == "session_not_started"
    assert read(type="nonsense")["code"] == "invalid_event"
    assert read(type="session.start", session={})["param"] == "session.model"
    refused = read(type="session.start", session={"model": "x"}, more=1)
    assert refused["param"] == "more" and refused["client_event_id"] == "mine"
    started = read(type="session.start", session={"model": "x"})
    assert isinstance(started, Start) and started.event_id == "mine"


def test_the_body_of_a_call() -> None:
    transport = {"type": "webrtc", "sdp": "v=0"}
    sdp, settings = read_call({"session": {"model": "x"}, "transport": transport})
    assert sdp == "v=0" and settings.session["model"] == "x"
    wrong: list[tuple[Any, str]] = [
        ({"session": {"model": "x"}, "transport": {**transport, "type": "sip"}}, "transport.type"),
        ({"session": {"model": "x"}, "transport": {"type": "webrtc"}}, "transport.sdp"),
        ({"session": {"model": "x"}}, "transport"),
        ({"session": {}, "transport": transport}, "session.model"),
        ({"session": {"model": "x"}, "transport": transport, "sdp": ""}, "body.sdp"),
        ([], "body"),
    ]
    for body, param in wrong:
        with pytest.raises(FieldError) as refused:
            read_call(body)
        assert refused.value.param == param
