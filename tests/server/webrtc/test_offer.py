"""Offers good and bad: none of the bad ones may reach aiortc."""

from __future__ import annotations

import time

import pytest

from server.errors import BadOffer, CounterpointError, NoAudio, NoCodec, TooLarge
from server.webrtc.ice import IceSettings
from server.webrtc.offer import MAX_CANDIDATES, check_offer
from server.webrtc.peer import Peer

FINGERPRINT = ":".join(["AB"] * 32)
TRANSPORT = [
    "c=IN IP4 0.0.0.0",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:abcdefghijklmnopqrstuvwx",
    f"a=fingerprint:sha-256 {FINGERPRINT}",
    "a=setup:actpass",
]
CANDIDATE = "a=candidate:1467250027 1 udp 2122260223 192.0.2.7 46243 typ host generation 0"
AUDIO = [
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 0",
    *TRANSPORT,
    CANDIDATE,
    "a=mid:0",
    "a=sendrecv",
    "a=rtcp-mux",
    "a=rtpmap:111 opus/48000/2",
    "a=fmtp:111 minptime=10;useinbandfec=1",
    "a=rtpmap:0 PCMU/8000",
]
DATA = [
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    *TRANSPORT,
    "a=mid:1",
    "a=sctp-port:5000",
]
VIDEO = [
    "m=video 9 UDP/TLS/RTP/SAVPF 96",
    *TRANSPORT,
    "a=mid:2",
    "a=sendonly",
    "a=rtcp-mux",
    "a=rtpmap:96 VP8/90000",
]
SESSION = [
    "v=0",
    "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
]


def sdp(*sections: list[str], bundle: str = "0 1", end: str = "\r\n") -> str:
    lines = [*SESSION, f"a=group:BUNDLE {bundle}"] if bundle else SESSION
    return end.join([*lines, *(line for section in sections for line in section)]) + end


GOOD = sdp(AUDIO, DATA)


def without(prefix: str) -> str:
    """The good offer less all lines that begin like this."""
    return "\r\n".join(line for line in GOOD.splitlines() if not line.startswith(prefix)) + "\r\n"


@pytest.mark.parametrize(
    "offer",
    [
        GOOD,
        sdp(AUDIO, DATA, end="\n"),
        sdp(AUDIO, bundle="0"),
        sdp(AUDIO, DATA, bundle=""),
        sdp(AUDIO, DATA, VIDEO, bundle="0 1 2"),
        sdp(DATA, AUDIO, bundle="1 0"),
        GOOD.replace("a=setup:actpass", "a=setup:active"),
    ],
    ids=["usual", "bare newlines", "no data", "no bundle", "video", "data first", "active"],
)
async def test_a_good_offer_is_answered(offer: str) -> None:
    peer = await Peer.answer(offer, IceSettings(interfaces=("127.0.0.1",)))
    assert peer.answer_sdp.count("m=") == offer.count("m=")
    await peer.close()


BAD: dict[str, tuple[object, type[CounterpointError]]] = {
    "nothing": (None, BadOffer),
    "a number": (7, BadOffer),
    "a list": (["v=0"], BadOffer),
    "bytes": (GOOD.encode(), BadOffer),
    "empty": ("", BadOffer),
    "blank": ("\r\n \r\n", BadOffer),
    "garbage": ("hello, is it me you are looking for", BadOffer),
    "no media": ("\r\n".join(SESSION), NoAudio),
    "truncated": (GOOD[:200], BadOffer),
    "truncated later": (GOOD[: GOOD.index("a=mid:1")], BadOffer),
    "data only": (sdp(DATA, bundle="1"), NoAudio),
    "video only": (sdp(VIDEO, bundle="2"), NoAudio),
    "rejected audio": (GOOD.replace("m=audio 9", "m=audio 0"), NoAudio),
    "no opus": (GOOD.replace("opus/48000/2", "speex/16000"), NoCodec),
    "opus not listed": (GOOD.replace("SAVPF 111 0", "SAVPF 0"), NoCodec),
    "unknown video": (sdp(AUDIO, [*VIDEO[:-1], "a=rtpmap:96 THEORA/90000"], bundle="0 2"), NoCodec),
    "unknown media": (GOOD.replace("m=application", "m=message"), BadOffer),
    "plain data": (GOOD.replace("UDP/DTLS/SCTP", "TCP/MSRP"), BadOffer),
    "no rtcp-mux": (without("a=rtcp-mux"), BadOffer),
    "no ufrag": (without("a=ice-ufrag"), BadOffer),
    "no password": (without("a=ice-pwd"), BadOffer),
    "short password": (GOOD.replace("abcdefghijklmnopqrstuvwx", "abc"), BadOffer),
    "no fingerprint": (without("a=fingerprint"), BadOffer),
    "bad fingerprint": (GOOD.replace("AB:", "XY:"), BadOffer),
    "no setup": (without("a=setup"), BadOffer),
    "strange setup": (GOOD.replace("actpass", "perhaps"), BadOffer),
    "no mid": (without("a=mid:0"), BadOffer),
    "one mid twice": (GOOD.replace("a=mid:1", "a=mid:0"), BadOffer),
    "bundle of nothing": (GOOD.replace("BUNDLE 0 1", "BUNDLE 9 0 1"), BadOffer),
    "bundle twice": (GOOD.replace("BUNDLE 0 1", "BUNDLE 0 0 1"), BadOffer),
    "a long mid": (GOOD.replace("a=mid:1", "a=mid:" + "1" * 40), BadOffer),
    "two mids": (GOOD.replace("a=mid:1", "a=mid:1\r\na=mid:2"), BadOffer),
    "a line hidden in another": (GOOD + "a=x:\x0ba=mid:7\r\n", BadOffer),
    "bad port": (GOOD.replace("m=audio 9 ", "m=audio x "), BadOffer),
    "huge port": (GOOD.replace("m=audio 9 ", "m=audio 99999 "), BadOffer),
    "bad payload type": (GOOD.replace("SAVPF 111 0", "SAVPF 111 zero"), BadOffer),
    "bad candidate": (GOOD.replace("46243 typ", "99999 typ"), BadOffer),
    "candidate of words": (GOOD.replace(CANDIDATE, "a=candidate:here I am"), BadOffer),
    "bad codec line": (GOOD.replace("a=rtpmap:0 PCMU/8000", "a=rtpmap:0 PCMU"), BadOffer),
    "bad fmtp": (GOOD.replace("a=fmtp:111 ", "a=fmtp:77 "), BadOffer),
    "bad extension": (GOOD + "a=extmap:x\r\n", BadOffer),
    "lines of 10 kB": (GOOD + "a=x:" + "y" * 10_000 + "\r\n", BadOffer),
    "5000 lines": (GOOD + "a=x\r\n" * 5000, BadOffer),
    "5000 candidates": (GOOD + (CANDIDATE + "\r\n") * 5000, TooLarge),
    "500 media lines": (sdp(*([AUDIO] * 100), bundle=""), BadOffer),
    "64 KiB": (GOOD + "a=x:" + "y" * 65_536, TooLarge),
    "64 KiB of two-byte letters": (GOOD + "a=x:" + "é" * 33_000, TooLarge),
    "lone surrogates": (GOOD + "a=x:\ud800\r\n" + "a=ice-ufrag:\ud800\r\n", BadOffer),
    "nul": (GOOD.replace("a=mid:1", "a=mid:\0"), BadOffer),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_offer_is_refused_with_its_code_and_leaves_nothing(name: str) -> None:
    offer, kind = BAD[name]
    with pytest.raises(kind) as caught:
        await Peer.answer(offer, IceSettings(interfaces=("127.0.0.1",)))
    assert caught.value.code in ("bad_offer", "too_large", "no_audio", "no_codec")
    assert type(caught.value) is kind
    assert len(str(caught.value)) > 10


def test_needless_candidates_are_dropped() -> None:
    tcp = "a=candidate:1 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active"
    local = "a=candidate:1 1 udp 2122260223 6c0dd0d5-6a7b.local 46243 typ host"
    many = [CANDIDATE.replace("46243", str(50_000 + n)) for n in range(100)]
    offer = check_offer(sdp([*AUDIO, tcp, local, *many, "a=end-of-candidates"], DATA))
    kept = [line for line in offer.splitlines() if line.startswith("a=candidate:")]
    assert len(kept) == MAX_CANDIDATES
    assert kept[:2] == [CANDIDATE, many[0]]
    assert not any("tcp" in line or ".local" in line for line in kept)
    assert "end-of-candidates" not in offer


def test_nothing_else_is_changed() -> None:
    assert check_offer(GOOD) == GOOD


def test_looking_at_the_worst_offer_costs_little() -> None:
    """Ratio to the usual offer, because machines differ: no more than in proportion to its size."""

    def cost(offer: str) -> float:
        times = []
        for _ in range(20):
            started = time.perf_counter()
            try:
                check_offer(offer)
            except CounterpointError:
                pass
            times.append(time.perf_counter() - started)
        return min(times)

    worst = sdp([*AUDIO, *([CANDIDATE] * 700)], DATA)
    assert len(worst) < 65_536
    assert cost(worst) < 6 * cost(GOOD) * len(worst) / len(GOOD)
