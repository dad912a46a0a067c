"""From the floor's verdict to what we do: drafting, taking the floor, giving way, going on."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from model.interaction import hearing, results, resuming, seeing, speaking
from model.interaction.change import RowChange
from model.interaction.floor_port import Verdict
from model.interaction.mind import Draft, Mind
from model.messages import Floor, Hesitation, PersonState
from model.orders import Say

__all__ = ["answer", "follow", "hesitate"]

HUSHED_MICRO_TURNS: Final = 12
"""Silence in which the last words of who said "stop" are recognised, and read by the server."""


def follow(change: RowChange, verdict: Verdict) -> None:
    """Do what was decided."""
    change.mind = replace(change.mind, floor=verdict.state)
    if verdict.person != change.mind.doing:
        change.mind = replace(change.mind, doing=verdict.person)
        change.events.append(PersonState(verdict.person, verdict.person_probability))
    forced = _forced(change.mind)
    if not forced:
        if verdict.goes_on:
            change.drop_draft()
        elif results.says_otherwise(change.mind) and not verdict.insists:
            change.answer_otherwise()
    for job in verdict.jobs:
        change.cancel(job.lane)
        change.submit(job.lane, job.priority, job.work)
    mind = change.mind
    if verdict.decision == "yield" and mind.interruptible:
        change.stop(verdict.probability, by_floor=True)
    if verdict.resume and not mind.wishes.held and _go_on(change, verdict):
        return
    if verdict.confirms and verdict.draft and not forced:
        _confirm(change)
    if forced or (verdict.decision == "take" and not mind.gathers):
        _take(change, verdict, forced)
    elif hearing.is_over(change.mind.hearing, change.k, mind.settings.eagerness, verdict.owes):
        _over(change)
    if verdict.decision == "backchannel" and mind.settings.backchannels and not mind.gathers:
        _backchannel(change, verdict)


def hesitate(change: RowChange, verdict: Verdict) -> None:
    """Let the voice stand still, or go on. Behind all else: what was cut stands still no more."""
    stands = verdict.hesitates and change.mind.interruptible
    if stands != change.mind.hesitates:
        change.mind = replace(change.mind, hesitates=stands)
        change.events.append(Hesitation(stands))


def answer(change: RowChange, verdict: Verdict) -> None:
    """Begin what is to be said next, or a draft of it, when Language's row is free."""
    mind, wishes = change.mind, change.mind.wishes
    aside = mind.utterance is not None and mind.manner == "backchannel"
    if (
        wishes.held
        or mind.typed
        or mind.draft is not None
        or (mind.utterance is not None and not aside)
    ):
        return
    drafts = verdict.draft and mind.hearing.segment and not mind.hearing.muted
    now = next((one for one in wishes.sayings if one.policy == "now"), None)
    if aside:
        if drafts and not mind.gathers:
            change.start_draft(segment=mind.hearing.number)
    elif mind.sayings:
        change.mind = replace(mind, sayings=mind.sayings[1:])
        change.say(mind.sayings[0])
    elif now is not None:
        _say(change, now)
    elif mind.unanswered:
        _begin(change)
    elif wishes.answer:
        _answer_now(change)
    elif drafts and not mind.gathers:
        change.start_draft(segment=mind.hearing.number)
    elif _is_owed(mind, verdict):
        _begin(change)
    elif mind.hearing.segment is None and wishes.outcomes:
        _tell(change)
    elif mind.hearing.segment is None and wishes.sayings:
        _say(change, wishes.sayings[0])
    elif not mind.gathers:
        change.read_ahead()


def _is_owed(mind: Mind, verdict: Verdict) -> bool:
    """An answer was stopped before a word of it was heard, and nobody has said anything since."""
    owed = bool(mind.carried) and mind.hearing.segment is None and not mind.gathers
    return owed and verdict.decision == "take"


def _forced(mind: Mind) -> bool:
    """The draft under way is what the client asked for, whatever the floor thinks."""
    draft, wishes = mind.draft, mind.wishes
    if draft is None or not wishes.answer or wishes.held:
        return False
    return draft.segment in (mind.hearing.number, wishes.committing)


def _begin(change: RowChange) -> None:
    """Answer what was typed or said before, at once, while it is being made."""
    draft = change.start_draft(segment=0)
    change.events.append(Floor("take", 1.0))
    change.mind = replace(change.mind, draft=None, unanswered=False)
    change.wish(answer=False, tool_choice="")
    change.begin(draft.number, answering=True)


def _answer_now(change: RowChange) -> None:
    heard = change.mind.hearing
    said = heard.words or hearing.unread(heard) or heard.busy
    if heard.segment is not None and not heard.muted and said:
        change.start_draft(segment=heard.number)
    else:
        _begin(change)


def _tell(change: RowChange) -> None:
    """Speak of what tools answered."""
    told = change.mind.wishes.outcomes
    change.wish(outcomes=())
    draft = change.start_draft(segment=0, outcomes=told)
    change.events.append(Floor("take", 1.0))
    change.mind = replace(change.mind, draft=None)
    change.begin(draft.number, answering=True, telling=told)


def _say(change: RowChange, say: Say) -> None:
    """Say an ordered text."""
    mind = change.mind
    if mind.carried and mind.hearing.segment is None and not mind.settings.manual_turns:
        # An answer that the text cut off before it was heard is given behind it.
        change.mind = replace(mind, unanswered=True)
    change.wish(sayings=tuple(one for one in mind.wishes.sayings if one is not say))
    change.say(say.text)
    change.wish(saying=say)
    change.tell_saying(say, "began")


def _over(change: RowChange) -> None:
    """The silence behind a segment has grown long."""
    mind = change.mind
    kept = mind.gathers or mind.wishes.kept == mind.hearing.number
    if not kept or mind.hearing.muted:
        change.end_segment(answered=False)
        return
    change.drop_draft()
    change.end_segment(answered=True)
    waits = bool(change.mind.carried) and not mind.settings.manual_turns
    change.mind = replace(change.mind, unanswered=mind.unanswered or waits)


def _hushed(change: RowChange) -> None:
    """The person asked for quiet, and may have asked for something else behind it: that is known
    only once their last words were read and the server has told us."""
    mind = change.mind
    if mind.utterance is None and change.k - mind.hearing.voiced_k >= HUSHED_MICRO_TURNS:
        change.end_segment(answered=False)
    else:
        change.mind = replace(mind, floor=change.parts.floor.waits(mind.floor))


def _take(change: RowChange, verdict: Verdict, forced: bool) -> None:
    mind = change.mind
    draft = mind.draft
    if mind.hearing.muted:
        _hushed(change)
        return
    if draft is None:
        return
    # Behind a turn that the client ended the person may be saying something else already.
    under_way = draft.segment == mind.hearing.number
    heard = mind.hearing
    waits = hearing.reads_on(heard) or (verdict.confirms and hearing.unread(heard))
    unread = waits and under_way and not forced and not verdict.insists
    if draft.nothing:
        if unread:
            change.drop_draft()  # Of words that were there; more was said since.
        elif mind.utterance is None:
            _give_up(change, under_way)
        return
    if mind.utterance is not None:
        return  # A sign of listening is still heard.
    if draft.failed:
        _give_up(change, under_way)
        change.mind = replace(change.mind, sayings=(results.APOLOGY,))
        change.wish(answer=False, tool_choice="")
        return
    if unread or not draft.text or not (draft.spoken or draft.complete):
        # There is nothing to say yet, and until then the person may go on, unspoken to: the
        # segment stays open, and the decision stands.
        change.mind = replace(mind, floor=change.parts.floor.waits(mind.floor))
        return
    change.events.append(Floor("take", verdict.probability))
    if under_way:
        change.end_segment(answered=True)
    change.wish(answer=False, tool_choice="")
    change.mind = replace(change.mind, draft=None)
    if draft.spoken or draft.asks is None:
        _speak(change, draft)
    else:
        change.forgo(change.mind.carried)
        change.mind = replace(change.mind, carried="")
    if draft.request is not None:
        change.mind, seen = seeing.obey(change.mind, draft.request)
        change.events += seen
    if draft.asks is not None:
        change.mind, events = results.ask(change.mind, draft.asks, change.k)
        change.events += events


def _give_up(change: RowChange, under_way: bool) -> None:
    """There is no answer to give; a segment that it was to answer ends."""
    change.drop_draft()
    if under_way:
        change.end_segment(answered=False)


def _speak(change: RowChange, draft: Draft) -> None:
    utterance = change.begin(draft.number, answering=True)
    for spoken in draft.spoken:
        utterance = speaking.append(utterance, spoken)
    if draft.complete:
        utterance = speaking.finish(utterance, draft.limited)
    change.mind = replace(change.mind, utterance=utterance)


def _confirm(change: RowChange) -> None:
    """Recognise what was said since the draft's words, if something was."""
    mind = change.mind
    known = mind.draft is not None and (mind.draft.text or mind.draft.complete)
    fell_silent = mind.hearing.voiced_k < change.k
    if known and fell_silent and not mind.hearing.busy and hearing.unread(mind.hearing):
        change.listen()


def _go_on(change: RowChange, verdict: Verdict) -> bool:
    """Say what was left of the utterance that was cut for nothing, if that is not long ago."""
    rest = change.mind.remainder
    if rest is None or change.mind.utterance is not None or change.mind.unanswered:
        return False
    # It counts from the end of what stopped us, however long that was.
    since = min(max(rest.k, change.mind.hearing.voiced_k), rest.k + resuming.LONGEST_MICRO_TURNS)
    if change.k - since > resuming.KEPT_MICRO_TURNS:
        change.mind = replace(change.mind, remainder=None)
        return False
    change.drop_draft()
    change.end_segment(answered=False)
    change.events.append(Floor("take", verdict.probability))
    change.go_on(rest)
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
