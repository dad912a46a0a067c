"""The pages in `examples/`, as the server serves them: no complaint, and each does its thing.

The engine is scripted: what is typed into the element says which tool it asks for, and what a tool
answers it says aloud.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.browser.chromium import chromium, console_problems, open_page, wait_until
from tests.network.testbed import TestBed

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]

PORT = 8096
READY = "counterpoint-call:defined"
AGENT = ".turn[data-who=agent]"


@pytest.fixture(scope="module")
def examples(testbed: TestBed) -> str:
    """Where the examples are."""
    address = testbed.server_address
    command = [sys.executable, "-m", "tests.server.scripted_server", "enter", "--host", address]
    crowd = ["--port", str(PORT), "--offers-per-window", "1000"]
    testbed.spawn_server([*command, *crowd]).wait_for_output("Open", 60)
    url = f"http://{address}:{PORT}"
    asking = ["curl", "-sf", "--retry", "60", "--retry-delay", "1", "--retry-all-errors"]
    testbed.run_in_client([*asking, f"{url}/healthz"], timeout_seconds=120)
    return f"{url}/examples/"


@pytest.fixture(scope="module")
def visitor(
    playwright_driver: Playwright, examples: str, microphone_wav: Path
) -> Iterator[Browser]:
    """A browser with a microphone."""
    origin = examples.removesuffix("/examples/")
    with chromium(playwright_driver, origin, microphone_wav) as browser:
        yield browser


def begin(browser: Browser, url: str, **context: Any) -> Page:
    """A page of the examples whose conversation has begun."""
    page = open_page(browser, url, ready=READY, **context)
    page.locator("counterpoint-call").get_by_role("button", name="Start").click()
    wait_until(page, "() => document.querySelector('counterpoint-call').view.phase === 'live'")
    return page


def ask(page: Page, tool: str, **arguments: Any) -> None:
    """Have the scripted model use a tool."""
    field = page.locator("counterpoint-call").get_by_label("Type instead")
    field.fill(f"call {tool} {json.dumps(arguments)}")
    field.press("Enter")


def said(page: Page, text: str) -> None:
    """Wait until the agent's captions show that it said this."""
    expect(page.locator(f"counterpoint-call {AGENT}").filter(has_text=text).first).to_be_visible()


def test_the_list_leads_to_every_example(visitor: Browser, examples: str) -> None:
    page = open_page(visitor, examples, ready="main.list")
    for name in ("assistant", "writing", "agent"):
        assert page.locator(f"a[href='{name}.html']").count() == 1
    assert console_problems(page) == []
    page.context.close()


def test_the_assistants_tools_are_functions_of_the_page(visitor: Browser, examples: str) -> None:
    page = begin(visitor, f"{examples}assistant.html")
    ask(page, "add_to_list", item="oat milk")
    said(page, "oat milk is on the list.")
    expect(page.locator("#list li")).to_have_text(["oat milk"])
    ask(page, "set_timer", seconds=5, label="egg")
    expect(page.locator("#timers li")).to_have_text(["egg: 5 s"])
    said(page, "Your egg is over.")
    expect(page.locator("#timers li")).to_have_count(0)
    assert console_problems(page) == []
    page.context.close()


def test_two_write_one_text_at_the_same_time(visitor: Browser, examples: str) -> None:
    page = begin(visitor, f"{examples}writing.html")
    text = page.locator("#text")
    text.press_sequentially("Once upon a time")
    expect(page.locator("#status")).to_have_text("It has read what you typed.")
    ask(page, "write", words="there was a harbour.")
    expect(text).to_have_value("Once upon a time there was a harbour.")
    text.press("Home")
    text.press_sequentially("Tale: ")
    ask(page, "replace", old="harbour", words="lighthouse")
    expect(text).to_have_value("Tale: Once upon a time there was a lighthouse.")
    # Its words came in beside the person's caret.
    assert text.evaluate("one => one.selectionStart") == len("Tale: ")
    ask(page, "replace", old="castle", words="tower")
    said(page, "“castle” is not in the text.")
    assert console_problems(page) == []
    page.context.close()


def test_a_long_task_goes_on_while_they_talk_and_is_stopped(
    visitor: Browser, examples: str
) -> None:
    page = begin(visitor, f"{examples}agent.html?step-ms=3000")
    ask(page, "research", topic="bees")
    expect(page.locator("#steps li").first).to_have_text("Look for sources")
    field = page.locator("counterpoint-call").get_by_label("Type instead")
    field.fill("say 1")
    field.press("Enter")
    said(page, "w0")
    expect(page.locator("#stop")).to_be_enabled()
    ask(page, "stop_task")
    expect(page.locator("#status")).to_contain_text("Stopped after")
    expect(page.locator("#stop")).to_be_disabled()
    said(page, "The research on bees is stopped.")
    assert console_problems(page) == []
    page.context.close()


def test_hanging_up_ends_the_task(visitor: Browser, examples: str) -> None:
    page = begin(visitor, f"{examples}agent.html?step-ms=3000")
    ask(page, "research", topic="bees")
    expect(page.locator("#steps li").first).to_be_visible()
    page.locator("counterpoint-call").get_by_role("button", name="Hang up").click()
    expect(page.locator("#status")).to_contain_text("Stopped after")
    assert console_problems(page) == []
    page.context.close()
