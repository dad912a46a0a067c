"""`<counterpoint-call>` on another site's strict page: it talks, it is removed, nothing is left."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, Playwright, ViewportSize, expect

from tests.browser.chromium import chromium, console_problems, open_page, serve, wait_until
from tests.browser.leaks import WATCH, Leaks
from tests.browser.screenshot import take
from tests.browser.test_access import in_every_look
from tests.network.testbed import TestBed

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]

OURS_PORT, SITE_PORT = 8094, 9300
AXE: Final = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
SHOP_WINDOW: Final[ViewportSize] = {"width": 900, "height": 680}
READY = "counterpoint-call:defined"
CALL = "document.querySelector('counterpoint-call')"
HEARD = f"() => {CALL}.view.captions.some((one) => one.who === 'agent' && one.wordsHeard > 1)"


@pytest.fixture(scope="module")
def ours(testbed: TestBed) -> str:
    """Our server, which lets the other site's pages call."""
    site = f"http://{testbed.server_address}:{SITE_PORT}"
    engine = ("--engine", "model=echo", "--offers-per-window", "1000", "--max-sessions", "4")
    return serve(testbed, *engine, "--allowed-origins", site, port=OURS_PORT)


@pytest.fixture(scope="module")
def site(testbed: TestBed, ours: str) -> str:
    """The other site."""
    command = [sys.executable, "-m", "tests.browser.other_site", testbed.server_address]
    testbed.spawn_server([*command, str(SITE_PORT), ours]).wait_for_output("serving", 20)
    return f"http://{testbed.server_address}:{SITE_PORT}"


@pytest.fixture(scope="module")
def visitor(
    playwright_driver: Playwright, site: str, ours: str, microphone_wav: Path
) -> Iterator[Browser]:
    """A browser whose microphone is a recorded person."""
    with chromium(playwright_driver, f"{site},{ours}", microphone_wav) as browser:
        yield browser


@pytest.fixture
def shop(visitor: Browser, site: str) -> Iterator[Page]:
    """The other site's page with our element."""
    page = open_page(visitor, f"{site}/shop.html", ready=READY)
    yield page
    page.context.close()


def test_it_talks_and_its_parts_work(shop: Page) -> None:
    call = shop.locator("counterpoint-call")
    expect(call.get_by_text("ask for any book")).to_be_visible()
    call.get_by_role("button", name="Start").click()
    wait_until(shop, HEARD)
    expect(call.locator("[data-part=status-text]")).to_have_text("Connected")
    expect(call.locator(".turn[data-who=agent] .heard").first).to_contain_text("one two")
    expect(call.get_by_text("ask for any book")).not_to_be_visible()
    level = "() => +document.querySelector('counterpoint-call').shadowRoot"
    wait_until(shop, f"{level}.querySelector('.level').ariaValueNow > 30")
    call.get_by_label("Type instead").fill("typed words")
    call.get_by_label("Type instead").press("Enter")
    expect(call.locator(".turn[data-who=person]").get_by_text("typed words")).to_be_visible()
    call.get_by_label("Type instead").fill("語" * 7_000)
    call.get_by_label("Type instead").press("Enter")
    expect(call.locator("[data-part=typed-error]")).to_contain_text("long")
    call.get_by_label("Type instead").fill("")
    call.get_by_role("button", name="Mute").press("Escape")
    expect(call.locator(".turn[data-status=cut]").first).to_be_visible()
    call.get_by_role("button", name="Mute").click()
    expect(call.locator("[data-part=status-text]")).to_have_text("Connected, muted")
    call.get_by_role("button", name="Hang up").click()
    expect(call.locator("[data-part=status-text]")).to_have_text("Ended")
    assert console_problems(shop) == []


def test_words_direction_and_theme_are_the_sites(visitor: Browser, site: str) -> None:
    page = open_page(visitor, f"{site}/blank.html", ready="main")
    page.evaluate(
        """() => {
          const call = document.createElement('counterpoint-call');
          call.strings = { start: 'ابدأ', label: 'محادثة', 'status-idle': 'غير متصل' };
          call.setAttribute('typing', 'off');
          call.setAttribute('devices', 'off');
          document.querySelector('main').append(call);
          document.documentElement.dir = 'rtl';
          document.documentElement.style.colorScheme = 'dark';
          call.style.setProperty('--counterpoint-ground', 'rgb(1, 2, 3)');
        }"""
    )
    page.wait_for_selector(READY)
    call = page.locator("counterpoint-call")
    expect(call.get_by_role("region", name="محادثة")).to_have_css(
        "background-color", "rgb(1, 2, 3)"
    )
    expect(call.get_by_role("region", name="محادثة")).to_have_css("color", "rgb(236, 234, 228)")
    start, mute = (call.get_by_role("button", name=name) for name in ("ابدأ", "Mute"))
    left, right = mute.bounding_box(), start.bounding_box()
    assert left and right and left["x"] < right["x"]
    expect(call.get_by_text("غير متصل")).to_be_visible()
    expect(call.locator("[data-part=composer]")).to_be_hidden()
    page.context.close()


def test_two_on_a_page_are_two_conversations_and_moving_one_ends_neither(
    visitor: Browser, site: str
) -> None:
    page = open_page(visitor, f"{site}/blank.html", ready="main")
    page.evaluate(
        """async () => {
          await customElements.whenDefined('counterpoint-call');
          const main = document.querySelector('main');
          const make = () => document.createElement('counterpoint-call');
          window.calls = [make(), make()];
          main.append(...calls);
          for (const call of calls) call.start();
        }"""
    )
    live = "() => calls.every((one) => one.view.phase === 'live' && one.view.session)"
    wait_until(page, live)
    assert page.evaluate("() => new Set(calls.map((one) => one.view.session)).size") == 2
    page.evaluate("() => document.querySelector('main').prepend(calls[1])")
    page.evaluate("() => calls[0].sendText('to the first alone')")
    typed = "calls[{}].view.captions.filter((one) => one.typed).length"
    wait_until(page, f"() => {typed.format(0)} === 1")
    assert page.evaluate(f"() => {typed.format(1)}") == 0
    assert page.evaluate(live)
    page.context.close()


def test_muted_before_a_call_it_begins_muted_each_time(visitor: Browser, site: str) -> None:
    page = open_page(visitor, f"{site}/blank.html", ready="main")
    phases = page.evaluate(
        """async () => {
          await customElements.whenDefined('counterpoint-call');
          const call = document.createElement('counterpoint-call');
          document.querySelector('main').append(call);
          const found = [];
          for (const muted of [false, true]) {
            call.mute(muted);
            call.start();
            found.push([call.conversation.muted, muted]);
            call.end();
            await new Promise((resolve) => setTimeout(resolve, 100));
          }
          return found;
        }"""
    )
    assert phases == [[False, False], [True, True]]
    page.context.close()


def test_axe_finds_nothing_serious(visitor: Browser, site: str) -> None:
    page = open_page(
        visitor, f"{site}/shop.html", ready=READY, bypass_csp=True, reduced_motion="reduce"
    )
    page.add_script_tag(path=AXE)
    found = in_every_look(page)
    page.set_viewport_size({"width": 1180, "height": 860})
    call = page.locator("counterpoint-call")
    call.get_by_role("button", name="Start").click()
    wait_until(page, HEARD)
    call.locator("summary").click()
    call.get_by_role("button", name="Stop").click()
    expect(call.locator(".turn[data-status=cut]").first).to_be_visible()
    found += in_every_look(page)
    page.context.close()
    assert found == []


ARABIC: Final = {
    "label": "محادثة صوتية",
    "start": "ابدأ",
    "hangUp": "إنهاء",
    "stop": "قف",
    "mute": "كتم",
    "devices": "الأجهزة",
    "person": "أنت",
    "agent": "المساعد",
    "typed": "مكتوب",
    "cut-stop": "أُوقف",
    "type": "اكتب بدل أن تتكلم",
    "send": "أرسل",
    "status-live": "متصل",
}
RENEW: Final = """(strings) => {
  const call = document.createElement('counterpoint-call');
  Object.assign(call, { strings }).setAttribute('heading', 'اسأل المتجر');
  document.documentElement.dir = 'rtl';
  document.querySelector('counterpoint-call').replaceWith(call);
}"""


def speak_and_type(page: Page, start: str, stop: str) -> None:
    """A conversation with all there is to see: words of both sides, a cut, typed words."""
    call = page.locator("counterpoint-call")
    call.get_by_role("button", name=start).click()
    wait_until(page, HEARD)
    call.get_by_role("button", name=stop).click()
    expect(call.locator(".turn[data-status=cut]").first).to_be_visible()
    page.evaluate(f"() => {CALL}.sendText('Have you any books about harbours?')")
    expect(call.locator(".turn[data-who=person]").get_by_text("about harbours")).to_be_visible()


def test_pictures_of_a_conversation(visitor: Browser, site: str, tmp_path: Path) -> None:
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    page = open_page(visitor, f"{site}/shop.html", ready=READY, device_scale_factor=1.5)
    speak_and_type(page, "Start", "Stop")
    paths = take(page, folder, "element", SHOP_WINDOW)
    page.evaluate(RENEW, ARABIC)
    speak_and_type(page, ARABIC["start"], ARABIC["stop"])
    page.set_viewport_size(SHOP_WINDOW)
    paths.append(folder / "element-rtl.png")
    page.screenshot(path=paths[-1])
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert all(path.stat().st_size > 10_000 for path in paths)
    assert console_problems(page) == []
    page.context.close()


TALK_AND_REMOVE: Final = """async ([times, until = 'live']) => {
  const main = document.querySelector('main');
  for (let n = 0; n < times; n += 1) {
    const call = document.createElement('counterpoint-call');
    main.append(call);
    const reached = new Promise((resolve, reject) => {
      call.addEventListener('counterpoint-phase', ({ detail }) => {
        if (detail.phase === until) resolve();
        if (detail.phase === 'failed') reject(new Error('failed'));
      });
    });
    call.start();
    await reached;
    call.remove();
  }
}"""


def test_after_twenty_conversations_nothing_is_left(visitor: Browser, site: str) -> None:
    page = visitor.new_context().new_page()
    page.add_init_script(WATCH)
    page.goto(f"{site}/blank.html")
    page.evaluate("() => customElements.whenDefined('counterpoint-call')")
    leaks = Leaks(page)
    before = leaks.counts()
    page.evaluate(TALK_AND_REMOVE, [1])  # what is made once, such as the style sheet
    after_one = leaks.settled(before)
    page.evaluate(TALK_AND_REMOVE, [19])
    page.evaluate(TALK_AND_REMOVE, [5, "asking"])
    page.evaluate(TALK_AND_REMOVE, [5, "connecting"])
    made: dict[str, Any] = page.evaluate("() => watched.made")
    after = leaks.settled(before)
    print(f"made {made}; before {before}, after one {after_one}, after twenty {after}")
    assert made["peers"] >= 20 and made["tracks"] >= 20
    assert after_one == before
    assert after == before
    page.context.close()
