"""A conversation through the page: real Chromium, a recorded person, the server with an echo."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import console_problems, open_page, start_call, wait_until
from tests.network.testbed import TestBed

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]

AGENT = "counterpoint.view.captions.filter((one) => one.who === 'agent' && one.words.length)"
SPEAKING = f"() => {AGENT}.some((one) => one.status === 'playing' && one.wordsHeard > 0)"
SILENCE = 0.003
LOUD = f"() => counterpoint.levels.slice(-10).some((one) => one.agent > {SILENCE * 4})"
UNHEARD = f"() => {AGENT}.some((one) => one.wordsHeard > 0 && one.words.length > one.wordsHeard)"
HEARD_AND_COMING = """() => {
  const found = ['.heard', '.coming'].map((name) => document.querySelector(name));
  return found.every(Boolean) && found.map((one) => getComputedStyle(one).color);
}"""
AFTER_SILENCE = """() => {
  const { silentMs } = counterpoint.silences.at(-1);
  return counterpoint.levels.filter((one) => one.atMs > silentMs + 60).map((one) => one.agent);
}"""
STOP_AND_LOOK = """() => {
  const voice = document.querySelector('[data-part=voice]');
  document.querySelector('[data-part=stop]').click();
  return { muted: voice.muted, enabled: voice.srcObject.getAudioTracks()[0].enabled };
}"""
PERSON_PEAK = """() => {
  const since = counterpoint.levels.at(-1).atMs - 1000;
  const last = counterpoint.levels.filter((one) => one.atMs > since);
  return Math.max(...last.map((one) => one.person));
}"""


def agent_captions(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(f"() => {AGENT}")
    return found


def test_the_page_loads_without_a_word_on_the_console(page: Page, server_url: str) -> None:
    expect(page).to_have_title("Counterpoint")
    expect(page.get_by_text("English only").first).to_be_visible()
    expect(page.get_by_text("Headphones help")).to_be_visible()
    assert page.evaluate("() => Object.isFrozen(counterpoint)")
    hosts = page.evaluate(
        "() => performance.getEntriesByType('resource').map((one) => new URL(one.name).origin)"
    )
    assert set(hosts) == {server_url}
    assert console_problems(page) == []


def test_a_conversation_is_captioned_drawn_and_measured(page: Page) -> None:
    start_call(page)
    wait_until(page, SPEAKING)
    expect(page.locator("[data-part=status-text]")).to_have_text("Connected")
    turn = page.locator(".turn[data-who=agent]").first
    expect(turn.locator(".heard")).to_contain_text("one two")
    # Some words are about to be said; they look different from those already heard.
    heard, coming = wait_until(page, HEARD_AND_COMING)
    assert heard != coming
    drawn = page.evaluate(PIXELS_OF_BOTH_VOICES)
    assert drawn["person"] > 50 and drawn["agent"] > 50
    wait_until(page, "() => counterpoint.view.health !== null")
    expect(page.locator("[data-part=health-verdict]")).not_to_have_text("Not connected")
    expect(page.locator("[data-part=health-rtt]")).to_contain_text("ms")
    described = page.locator("[data-part=timeline]")
    expect(described).to_have_attribute("aria-label", _matching("Counterpoint once"))
    wait_until(page, "() => Number(document.querySelector('[data-part=level]').ariaValueNow) > 0")
    assert console_problems(page) == []


PIXELS_OF_BOTH_VOICES = """() => {
  const canvas = document.querySelector('[data-part=timeline]');
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
  const found = { person: 0, agent: 0 };
  for (let i = 0; i < data.length; i += 4) {
    const [red, , blue, alpha] = data.slice(i, i + 4);
    if (alpha < 90) continue;
    if (red - blue > 60) found.person += 1;
    if (blue - red > 60) found.agent += 1;
  }
  return found;
}"""


def _matching(text: str) -> Any:
    import re

    return re.compile(re.escape(text))


def test_stop_silences_the_page_before_the_server_says_so(page: Page) -> None:
    start_call(page)
    wait_until(page, SPEAKING)
    wait_until(page, LOUD)
    # Muted, the person says nothing more, so that the echo does not begin again.
    page.click("[data-part=mute]")
    page.wait_for_timeout(150)  # What was said before is on its way and would begin a new echo.
    # In the very same task: nothing could have come from the server yet.
    assert page.evaluate(STOP_AND_LOOK) == {"muted": True, "enabled": False}
    wait_until(page, "() => counterpoint.silences.at(-1)?.silentMs")
    wait_until(page, f"() => {AGENT}.at(-1).status === 'cut'")
    last = agent_captions(page)[-1]
    assert last["cutBy"] == "stop"
    assert 0 < last["wordsHeard"] <= len(last["words"])
    wait_until(page, f"() => ({AFTER_SILENCE})().length > 5")
    assert max(page.evaluate(AFTER_SILENCE)) < SILENCE
    expect(page.locator(".turn[data-who=agent][data-status=cut] .badge")).to_have_text("stopped")


def test_after_a_stop_the_next_words_are_heard(page: Page) -> None:
    start_call(page)
    wait_until(page, SPEAKING)
    page.keyboard.press("Escape")
    wait_until(page, f"() => {AGENT}.some((one) => one.cutBy === 'stop')")
    # The person speaks on, so the echo begins anew.
    wait_until(page, f"() => {AGENT}.at(-1).status === 'playing' && {AGENT}.at(-1).wordsHeard > 0")
    wait_until(page, LOUD)


def test_a_cut_strikes_out_what_was_not_heard(page: Page) -> None:
    start_call(page)
    wait_until(page, UNHEARD)
    page.click("[data-part=stop]")
    wait_until(page, f"() => {AGENT}.some((one) => one.status === 'cut')")
    cut = next(one for one in agent_captions(page) if one["status"] == "cut")
    texts = [word["text"] for word in cut["words"]]
    turn = page.locator(".turn[data-who=agent][data-status=cut]").first
    expect(turn.locator(".heard")).to_have_text("".join(texts[: cut["wordsHeard"]]).strip())
    unheard = "".join(texts[cut["wordsHeard"] :]).strip()
    assert turn.locator("s").all_text_contents() == ([unheard] if unheard else [])


def test_a_double_click_on_start_does_not_hang_up(page: Page) -> None:
    page.dblclick("[data-part=start]")
    wait_until(page, "() => counterpoint.view.phase === 'live'")
    page.click("[data-part=start]")
    page.wait_for_selector("body[data-phase=ended]")


def test_typed_words_are_said_and_shown(page: Page) -> None:
    start_call(page)
    page.fill("[data-part=typed]", "hello from the keyboard")
    page.press("[data-part=typed]", "Enter")
    turn = page.locator(".turn[data-who=person]", has_text="hello from the keyboard")
    expect(turn).to_be_visible()
    expect(turn.locator(".badge")).to_have_text("typed")
    expect(page.locator("[data-part=typed]")).to_have_value("")
    expect(page.locator("[data-part=announcer]")).to_contain_text("You: hello from the keyboard")


def test_muted_the_server_hears_nothing(page: Page) -> None:
    start_call(page)
    wait_until(page, SPEAKING)
    page.click("[data-part=mute]")
    expect(page.locator("[data-part=mute]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-part=status-text]")).to_have_text("Connected, muted")
    wait_until(page, f"() => {AGENT}.at(-1).status === 'done'")
    count = len(agent_captions(page))
    page.wait_for_timeout(1500)
    assert len(agent_captions(page)) == count
    assert page.evaluate(PERSON_PEAK) == 0
    page.click("[data-part=mute]")
    wait_until(page, f"() => {AGENT}.length > {count}")


def test_another_microphone_can_be_chosen_during_the_call(page: Page) -> None:
    start_call(page)
    page.click("details.devices summary")
    choice = page.get_by_label("Microphone", exact=True)
    expect(choice.locator("option")).not_to_have_count(1)
    choice.select_option(index=1)
    wait_until(page, "() => Math.max(...counterpoint.levels.map((one) => one.person)) > 0.05")
    wait_until(page, SPEAKING)
    page.keyboard.press("Escape")
    expect(choice).not_to_be_visible()
    page.reload()
    expect(choice).to_have_value(page.evaluate("() => localStorage['counterpoint.microphone']"))


def test_the_record_can_be_saved_and_deleted(page: Page, tmp_path: Path) -> None:
    start_call(page)
    wait_until(page, SPEAKING)
    page.click("[data-part=mute]")
    page.fill("[data-part=typed]", "remember this")
    page.press("[data-part=typed]", "Enter")
    expect(page.locator(".turn[data-who=person]")).to_have_count(1)
    wait_until(page, f"() => {AGENT}.at(-1).status === 'done'")
    with page.expect_download() as json_download:
        page.click("[data-part=export-json]")
    json_download.value.save_as(tmp_path / "record.json")
    record = (tmp_path / "record.json").read_text(encoding="utf-8")
    assert isinstance(json.loads(record), dict)
    assert "remember this" in record
    with page.expect_download() as vtt_download:
        page.click("[data-part=export-vtt]")
    vtt_download.value.save_as(tmp_path / "record.vtt")
    captions = (tmp_path / "record.vtt").read_text(encoding="utf-8")
    assert captions.startswith("WEBVTT") and " --> " in captions

    with page.expect_response(lambda answer: answer.request.method == "DELETE") as deleted:
        page.click("[data-part=forget]")
        page.click("[data-part=forget-sure]")
    assert deleted.value.status == 204
    authorization = deleted.value.request.headers["authorization"]
    again = page.request.get(
        f"{deleted.value.url}/record.json", headers={"Authorization": authorization}
    )
    assert again.status == 404
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator("[data-part=announcer]")).to_be_empty()
    expect(page.locator("[data-part=timeline-rows]")).to_be_empty()
    expect(page.locator(".notice")).to_contain_text("deleted")
    expect(page.locator("[data-part=forget]")).to_be_disabled()
    expect(page.locator("body")).to_have_attribute("data-phase", "ended")


def test_keeping_the_record_is_the_default_answer(page: Page) -> None:
    start_call(page)
    page.click("[data-part=forget]")
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).not_to_be_visible()
    expect(page.locator("body")).to_have_attribute("data-phase", "live")
    expect(page.locator("[data-part=forget]")).to_be_enabled()


def test_a_broken_wire_is_noticed_and_the_conversation_goes_on(
    page: Page, testbed: TestBed
) -> None:
    start_call(page)
    page.fill("[data-part=typed]", "before the break")
    page.press("[data-part=typed]", "Enter")
    expect(page.locator(".turn[data-who=person]")).to_have_count(1)
    session = page.evaluate("() => counterpoint.view.session")
    testbed.cut()
    try:
        page.wait_for_selector("body:is([data-phase=reconnecting], [data-phase=waiting])")
    finally:
        testbed.mend()
    page.wait_for_selector("body[data-phase=live]", timeout=30_000)
    wait_until(page, "() => counterpoint.view.notices.some((one) => one.code === 'resumed')")
    assert page.evaluate("() => counterpoint.view.session") == session
    expect(page.locator(".turn[data-who=person]", has_text="before the break")).to_have_count(1)
    wait_until(page, f"() => {AGENT}.at(-1)?.status === 'playing'")


def test_a_conversation_that_the_server_ends_is_over(page: Page) -> None:
    with page.expect_response("**/api/offer") as answered:
        start_call(page)
    answer = answered.value.json()
    ended = page.request.delete(
        f"{page.url}api/sessions/{answer['session']}",
        headers={"Authorization": f"Bearer {answer['resume_token']}"},
    )
    assert ended.status == 204
    expect(page.locator("body")).to_have_attribute("data-phase", "ended")
    expect(page.locator("[data-part=start-text]")).to_have_text("Start")


@pytest.mark.timeout(120)
def test_hanging_up_ten_times_leaves_nothing(browser: Browser, server_url: str) -> None:
    page = open_page(browser, server_url)
    for _ in range(10):
        start_call(page)
        page.click("[data-part=start]")
        page.wait_for_selector("body[data-phase=ended]")
    # The farewell of the last call takes a moment.
    end = time.monotonic() + 20
    while set((left := _left(page)).values()) != {0}:
        assert time.monotonic() < end, left
        page.wait_for_timeout(200)
    page.context.close()


def _left(page: Page) -> dict[str, int]:
    classes = ("RTCPeerConnection", "AudioContext", "AnalyserNode")
    left = {name: _alive(page, name) for name in classes}
    # Chromium itself keeps ended tracks for a while (a bare getUserMedia does so too).
    left["live tracks"] = _alive(page, "MediaStreamTrack", "(one) => one.readyState === 'live'")
    return left


def _alive(page: Page, name: str, condition: str = "() => true") -> int:
    """How many objects of a class the page's heap holds after a collection of garbage."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.enable")
    session.send("HeapProfiler.collectGarbage")
    prototype = session.send("Runtime.evaluate", {"expression": f"{name}.prototype"})
    found = session.send(
        "Runtime.queryObjects", {"prototypeObjectId": prototype["result"]["objectId"]}
    )
    counted = session.send(
        "Runtime.callFunctionOn",
        {
            "functionDeclaration": f"function () {{ return this.filter({condition}).length; }}",
            "objectId": found["objects"]["objectId"],
            "returnByValue": True,
        },
    )
    session.detach()
    return int(counted["result"]["value"])
