"""One browser at the other end of WebRTC: the only place that touches RTCPeerConnection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.rtcrtptransceiver import RTCRtpTransceiver

from model.sight import SightSource
from server.errors import BadOffer, Busy, NoAudio
from server.webrtc.camera import Camera
from server.webrtc.channel import EventChannel
from server.webrtc.ice import IceSettings, gather_with
from server.webrtc.late import Candidate, add_candidates, answer_again
from server.webrtc.microphone import Microphone
from server.webrtc.offer import check_offer
from server.webrtc.pins import IncompatibleAiortc, replace_part
from server.webrtc.reassembly import bound_reassembly
from server.webrtc.rtp import AudioReceiver, AudioSender
from server.webrtc.speaker import FrameSource, Lateness, Speaker
from server.webrtc.sync import Alignment
from server.webrtc.video import keep_codecs, take_over
from server.webrtc.watch import (
    CONNECT_SECONDS,
    LISTENER_SECONDS,
    VANISHED_SECONDS,
    GoneReason,
    Watch,
)  # fmt: skip

__all__ = [
    "CLOSE_SECONDS",
    "CONNECT_SECONDS",
    "VANISHED_SECONDS",
    "Candidate",
    "Direction",
    "EventChannel",
    "GoneReason",
    "Peer",
    "PeerStatistics",
]

logger = logging.getLogger(__name__)

Direction = Literal["sendrecv", "sendonly", "recvonly"]
"""Of our audio, as far as the offer has it: both ways, only ours, only theirs."""

CLOSE_SECONDS: Final = 5.0
NO_PORT_SECONDS: Final = 5.0  # a call that ends gives its ports back at once

_SOURCES: Final[tuple[SightSource, ...]] = ("camera", "screen")
_ANSWERED_FMTP: Final = {"minptime": 10, "useinbandfec": 1, "maxaveragebitrate": 32_000}


@dataclass(frozen=True, slots=True)
class PeerStatistics:
    """Since the start; shares are in [0, 1]; `rtt_seconds` is 0 until measured.

    Attributes:
        packets_received: audio packets of the person's current stream.
        packets_lost: of those sent, not received.
        lost_share: of packets.
        concealed_share: of what was heard, what was rebuilt or guessed.
        rtt_seconds: to the browser and back.
        jitter_seconds: as RFC 3550 defines it.
        behind_seconds: how much fewer samples were heard than time has passed.
        wait_packets: how many packets beyond a hole are awaited now.
        queued_blocks: blocks not yet taken.
        dropped_blocks: blocks never taken.
        late_packets: came after their time was concealed.
        events_dropped: messages not sent because too many waited.
        lateness: of the frames we send.
    """

    packets_received: int
    packets_lost: int
    lost_share: float
    concealed_share: float
    rtt_seconds: float
    jitter_seconds: float
    behind_seconds: float
    wait_packets: int
    queued_blocks: int
    dropped_blocks: int
    late_packets: int
    events_dropped: int
    lateness: Lateness


class Peer:
    """Made by `Peer.answer`; ended by `close`, or by itself when the other side is gone.

    Attributes:
        answer_sdp: what to send back.
        microphone: what the person says; iterate it.
        speaker: what we say; set its `source`.
        cameras: what the person shows, by source, as far as the offer has video m-lines for it: the
            first is the camera's, the second the screen's.
        channel: text events.
        gone: set when it failed, vanished or closed; `gone_reason` then says which. From then
            on nothing is sent, the microphone's iteration ends and everything is closed.
    """

    def __init__(self, source: FrameSource | None) -> None:
        self.answer_sdp = ""
        self.microphone = Microphone()
        self.speaker = Speaker(source)
        self.cameras: dict[SightSource, Camera] = {}
        self.channel = EventChannel()
        self.gone = asyncio.Event()
        self.gone_reason: GoneReason | None = None
        self._connected = asyncio.Event()
        # aiortc's other policies lose the second of two m-lines of one kind when it bundles.
        policy = RTCBundlePolicy.MAX_COMPAT
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=policy))
        self._audio: tuple[AudioReceiver, AudioSender] | None = None
        self._watch = Watch(self._connected, self._signs_of_life, self._go)
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def answer(
        cls,
        offer_sdp: object,
        ice: IceSettings | None = None,
        *,
        source: FrameSource | None = None,
        labels: frozenset[str] = frozenset({"counterpoint"}),
        direction: Direction = "sendrecv",
        sees: bool = True,
    ) -> Peer:
        """Answer an offer; takes a few milliseconds.

        Args:
            offer_sdp: as it came; anything.
            ice: where we can be reached.
            source: what we say.
            labels: names of data channels that are served; others are closed.
            direction: of the audio, unless the offer wants less.
            sees: whether video is received where it is offered; nothing is read before `look`.

        Raises:
            BadOffer: or its kinds NoAudio and NoCodec, or TooLarge; nothing is left behind.
            Busy: there is no port to receive on.
            IncompatibleAiortc: a wrong aiortc is installed.
        """
        offer = check_offer(offer_sdp)
        peer = cls(source)
        try:
            await peer._negotiate(offer, ice or IceSettings(), labels, direction, sees)
        except (IncompatibleAiortc, BadOffer):
            await peer.close()
            raise
        except OSError as error:
            await peer.close()
            full = "No UDP port for media is free; try again, or have `ice_ports` widened."
            raise Busy(full, NO_PORT_SECONDS) from error
        except Exception as error:
            # aiortc has no error of its own for a description it cannot use.
            await peer.close()
            logger.info("an offer was refused: %r", error)
            raise BadOffer(f"the offer cannot be used: {error!r}") from error
        except BaseException:
            await peer.close()
            raise
        return peer

    async def connected(self, timeout_seconds: float = CONNECT_SECONDS) -> bool:
        """Wait until audio can flow; False when it does not within the time or the Peer is gone."""
        waits = [asyncio.create_task(event.wait()) for event in (self._connected, self.gone)]
        try:
            await asyncio.wait(waits, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return self._connected.is_set() and not self.gone.is_set()

    async def add_candidates(self, candidates: Sequence[Candidate]) -> None:
        """Take candidates that came after the offer; raises BadOffer, and then takes none."""
        await add_candidates(self._pc, candidates)

    async def answer_again(self, offer_sdp: object) -> str:
        """Answer another offer of this connection, which goes on; raises BadOffer."""
        self.answer_sdp = await answer_again(self._pc, offer_sdp, self._as_before)
        return self.answer_sdp

    def _as_before(self) -> None:
        """Another offer changes nothing of what is served."""
        (audio, *_) = (one for one in self._pc.getTransceivers() if one.kind == "audio")
        _speak_opus(audio)
        for transceiver in self._pc.getTransceivers():
            if transceiver is not audio and not keep_codecs(transceiver):
                transceiver.direction = "inactive"

    async def close(self) -> None:
        """End everything; within 5 s, twice if you like, from anywhere."""
        self._go("closed")
        assert self._closing is not None
        await asyncio.shield(self._closing)

    def statistics(self) -> PeerStatistics:
        """What can be said of the connection now."""
        receiver, sender = self._audio or (None, None)
        stream = receiver.statistics if receiver is not None else None
        received = stream.packets_received if stream is not None else 0
        lost = stream.packets_lost if stream is not None else 0
        counts = self.microphone.counts
        made_up = counts.concealed_samples + counts.rebuilt_samples
        return PeerStatistics(
            packets_received=received,
            packets_lost=lost,
            lost_share=max(0.0, lost / max(1, received + lost)),
            concealed_share=made_up / max(1, self.microphone.played_samples),
            rtt_seconds=sender.rtt_seconds if sender is not None else 0.0,
            jitter_seconds=receiver.jitter_seconds if receiver is not None else 0.0,
            behind_seconds=self.microphone.behind_seconds,
            wait_packets=self.microphone.wait_packets,
            queued_blocks=self.microphone.queued_blocks,
            dropped_blocks=self.microphone.dropped_blocks,
            late_packets=counts.late,
            events_dropped=self.channel.dropped,
            lateness=self.speaker.lateness(),
        )

    # ---- negotiation

    async def _negotiate(
        self,
        offer: str,
        ice: IceSettings,
        labels: frozenset[str],
        direction: Direction,
        sees: bool,
    ) -> None:
        pc = self._pc
        pc.on("connectionstatechange", self._on_state)
        pc.on("datachannel", partial(self._on_channel, labels))
        await pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        transceivers = pc.getTransceivers()
        audio = next((t for t in transceivers if t.kind == "audio"), None)
        if audio is None:
            raise NoAudio("the offer has no audio: add the microphone's track before offering")
        for transceiver in transceivers:
            # What is not served costs nothing: no receiver is started for it.
            transceiver.direction = direction if transceiver is audio else "inactive"
        ear = self._take_over(audio)
        videos = [t for t in transceivers if t.kind == "video" and sees]
        for name, video in zip(_SOURCES, videos, strict=False):
            self.cameras[name] = Camera(name, Alignment(self.microphone, ear.clock))
            take_over(video, self.cameras[name])
        transports = [t.receiver.transport.transport for t in transceivers]
        if pc.sctp is not None:
            bound_reassembly(pc.sctp, self._on_hang_up)
            transports.append(pc.sctp.transport.transport)
        for transport in set(transports):
            gather_with(transport.iceGatherer._connection, ice)
        await pc.setLocalDescription(await pc.createAnswer())
        self.answer_sdp = pc.localDescription.sdp
        if direction == "sendrecv" and audio.currentDirection in ("recvonly", "inactive"):
            raise NoAudio("the offer's audio cannot be answered: offer it sendrecv or recvonly")
        # Who only listens, and types, is as good as silent.
        if direction == "sendrecv" and audio.currentDirection == "sendonly":
            pc.on("connectionstatechange", self._hear_silence)
        self._watch.start(receives=audio.currentDirection in ("sendrecv", "recvonly"))

    def _take_over(self, audio: RTCRtpTransceiver) -> AudioReceiver:
        _speak_opus(audio)
        receiver = AudioReceiver(audio.receiver, self.microphone, audio.sender._ssrc)
        receiver.on_disconnect = self._on_hang_up
        receiver.on_bye = self._watch.bye
        sender = AudioSender(audio.sender, self.speaker.run)
        replace_part(audio, "_RTCRtpTransceiver__receiver", receiver)
        replace_part(audio, "_RTCRtpTransceiver__sender", sender)
        self._audio = (receiver, sender)
        return receiver

    # ---- what happens to it

    def _on_state(self) -> None:
        state = self._pc.connectionState
        if state == "connected":
            self._connected.set()
        elif state == "failed":
            self._go("failed" if not self._connected.is_set() else "vanished")
        elif state == "closed":
            self._go("closed")

    def _hear_silence(self) -> None:
        if self._pc.connectionState == "connected":
            self.microphone.start()

    def _signs_of_life(self, receives: bool) -> float:
        reported = self._audio[1].last_report_at if self._audio is not None else 0.0
        heard = max(self.microphone.last_packet_at or 0.0, self.channel.last_message_at)
        if self.microphone.last_packet_at is None:
            # They have no microphone: their reports count as long as those of one who only listens.
            heard = max(heard, reported + LISTENER_SECONDS - VANISHED_SECONDS)
        return heard if receives else reported

    def _on_hang_up(self) -> None:
        self._go("closed")

    def _on_channel(self, labels: frozenset[str], channel: Any) -> None:
        if channel.label not in labels or self.channel.is_open:
            self.channel.refuse(channel)
            return
        # Closing it means leaving: whoever closes the page, or its connection, closes it first.
        self.channel.on_closed = self._on_hang_up
        self.channel.attach(channel)

    def _go(self, reason: GoneReason) -> None:
        if self._closing is not None:
            return
        self.gone_reason = reason
        self._watch.stop()
        self.microphone.end()
        for camera in self.cameras.values():
            camera.close()
        self._closing = asyncio.create_task(self._shut())
        self.gone.set()

    async def _shut(self) -> None:
        """Close aiortc's connection, which may raise and may hang, and what it leaves open."""
        closing = asyncio.create_task(self._pc.close())
        await asyncio.wait({closing}, timeout=CLOSE_SECONDS)
        if not closing.done():
            logger.warning("a connection did not close within %.0f s", CLOSE_SECONDS)
            closing.cancel()
            await asyncio.wait({closing}, timeout=1.0)
        if closing.done() and not closing.cancelled() and closing.exception() is not None:
            logger.info("a connection closed with %r", closing.exception())


def _speak_opus(audio: RTCRtpTransceiver) -> None:
    codecs = [codec for codec in audio._codecs if codec.mimeType.lower() == "audio/opus"]
    for codec in codecs:
        # Without these a browser neither adds error correction nor keeps to mono speech.
        codec.parameters = dict(_ANSWERED_FMTP)
    replace_part(audio, "_codecs", codecs[:1])
