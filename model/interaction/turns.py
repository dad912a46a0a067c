"""From the floor's verdict to what we do: drafting, taking the floor, giving way."""

from __future__ import annotations

from dataclasses import replace

from model.interaction import hearing, results, speaking
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
        change.stop(verdict.probability)
    if verdict.decision == "take":
        _take(change, verdict)
    elif hearing.is_over(change.mind.hearing, change.k):
        change.end_segment(answered=False)


def answer(change: RowChange, verdict: Verdict) -> None:
    """Begin a draft when there is something to answer and Language's row is free."""
    mind = change.mind
    if mind.utterance is not None or mind.draft is not None:
        return
    if mind.sayings:
        change.mind = replace(mind, sayings=mind.sayings[1:])
        change.say(mind.sayings[0])
    elif mind.unanswered:
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
    if draft.failed:
        change.end_segment(answered=False)
        change.mind = replace(change.mind, sayings=(results.APOLOGY,))
        return
    if not draft.text or not (draft.spoken or draft.complete):
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
