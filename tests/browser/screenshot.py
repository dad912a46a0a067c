"""Pictures of the page for the documentation: light, dark, and on a phone."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, ViewportSize

__all__ = ["DESKTOP", "take"]

DESKTOP: ViewportSize = {"width": 1180, "height": 860}
PHONE: ViewportSize = {"width": 360, "height": 740}


def take(
    page: Page, folder: Path, name: str = "screenshot", desktop: ViewportSize = DESKTOP
) -> list[Path]:
    """Write `NAME.png`, `NAME-dark.png` and `NAME-phone.png`; their paths."""
    looks = (
        (f"{name}.png", desktop, "light"),
        (f"{name}-dark.png", desktop, "dark"),
        (f"{name}-phone.png", PHONE, "light"),
    )
    page.mouse.move(1, 1)  # nothing is hovered over, and nothing has the focus
    page.evaluate("() => document.activeElement?.blur()")
    paths = []
    for file, viewport, scheme in looks:
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.wait_for_timeout(250)  # colours fade over
        paths.append(folder / file)
        page.screenshot(path=paths[-1], full_page=True)
    return paths
