"""From the floor's verdict to what we do: drafting, taking the floor, giving way, going on."""

from __future__ import annotations

from dataclasses import replace

from model.engine.jobs import Priority
from model.interaction import hearing, results, resuming, speaking
from model.interaction.change import RowChange
from model.interaction.floor_port import Verdict
from model.messages import Floor, PersonState

__all__ = ["answer", "follow"]


def follow(change: RowChange, verdict: Verdict) -> None:
    """Do what was decided."""
    change.mind = replace(change.mind, floor=verdict.state)
    if verdict.person != change.mind.doing:
        change.mind = replace(change.mind, doing=verdict.person)
        change.events.append(PersonState(verdict.person, verdict.person_probability))
    if verdict.goes_on:
        change.drop_draft()
    for job in verdict.jobs:
        change.cancel(job.lane)
        change.submit(job.lane, job.priority, job.work)
    if verdict.decision == "yield":
        change.stop(verdict.probability, by_floor=True)
    if verdict.resume and _go_on(change, verdict):
        return
    if verdict.confirms and verdict.draft:
        _confirm(change)
    if verdict.decision == "take":
        _take(change, verdict)
    elif hearing.is_over(change.mind.hearing, change.k):
        change.end_segment(answered=False)
    if verdict.decision == "backchannel":
        _backchannel(change, verdict)


def answer(change: RowChange, verdict: Verdict) -> None:
    """Begin a draft when there is something to answer and Language's row is free."""
    mind = change.mind
    aside = mind.utterance is not None and mind.manner == "backchannel"
    if mind.draft is not None or (mind.utterance is not None and not aside):
        return
    if mind.sayings and not aside:
        change.mind = replace(mind, sayings=mind.sayings[1:])
        change.say(mind.sayings[0])
    elif mind.unanswered and not aside:
        draft = change.start_draft(segment=0)
        change.events.append(Floor("take", 1.0))
        change.mind = replace(change.mind, draft=None, unanswered=False)
        change.begin(draft.number, answering=True)
    elif verdict.draft and mind.hearing.segment and not mind.hearing.muted:
        change.start_draft(segment=mind.hearing.number)


def _take(change: RowChange, verdict: Verdict) -> None:
    mind = change.mind
    draft = mind.draft
    if draft is None or draft.nothing or mind.hearing.muted:
        if mind.utterance is None and (draft is not None or mind.hearing.muted):
            change.end_segment(answered=False)
        return
    if mind.utterance is not None:
        return  # A sign of listening is still heard.
    if draft.failed:
        change.end_segment(answered=False)
        change.mind = replace(change.mind, sayings=(results.APOLOGY,))
        return
    unread = verdict.confirms and hearing.unread(mind.hearing)
    if unread or not draft.text or not (draft.spoken or draft.complete):
        # There is nothing to say yet, and until then the person may go on, unspoken to: the
        # segment stays open, and the decision stands.
        change.mind = replace(mind, floor=change.parts.floor.waits(mind.floor))
        return
    change.events.append(Floor("take", verdict.probability))
    change.end_segment(answered=True)
    utterance = change.begin(draft.number, answering=True)
    for spoken in draft.spoken:
        utterance = speaking.append(utterance, spoken)
    if draft.complete:
        utterance = speaking.finish(utterance)
    change.mind = replace(change.mind, utterance=utterance, draft=None)


def _confirm(change: RowChange) -> None:
    """Recognise what was said since the draft's words, if something was."""
    mind = change.mind
    known = mind.draft is not None and (mind.draft.text or mind.draft.complete)
    fell_silent = mind.hearing.voiced_k < change.k
    if known and fell_silent and not mind.hearing.busy and hearing.unread(mind.hearing):
        change.listen(Priority.ENDS_TURN)


def _go_on(change: RowChange, verdict: Verdict) -> bool:
    """Say what was left of the utterance that was cut for nothing, if that is not long ago."""
    rest = change.mind.remainder
    if rest is None or change.mind.utterance is not None or change.mind.unanswered:
        return False
    if change.k - rest.k > resuming.KEPT_MICRO_TURNS:
        change.mind = replace(change.mind, remainder=None)
        return False
    change.drop_draft()
    change.end_segment(answered=False)
    change.events.append(Floor("take", verdict.probability))
    utterance = change.begin(0, answering=False, manner="rest")
    utterance = speaking.finish(speaking.append(utterance, resuming.spoken(rest)))
    change.mind = replace(change.mind, utterance=utterance)
    return True


def _backchannel(change: RowChange, verdict: Verdict) -> None:
    mind, clips = change.mind, change.parts.backchannels
    if clips is None or mind.utterance is not None or mind.sayings:
        return
    text = clips.choose(mind.hearing.words, mind.backchannel, change.k)
    change.events.append(Floor("backchannel", verdict.probability))
    utterance = change.begin(0, answering=False, manner="backchannel")
    utterance = speaking.finish(speaking.append(utterance, clips.clips[text]))
    change.mind = replace(change.mind, utterance=utterance, backchannel=text)
