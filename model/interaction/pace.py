"""How often a stream is looked at with each network, in micro-turns. Pure.

Fixed by what a look costs and not by a clock, so that a session can be replayed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from model.interaction import watching
from model.interaction.looked import Network
from model.interaction.watching import Watch

__all__ = ["GLANCE", "GLANCES", "every", "together"]

EVERY: Final[dict[Network, int]] = {"body": 2, "things": 4, "faces": 3, "hands": 3}
"""From one look with a network to the next while a watch needs it: at most 40 % of a core by what
they cost (about 45, 110, 35 and 70 ms on one thread)."""

BESIDE: Final = 3
"""Times as many for things beside another network."""

WHO: Final[tuple[Network, ...]] = ("body", "faces", "things")
WHO_EVERY: Final = 5
"""Between looks for whoever comes or goes, with three networks at once."""

GLANCE: Final = 40
"""Between glances, which keep known what is there while nobody asked to watch: 150 ms in four
seconds, and only if the picture changed."""

GLANCES: Final[tuple[Network, ...]] = ("faces", "things")


def together(watches: Sequence[Watch], due: Sequence[Network]) -> tuple[Network, ...]:
    """Those that look when these are due: whoever comes or goes is told by three networks in one
    picture. A cat's face, seen by the one for faces alone, would keep somebody there."""
    return tuple(sorted({*due, *(WHO if due and _who(watches) else ())}))


def every(watches: Sequence[Watch]) -> dict[Network, int]:
    """Micro-turns from look to look with each network that is of use."""
    if _who(watches):
        return dict.fromkeys(GLANCES, GLANCE) | dict.fromkeys(WHO, WHO_EVERY)
    found = {network: EVERY[network] for network in watching.networks(watches)}
    if "body" in found and all(watch.key[0] != "face" for watch in watches):
        found.pop("faces", None)  # A body that is followed tells who is there without one.
    if "things" in found and len(found) > 1:
        found["things"] *= BESIDE
    return dict.fromkeys(GLANCES, GLANCE) | found


def _who(watches: Sequence[Watch]) -> bool:
    """Whether somebody who comes or goes is watched for, and nothing that moves."""
    return watching.networks(watches) == WHO and not watching.follows(watches)
