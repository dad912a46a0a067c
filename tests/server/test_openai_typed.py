"""OpenAI's Realtime dialect: what is typed, in its order, and beside the outputs of functions."""

from __future__ import annotations

from model.orders import ToolCall
from server.session_events import Problem, TextSent
from server.steering_events import AnswerAsked, Appended, ToolAnswered
from tests.server.test_openai_realtime import Client, Event


def message(role: str, text: str) -> Event:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


def test_a_history_is_known_in_its_order() -> None:
    """What was said is followed by what is said next; only what stands last is asked."""
    client = Client()
    said = [("user", "one"), ("user", "two"), ("assistant", "three"), ("user", "four")]
    for role, text in said:
        client.send("conversation.item.create", item=message(role, text))
    client.refused("conversation.item.create", item=message("nobody", "five"))
    client.send("response.create")
    known = [(one.role, one.text) for one in client.asked if isinstance(one, Appended)]
    assert known == [("person", "one"), ("person", "two"), ("agent", "three")]
    assert isinstance(client.asked[-1], TextSent) and client.asked[-1].text == "four"


def test_what_is_typed_behind_a_functions_answer_is_asked() -> None:
    client = Client()
    client.happens(ToolCall("c1", "weather", "{}"))
    output = {"type": "function_call_output", "call_id": "c1", "output": "sunny"}
    client.send("conversation.item.create", item=output)
    client.says()
    client.ends(0)
    client.send("conversation.item.create", item=message("user", "and tomorrow?"))
    client.send("response.create")
    assert [type(one) for one in client.asked] == [ToolAnswered, TextSent]


def test_an_output_that_nothing_waits_for_keeps_nobody_from_asking() -> None:
    client = Client()
    output = {"type": "function_call_output", "call_id": "old", "output": "sunny"}
    client.send("conversation.item.create", item=output, event_id="mine")
    (answered,) = client.asked
    (told,) = client.happens(Problem("bad_field", "no call", False, answered.event_id))
    assert told["error"]["event_id"] == "mine"
    client.send("response.create")
    assert isinstance(client.asked[-1], AnswerAsked)


def test_functions_may_take_their_time() -> None:
    client = Client()
    tool = {"type": "function", "name": "approve", "description": "", "parameters": {}}
    client.send("session.update", session={"tools": [tool]})
    assert client.asked[0].values["tools"][0]["timeout_ms"] == 300_000
