"""The gauges: how full every queue is, how late every clock, how the engine keeps up."""

from __future__ import annotations

from collections.abc import Iterator

from model.messages import TICK_BOUNDS_SECONDS
from server.audience import Audience
from server.auth import Gate
from server.metrics import Gauge, Histogram
from server.reception import Reception

__all__ = ["gauges"]


def gauges(reception: Reception, gate: Gate) -> Iterator[Gauge | Histogram]:
    """What is true now, over all sessions the worst of each."""
    engine = reception.services.engine
    taken, places = reception.places
    yield Gauge("sessions", "Sessions that go on.", taken)
    yield Gauge("places", "Sessions there may be at a time.", places)
    yield Gauge("visitors_waiting", "Who waits for a place.", reception.waiting)
    yield Gauge("conversations_parked", "Resumable conversations.", reception.registry.parked)
    yield Gauge("secrets", "Secrets kept for browsers.", gate.secrets)
    yield Gauge("secrets_bytes", "What they fix of sessions.", gate.secret_bytes)
    yield Gauge("engine_ready", "1 while the engine is ready.", engine.status == "ready")
    yield Gauge("engine_spare_ready", "1 while a spare is loaded.", engine.spare_ready)
    yield Gauge("engine_restarts", "Engine processes that ended.", engine.restarts)
    yield Gauge("engine_streams", "Streams that are open.", engine.streams)
    yield Gauge("engine_outbox_messages", "Waiting for the pipe.", engine.outbox_messages)
    if (vitals := engine.vitals) is not None:
        yield Gauge("engine_ticks", "Ticks since its start.", vitals.ticks)
        yield Gauge("engine_missed", "Micro-turns answered late.", vitals.missed)
        yield Gauge("engine_tick_p50_seconds", "Over ten seconds.", vitals.tick_p50_seconds)
        yield Gauge("engine_tick_p99_seconds", "Over ten seconds.", vitals.tick_p99_seconds)
        if vitals.tick_counts:
            help_text = "Of a micro-turn, from its arrival to its answer."
            counts, total = vitals.tick_counts, vitals.tick_total_seconds
            name = "engine_tick_seconds"
            yield Histogram(name, help_text, TICK_BOUNDS_SECONDS, counts, total)
        yield Gauge("engine_queued_jobs", "Jobs that wait.", vitals.queued_jobs)
        yield Gauge("engine_drafts", "Answers begun.", vitals.drafted)
        yield Gauge("engine_drafts_dropped", "Made for nothing.", vitals.dropped)
        yield Gauge("engine_journal_entries", "Waiting for the disk.", vitals.journal_entries)
    if (logs := reception.services.logs) is not None:
        yield Gauge("journal_waiting_lines", "Waiting for the disk.", logs.waiting_lines)
        yield Gauge("journal_dropped_lines", "Lines never written.", logs.dropped_lines)
    yield from _worst(reception)


def _worst(reception: Reception) -> Iterator[Gauge]:
    sessions = reception.sessions
    connections = [session.port.statistics() for session in sessions]
    yield Gauge(
        "intake_behind_seconds",
        "Input the engine has not answered.",
        max((one.hearing.intake.behind_seconds for one in sessions), default=0.0),
    )
    yield Gauge(
        "playout_queued_seconds",
        "Speech that waits to be played.",
        max((one.speaking.queued_seconds for one in sessions), default=0.0),
    )
    yield Gauge(
        "microphone_queued_blocks",
        "Blocks not yet taken.",
        max((one.queued_blocks for one in connections), default=0),
    )
    yield Gauge(
        "microphone_dropped_blocks",
        "Blocks never taken.",
        sum(one.dropped_blocks for one in connections),
    )
    sources = [one.port.speaker.source for one in sessions]
    listeners = sum(len(one) for one in sources if isinstance(one, Audience))
    yield Gauge("listeners", "Who listens in on sessions.", listeners)
    cameras = [camera for one in sessions for camera in one.port.cameras.values()]
    yield Gauge("cameras_awake", "Videos looked at.", sum(one.awake.is_set() for one in cameras))
    yield Gauge(
        "camera_frames_decoded",
        "Of the sessions that go on.",
        sum(one.decoded_frames for one in cameras),
    )
    yield Gauge(
        "channel_buffered_bytes",
        "Events that wait to be sent.",
        max((one.port.channel.buffered_bytes for one in sessions), default=0),
    )
    yield Gauge(
        "speaker_lateness_p99_seconds",
        "Frames sent after their time.",
        max((one.lateness.p99 for one in connections), default=0.0),
    )
