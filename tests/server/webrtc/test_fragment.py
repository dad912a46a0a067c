"""Fragments that bring candidates later."""

from __future__ import annotations

import pytest

from server.errors import BadOffer
from server.webrtc.fragment import read_fragment
from server.webrtc.late import Candidate

OFFER = "v=0\r\na=ice-ufrag:abcd\r\n"
LINE = "a=candidate:1 1 udp 5 10.1.2.3 5000 typ host"
HEAD = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"


def test_candidates_stand_under_their_section() -> None:
    text = HEAD + f"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n{LINE}\r\na=end-of-candidates\r\n"
    assert read_fragment(text, OFFER) == [Candidate(LINE, "0")]
    text += f"m=video 9 UDP/TLS/RTP/SAVPF 0\r\n{LINE}\r\n"
    assert read_fragment(text, OFFER) == [Candidate(LINE, "0"), Candidate(LINE, None)]


def test_other_credentials_would_restart_ice() -> None:
    assert read_fragment(HEAD.replace("abcd", "efgh"), OFFER) is None
    assert read_fragment("", OFFER) == []


def test_a_long_one_is_refused() -> None:
    with pytest.raises(BadOffer):
        read_fragment("a" * 20_000, OFFER)
