"""Our stand-ins for aiortc's audio receiver and sender.

aiortc's own start a decoder thread, hold audio back by 80 ms, encode in the default executor and
loop over every sample in Python. These keep the interface that RTCPeerConnection and its
transports use, and nothing else: RTP in and out, receiver and sender reports.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import struct
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from aiortc import clock, rtp
from aiortc.mediastreams import MediaStreamTrack
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpReceiveParameters, RTCRtpSendParameters
from aiortc.rtcrtpreceiver import StreamStatistics
from aiortc.stats import RTCStatsReport

from server.webrtc.sync import SenderClock

__all__ = ["AudioReceiver", "AudioSender", "PacketSink", "end_task", "receiver_report"]

logger = logging.getLogger(__name__)

_OPUS_CLOCK: Final = 48_000
_FRAME_TICKS: Final = 960
_MID_EXTENSION: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"


class PacketSink(Protocol):
    """Who takes the packets of an audio stream."""

    def start(self) -> None:
        """Media is connected; packets may come."""

    def restart(self) -> None:
        """What follows is another stream."""

    def push(self, sequence: int, timestamp: int, payload: bytes) -> None:
        """One packet: 16-bit sequence number, 32-bit timestamp, payload."""


async def end_task(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end; an error it ended with is logged."""
    # Not `await task`: that could not tell the task's cancellation from our own.
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("a stream ended with %r", error)


def receiver_report(
    report_ssrc: int, ssrc: int, statistics: StreamStatistics, sender: SenderClock
) -> bytes:
    """What we tell a sender of its stream.

    Args:
        report_ssrc: our own number.
        ssrc: of the stream.
        statistics: of the stream, which has begun.
        sender: knows the sender's own last report.
    """
    middle, came = sender.last
    delay = time.monotonic() - came
    report = rtp.RtcpReceiverInfo(
        ssrc=ssrc,
        fraction_lost=min(statistics.fraction_lost, 255),
        packets_lost=statistics.packets_lost,
        highest_sequence=(statistics.cycles + (statistics.max_seq or 0)) & 0xFFFFFFFF,
        jitter=statistics.jitter,
        lsr=middle,
        dlsr=int(delay * 65536) if middle and delay < 65536 else 0,
    )
    return bytes(rtp.RtcpRrPacket(ssrc=report_ssrc, reports=[report]))


class AudioReceiver:
    """Takes RTP packets over before any buffer, thread or decoder; keeps receiver reports going."""

    def __init__(self, replaced: Any, sink: PacketSink, report_ssrc: int) -> None:
        self.transport: RTCDtlsTransport = replaced.transport
        self.statistics: StreamStatistics | None = None
        self.clock = SenderClock(_OPUS_CLOCK)
        self.on_disconnect: Callable[[], None] = lambda: None
        self.on_bye: Callable[[], None] = lambda: None
        self._enabled = True  # set by RTCRtpTransceiver
        self._track: MediaStreamTrack | None = replaced.track
        self._sink = sink
        self._report_ssrc = report_ssrc
        self._ssrc = 0
        self._payload_types: frozenset[int | None] = frozenset()
        self._task: asyncio.Task[None] | None = None

    @property
    def track(self) -> MediaStreamTrack | None:
        """The remote track, as the W3C's receiver has it."""
        return self._track

    @property
    def jitter_seconds(self) -> float:
        """Interarrival jitter as RFC 3550 defines it."""
        return self.statistics.jitter / _OPUS_CLOCK if self.statistics is not None else 0.0

    # ---- what RTCPeerConnection and RTCRtpTransceiver call

    def setTransport(self, transport: RTCDtlsTransport) -> None:
        """Follow the bundle's transport."""
        self.transport = transport

    async def receive(self, parameters: RTCRtpReceiveParameters) -> None:
        """Media is connected. Called again at every later connect; only the first counts."""
        if self._task is not None:
            return
        self._payload_types = frozenset(codec.payloadType for codec in parameters.codecs)
        self.transport._register_rtp_receiver(self, parameters)
        self._task = asyncio.create_task(self._run_rtcp())
        self._sink.start()

    async def stop(self) -> None:
        """End for good."""
        if self._task is not None:
            self.transport._unregister_rtp_receiver(self)
            await end_task(self._task)

    async def getStats(self) -> RTCStatsReport:
        """aiortc's report has nothing of us; see `Peer.statistics`."""
        return RTCStatsReport()

    def _set_rtcp_ssrc(self, ssrc: int) -> None:
        self._report_ssrc = ssrc

    # ---- what RTCDtlsTransport calls

    def _handle_disconnect(self) -> None:
        self.on_disconnect()

    async def _handle_rtcp_packet(self, packet: rtp.AnyRtcpPacket) -> None:
        if isinstance(packet, rtp.RtcpSrPacket):
            if packet.ssrc == self._ssrc:
                told = packet.sender_info
                self.clock.report(told.ntp_timestamp, told.rtp_timestamp, time.monotonic())
        elif isinstance(packet, rtp.RtcpByePacket):
            self.on_bye()

    async def _handle_rtp_packet(self, packet: rtp.RtpPacket, arrival_time_ms: int) -> None:
        if not self._enabled or packet.payload_type not in self._payload_types:
            return
        if self.statistics is None or packet.ssrc != self._ssrc:
            if self.statistics is not None:
                self._sink.restart()
            self.clock.reset()
            self._ssrc = packet.ssrc
            self.statistics = StreamStatistics(_OPUS_CLOCK)
        self.statistics.add(packet)
        self._sink.push(packet.sequence_number, packet.timestamp, packet.payload)

    async def _run_rtcp(self) -> None:
        while True:
            await asyncio.sleep(0.5 + random.random())
            if self.statistics is None or self.statistics.max_seq is None:
                continue
            report = receiver_report(self._report_ssrc, self._ssrc, self.statistics, self.clock)
            with contextlib.suppress(ConnectionError):
                await self.transport._send_rtp(report)


class AudioSender:
    """Puts ready Opus packets on the wire.

    Args:
        replaced: aiortc's sender, whose identity in the SDP is kept.
        run: gives packets: called with a function that sends frame number and payload, it runs
            until cancelled. Frame numbers become timestamps.
    """

    kind = "audio"

    def __init__(
        self,
        replaced: Any,
        run: Callable[[Callable[[int, bytes], Awaitable[None]]], Awaitable[None]],
    ) -> None:
        self.track: MediaStreamTrack | None = None
        self.transport: RTCDtlsTransport = replaced.transport
        self.rtt_seconds = 0.0
        self.last_report_at = 0.0  # of the loop's time: when the other side last sent a report
        self._enabled = True  # set by RTCRtpTransceiver
        self._ssrc: int = replaced._ssrc
        self._rtx_ssrc: int = replaced._rtx_ssrc
        self._stream_id: str = replaced._stream_id
        self._track_id = str(uuid.uuid4())
        self._run = run
        self._wire = _Wire(self._ssrc)
        self._tasks: list[asyncio.Task[None]] = []

    # ---- what RTCPeerConnection and RTCRtpTransceiver call

    def replaceTrack(self, track: MediaStreamTrack | None) -> None:
        """There is no track: frames come from `run`."""

    def setTransport(self, transport: RTCDtlsTransport) -> None:
        """Follow the bundle's transport."""
        self.transport = transport

    async def send(self, parameters: RTCRtpSendParameters) -> None:
        """Media is connected. Called again at every later connect; only the first counts."""
        if self._tasks:
            return
        self.transport._register_rtp_sender(self, parameters)
        self._wire.configure(parameters)
        self._tasks = [
            asyncio.create_task(self._run_rtp()),
            asyncio.create_task(self._run_rtcp(parameters.rtcp.cname or "")),
        ]

    async def stop(self) -> None:
        """End for good; the other side is told (RTCP BYE)."""
        if self._tasks:
            self.transport._unregister_rtp_sender(self)
            for task in self._tasks:
                await end_task(task)
            await self._send(bytes(rtp.RtcpByePacket(sources=[self._ssrc])))

    async def getStats(self) -> RTCStatsReport:
        """aiortc's report has nothing of us; see `Peer.statistics`."""
        return RTCStatsReport()

    # ---- what RTCDtlsTransport calls

    async def _handle_rtcp_packet(self, packet: rtp.AnyRtcpPacket) -> None:
        if not isinstance(packet, rtp.RtcpRrPacket | rtp.RtcpSrPacket):
            return
        self.last_report_at = asyncio.get_running_loop().time()
        middle, sent = self._wire.sent_report
        for report in packet.reports:
            if report.ssrc == self._ssrc and report.dlsr and report.lsr == middle:
                rtt = max(0.0, time.monotonic() - sent - report.dlsr / 65536)
                self.rtt_seconds = 0.7 * self.rtt_seconds + 0.3 * rtt if self.rtt_seconds else rtt

    async def _run_rtp(self) -> None:
        async def send(number: int, payload: bytes) -> None:
            if self._enabled:
                await self._send(self._wire.packet(number, payload))

        await self._run(send)

    async def _run_rtcp(self, cname: str) -> None:
        while True:
            await asyncio.sleep(0.5 + random.random())
            ntp = clock.current_ntp_time()
            report = rtp.RtcpSrPacket(ssrc=self._ssrc, sender_info=self._wire.sender_info(ntp))
            name = rtp.RtcpSourceInfo(ssrc=self._ssrc, items=[(1, cname.encode())])
            self._wire.sent_report = ((ntp >> 16) & 0xFFFFFFFF, time.monotonic())
            await self._send(bytes(report) + bytes(rtp.RtcpSdesPacket(chunks=[name])))

    async def _send(self, packet: bytes) -> None:
        # A lost connection is noticed by the Peer, not here.
        with contextlib.suppress(ConnectionError):
            await self.transport._send_rtp(packet)


class _Wire:
    """RTP packets of one Opus stream: numbers, timestamps, counts for the sender reports."""

    def __init__(self, ssrc: int) -> None:
        self._ssrc = ssrc
        # The lower half, because SRTP cannot tell a wrap near the start from an old packet.
        self._sequence = random.getrandbits(15)
        self._origin = random.getrandbits(32)
        self._payload_type = 0
        self._extension = b""
        self._last = (0, time.monotonic())
        self._packets = 0
        self._octets = 0
        self.sent_report = (0, 0.0)  # middle of the last report's NTP time, when it was sent

    def configure(self, parameters: RTCRtpSendParameters) -> None:
        self._payload_type = parameters.codecs[0].payloadType or 0
        for extension in parameters.headerExtensions:
            # Only where it fits the short form; the SSRC in the answer says the same.
            mid = (parameters.muxId or "").encode()
            if extension.uri == _MID_EXTENSION and 0 < extension.id < 15 and 0 < len(mid) <= 16:
                profile, value = rtp.pack_header_extensions([(extension.id, mid)])
                self._extension = struct.pack("!HH", profile, len(value) // 4) + value

    def packet(self, number: int, payload: bytes) -> bytes:
        timestamp = (self._origin + number * _FRAME_TICKS) & 0xFFFFFFFF
        header = struct.pack(
            "!BBHLL",
            0x90 if self._extension else 0x80,
            self._payload_type,
            self._sequence,
            timestamp,
            self._ssrc,
        )
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._last = (timestamp, time.monotonic())
        self._packets += 1
        self._octets += len(payload)
        return header + self._extension + payload

    def sender_info(self, ntp: int) -> rtp.RtcpSenderInfo:
        timestamp, at = self._last
        passed = int((time.monotonic() - at) * _OPUS_CLOCK)
        return rtp.RtcpSenderInfo(
            ntp_timestamp=ntp,
            rtp_timestamp=(timestamp + passed) & 0xFFFFFFFF,
            packet_count=self._packets & 0xFFFFFFFF,
            octet_count=self._octets & 0xFFFFFFFF,
        )
