"""Our stand-in for aiortc's video receiver.

aiortc's own starts a thread for each stream, decodes every frame that comes, and keeps the decoded
ones in a queue without a bound. This one throws packets away unread while nobody looks, and gives
whole encoded frames to a `FrameSink` while somebody does.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any, Final, Protocol

from aiortc import rtp
from aiortc.mediastreams import MediaStreamTrack
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpReceiveParameters
from aiortc.rtcrtpreceiver import StreamStatistics
from aiortc.rtcrtptransceiver import RTCRtpTransceiver
from aiortc.stats import RTCStatsReport

from server.webrtc.frames import CODECS, EncodedFrame, FrameAssembler
from server.webrtc.pins import replace_part
from server.webrtc.rtp import end_task, receiver_report
from server.webrtc.sync import SenderClock

__all__ = ["FrameSink", "VideoReceiver", "keep_codecs", "take_over"]

_CLOCK: Final = 90_000
_TICK_SECONDS: Final = 0.1
_REPORT_TICKS: Final = 10
_KEY_SECONDS: Final = 0.5


class FrameSink(Protocol):
    """Who takes the frames of a video stream."""

    awake: asyncio.Event
    """Set while somebody looks; packets that come meanwhile are read."""

    @property
    def wants_key(self) -> bool:
        """Whether a frame that depends on no other is needed."""

    def restart(self) -> None:
        """What follows is another stream."""

    def push(self, frame: EncodedFrame, clock: SenderClock) -> None:
        """One frame, in order, and the clock of its stream."""


def take_over(transceiver: RTCRtpTransceiver, sink: FrameSink) -> None:
    """Receive what an offered video m-line will carry, now or when its sender has a track."""
    transceiver.direction = "recvonly"
    receiver = VideoReceiver(transceiver.receiver, sink, transceiver.sender._ssrc)
    replace_part(transceiver, "_RTCRtpTransceiver__receiver", receiver)
    keep_codecs(transceiver)


def keep_codecs(transceiver: RTCRtpTransceiver) -> bool:
    """Leave only what is read here in the answer; False for an m-line that was not taken over."""
    receiver: object = transceiver.receiver
    if not isinstance(receiver, VideoReceiver):
        return False
    # Without retransmission's own stream packets are sent again as they were. Turning pictures
    # upright is not offered by aiortc, so that senders do it before they encode.
    codecs = [codec for codec in transceiver._codecs if codec.name in CODECS]
    replace_part(transceiver, "_codecs", codecs)
    return True


class VideoReceiver:
    """Takes RTP packets over before any buffer, thread or decoder; asks for what it misses."""

    def __init__(self, replaced: Any, sink: FrameSink, report_ssrc: int) -> None:
        self.transport: RTCDtlsTransport = replaced.transport
        self.clock = SenderClock(_CLOCK)
        self._enabled = True  # set by RTCRtpTransceiver
        self._track: MediaStreamTrack | None = replaced.track
        self._sink = sink
        self._report_ssrc = report_ssrc
        self._ssrc = 0
        self._codecs: dict[int | None, str] = {}
        self._statistics = StreamStatistics(_CLOCK)
        self._frames = FrameAssembler()
        self._task: asyncio.Task[None] | None = None
        self._key_asked = float("-inf")

    @property
    def track(self) -> MediaStreamTrack | None:
        """The remote track, as the W3C's receiver has it."""
        return self._track

    # ---- what RTCPeerConnection and RTCRtpTransceiver call

    def setTransport(self, transport: RTCDtlsTransport) -> None:
        """Follow the bundle's transport."""
        self.transport = transport

    async def receive(self, parameters: RTCRtpReceiveParameters) -> None:
        """Media is connected. Called again at every later connect; only the first counts."""
        if self._task is not None:
            return
        self._codecs = {codec.payloadType: codec.name for codec in parameters.codecs}
        self.transport._register_rtp_receiver(self, parameters)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End for good."""
        if self._task is not None:
            self.transport._unregister_rtp_receiver(self)
            await end_task(self._task)

    async def getStats(self) -> RTCStatsReport:
        """aiortc's report has nothing of us."""
        return RTCStatsReport()

    def _set_rtcp_ssrc(self, ssrc: int) -> None:
        self._report_ssrc = ssrc

    # ---- what RTCDtlsTransport calls

    def _handle_disconnect(self) -> None:
        """The audio receiver tells the Peer."""

    async def _handle_rtcp_packet(self, packet: rtp.AnyRtcpPacket) -> None:
        if isinstance(packet, rtp.RtcpSrPacket) and packet.ssrc == self._ssrc:
            told = packet.sender_info
            self.clock.report(told.ntp_timestamp, told.rtp_timestamp, time.monotonic())

    async def _handle_rtp_packet(self, packet: rtp.RtpPacket, arrival_time_ms: int) -> None:
        if not self._enabled or not self._sink.awake.is_set():
            return
        codec = self._codecs.get(packet.payload_type)
        if codec is None:
            return
        if packet.ssrc != self._ssrc:
            self._begin(packet.ssrc)
        self._statistics.add(packet)
        now = time.monotonic()
        marker = bool(packet.marker)
        self._give(
            self._frames.add(
                codec, packet.sequence_number, packet.timestamp, marker, packet.payload, now
            )
        )

    def _begin(self, ssrc: int) -> None:
        self._ssrc = ssrc
        self._statistics = StreamStatistics(_CLOCK)
        self._frames.restart()
        self.clock.reset()
        self._sink.restart()
        self._key_asked = float("-inf")

    def _give(self, frames: list[EncodedFrame]) -> None:
        for frame in frames:
            self._sink.push(frame, self.clock)

    async def _run(self) -> None:
        """While somebody looks: ask again for what is missing, report, ask for key frames."""
        tick = 0
        while True:
            if not self._sink.awake.is_set():
                self._frames.restart()
                await self._sink.awake.wait()
            await asyncio.sleep(_TICK_SECONDS)
            if self._statistics.max_seq is None:
                continue
            now = time.monotonic()
            self._give(self._frames.wait(now))
            if missing := self._frames.missing(now):
                await self._nack(missing)
            wanted = self._frames.broken or self._sink.wants_key
            if wanted and now - self._key_asked >= _KEY_SECONDS:
                self._key_asked = now
                await self._ask_key()
            tick += 1
            if tick % _REPORT_TICKS == 0:
                report = receiver_report(
                    self._report_ssrc, self._ssrc, self._statistics, self.clock
                )
                await self._send(report)

    async def _nack(self, missing: list[int]) -> None:
        packet = rtp.RtcpRtpfbPacket(
            fmt=rtp.RTCP_RTPFB_NACK, ssrc=self._report_ssrc, media_ssrc=self._ssrc
        )
        packet.lost = missing
        await self._send(bytes(packet))

    async def _ask_key(self) -> None:
        packet = rtp.RtcpPsfbPacket(
            fmt=rtp.RTCP_PSFB_PLI, ssrc=self._report_ssrc, media_ssrc=self._ssrc
        )
        await self._send(bytes(packet))

    async def _send(self, packet: bytes) -> None:
        # A lost connection is noticed by the Peer, not here.
        with contextlib.suppress(ConnectionError):
            await self.transport._send_rtp(packet)
