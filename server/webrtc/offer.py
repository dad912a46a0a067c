"""What an SDP offer must look like before aiortc sees it. Pure: text in, text out."""

from __future__ import annotations

from typing import Literal

__all__ = ["OfferRefused", "RefusalCode", "check_offer"]

RefusalCode = Literal["bad_offer", "too_large", "no_audio", "no_codec"]


class OfferRefused(Exception):
    """The offer cannot be answered. `code` is the dialect's error code, `message` says what to do."""

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(message)
        self.code: RefusalCode = code
        self.message = message


def check_offer(sdp: object) -> str:
    """Return the offer with needless candidates removed, or raise `OfferRefused`."""
    raise NotImplementedError
