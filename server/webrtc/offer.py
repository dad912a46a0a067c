"""What an SDP offer must look like before aiortc sees it. Pure: text in, text out.

aiortc answers bad offers with any exception it happens to meet, some of them leave a connection
that cannot be closed, and 5,000 candidates block the event loop for four seconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from server.errors import BadOffer, NoAudio, NoCodec, TooLarge

__all__ = [
    "MAX_CANDIDATES",
    "MAX_MEDIA",
    "MAX_OFFER_BYTES",
    "check_candidate",
    "check_offer",
    "credentials",
]

MAX_OFFER_BYTES: Final = 64 * 1024
MAX_MEDIA: Final = 4
MAX_CANDIDATES: Final = 30
"""Of one offer; further ones are dropped. The server learns addresses from the checks anyway."""

_MAX_LINE: Final = 4096
_MAX_LINES: Final = 2000
_MEDIA: Final = re.compile(r"m=([a-z]+) (\d{1,5})(?:/\d+)? ([A-Z/]+) (\S.*)")
_DATA_PROFILES: Final = ("DTLS/SCTP", "UDP/DTLS/SCTP", "TCP/DTLS/SCTP")
_CANDIDATE: Final = re.compile(
    r"a=candidate:\S{1,64} \d{1,5} (?P<transport>\S{1,8}) \d{1,10} (?P<address>\S{1,255}) "
    r"(?P<port>\d{1,5}) typ (?:host|srflx|prflx|relay)(?: .*)?",
    re.IGNORECASE,
)
_ICE: Final = {
    "a=ice-ufrag:": re.compile(r"[A-Za-z0-9+/]{4,256}"),
    "a=ice-pwd:": re.compile(r"[A-Za-z0-9+/]{22,256}"),
    "a=fingerprint:": re.compile(r"[A-Za-z0-9-]{3,20} (?:[0-9A-Fa-f]{2}:){15,63}[0-9A-Fa-f]{2}"),
    "a=setup:": re.compile(r"actpass|active|passive"),
}
_MID: Final = re.compile(r"[!-~]{1,32}")
_KNOWN_VIDEO: Final = re.compile(r"a=rtpmap:\d+ (?:VP8|H264)/90000", re.IGNORECASE)
_OPUS: Final = re.compile(r"a=rtpmap:(\d+) opus/48000/2", re.IGNORECASE)


@dataclass(slots=True)
class _Section:
    """One m-line and what follows it, or the lines before the first."""

    kind: str = ""
    port: int = 0
    formats: tuple[str, ...] = ()
    lines: list[str] = field(default_factory=list)

    def values(self, prefix: str) -> list[str]:
        return [line[len(prefix) :] for line in self.lines if line.startswith(prefix)]


def check_offer(sdp: object) -> str:
    """The offer, without the candidates that would only cost time.

    Dropped are candidates beyond the first 30, TCP candidates (we speak UDP only) and `.local`
    names, whose lookup delays the answer; a browser behind such a name still reaches us.

    Raises:
        TooLarge: over 64 KiB.
        NoAudio: there is no audio to be answered.
        NoCodec: its codecs are none of ours.
        BadOffer: anything else; the message says what.
    """
    if not isinstance(sdp, str) or not sdp.strip():
        raise BadOffer('"sdp" must be the text of an SDP offer')
    if len(sdp) > MAX_OFFER_BYTES or len(sdp.encode(errors="replace")) > MAX_OFFER_BYTES:
        raise TooLarge(f"an offer has at most {MAX_OFFER_BYTES} bytes; send fewer candidates")
    lines = [line for line in sdp.splitlines() if line]  # as aiortc splits
    if len(lines) > _MAX_LINES or max(len(line) for line in lines) > _MAX_LINE:
        raise BadOffer(f"an offer has at most {_MAX_LINES} lines of {_MAX_LINE} characters")
    if not lines[0].startswith("v=0"):
        raise BadOffer("this is no SDP: its first line must be v=0")
    session, media = _sections(lines)
    for section in media:
        _check_section(section, session)
    _check_audio(media)
    _check_groups(session, media)
    return _without_needless_candidates(lines)


def check_candidate(text: object) -> str | None:
    """A candidate that came after its offer, as the attribute's value; raises BadOffer.

    None for one that would only cost time (see `check_offer`), and for the end of candidates.
    """
    if not isinstance(text, str) or len(text) > _MAX_LINE:
        raise BadOffer(f"a candidate is text of at most {_MAX_LINE} characters")
    text = text.strip().removeprefix("a=")
    if text in ("", "end-of-candidates"):
        return None
    match = _CANDIDATE.fullmatch(f"a={text}")
    if match is None or int(match["port"]) > 65535 or not text.isascii():
        raise BadOffer(f"cannot read the candidate {text[:120]!r}")
    return text.removeprefix("candidate:") if _needed(match) else None


def credentials(sdp: str) -> set[str]:
    """The ICE user names in a description or a fragment of one."""
    prefix = "a=ice-ufrag:"
    return {line[len(prefix) :].strip() for line in sdp.splitlines() if line.startswith(prefix)}


def _needed(candidate: re.Match[str]) -> bool:
    udp = candidate["transport"].lower() == "udp"
    return udp and not candidate["address"].lower().endswith(".local")


def _sections(lines: list[str]) -> tuple[_Section, list[_Section]]:
    session = _Section()
    media: list[_Section] = []
    for line in lines:
        if not line.startswith("m="):
            (media[-1] if media else session).lines.append(line)
            continue
        match = _MEDIA.fullmatch(line)
        if match is None:
            raise BadOffer(f"cannot read the media line {line[:80]!r}")
        kind, port, profile, formats = match.groups()
        if kind not in ("audio", "video", "application"):
            raise BadOffer(f"media of kind {kind!r} is not served; leave that m-line out")
        if kind == "application" and profile not in _DATA_PROFILES:
            raise BadOffer(f"data over {profile} is not served; use a WebRTC data channel")
        if int(port) > 65535:
            raise BadOffer(f"{port} is no port")
        media.append(_Section(kind, int(port), tuple(formats.split()), [line]))
        if len(media) > MAX_MEDIA:
            raise BadOffer(f"an offer has at most {MAX_MEDIA} media lines")
    return session, media


def _check_audio(media: list[_Section]) -> None:
    audio = [section for section in media if section.kind == "audio" and section.port]
    if not audio:
        raise NoAudio("the offer has no audio: add the microphone's track before offering")
    for section in audio:
        numbers = {m[1] for line in section.lines if (m := _OPUS.fullmatch(line))}
        if not numbers.intersection(section.formats):
            raise NoCodec("the audio must offer Opus (a=rtpmap:… opus/48000/2)")


def _check_section(section: _Section, session: _Section) -> None:
    name = section.lines[0][:40]
    for prefix, pattern in _ICE.items():
        values = session.values(prefix) + section.values(prefix)
        if not values:
            raise BadOffer(f"{name!r} has no {prefix[2:-1]}: it is not a WebRTC offer")
        if not all(pattern.fullmatch(value) for value in values):
            raise BadOffer(f"{name!r} has a malformed {prefix[2:-1]}")
    if section.kind == "application":
        return
    if "a=rtcp-mux" not in section.lines:
        raise BadOffer(f"{name!r} has no a=rtcp-mux: RTCP on a port of its own is not served")
    if not all(number.isdigit() and int(number) < 128 for number in section.formats):
        raise BadOffer(f"{name!r} has a malformed payload type")
    if section.kind == "video" and not any(_KNOWN_VIDEO.fullmatch(line) for line in section.lines):
        raise NoCodec("the video must offer VP8 or H264; or leave it out")


def _check_groups(session: _Section, media: list[_Section]) -> None:
    """A BUNDLE of a missing mid leaves aiortc with a connection that cannot be closed."""
    mids: list[str] = []
    for section in media:
        own = section.values("a=mid:")
        if len(own) != 1 or not _MID.fullmatch(own[0]) or own[0] in mids:
            raise BadOffer("every media section needs an a=mid of its own, of 1 to 32 characters")
        mids += own
    bundles = [line for line in session.lines if line.startswith("a=group:BUNDLE")]
    if len(bundles) > 1:
        raise BadOffer("more than one BUNDLE group is not served")
    for line in bundles:
        named = line.split()[1:]
        if not set(named) <= set(mids) or len(set(named)) != len(named):
            raise BadOffer("the BUNDLE group names a media section that is not there")


def _without_needless_candidates(lines: list[str]) -> str:
    kept: list[str] = []
    count = 0
    for line in lines:
        if line.startswith("a=candidate:"):
            match = _CANDIDATE.fullmatch(line)
            if match is None or int(match["port"]) > 65535:
                raise BadOffer(f"cannot read the candidate {line[:120]!r}")
            if not _needed(match):
                continue
            count += 1
            if count > MAX_CANDIDATES:
                continue
        elif line == "a=end-of-candidates":
            # Kept, it would make ICE give up when all *listed* addresses failed, though the
            # browser may still reach us from another.
            continue
        kept.append(line)
    return "\r\n".join(kept) + "\r\n"
