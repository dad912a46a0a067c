"""What the client orders enters the mind: one function an order. `docs/dialect.md` says what each
means; what has to wait for its moment is a wish (see `wishes`), which `turns` grants.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from model.interaction import hearing, looking
from model.interaction.change import RowChange
from model.interaction.wishes import MOST_SAYINGS, Correction, Outcome, Prefix
from model.messages import Command, PersonWords, Refused, Turn
from model.orders import (
    Answer,
    Append,
    Cancel,
    ChangeSettings,
    Clear,
    Commit,
    Hold,
    Order,
    Resume,
    Say,
    ToolAnswer,
    Truncate,
)

__all__ = ["close_turn", "foresee", "take_in"]

FAREWELL: Final = "Goodbye!"

NOTHING_SAID: Final = "Nothing was said since the last turn."

COMMIT_MICRO_TURNS: Final = 50
"""So long a turn that the client ended waits for its last words."""


def foresee(change: RowChange) -> None:
    """What Playout reports of a cut must not be answered again if it comes with a `Cancel` or a
    command to be silent; nor where nobody here asked for the cut, as when a policy refused to say
    it: the same would be refused with every question that follows."""
    turn = change.given.turn
    stops = any(isinstance(order, Cancel) for order in turn.orders)
    stops = stops or any(command != "heed" for command in turn.commands)
    refused = change.mind.cut_k < 0 and any(heard.cut for heard in turn.heard)
    stops = stops or (refused and not any(isinstance(order, Say) for order in turn.orders))
    if stops and change.mind.utterance is not None:
        change.wish(cancelled=True)


def take_in(change: RowChange) -> None:
    """Obey the commands, take what tools answered, obey the orders."""
    for command in change.given.turn.commands:
        _command(change, command)
    for answer in change.given.turn.answers:
        _tool_answered(change, answer)
    for order in change.given.turn.orders:
        _obey(change, order)


def close_turn(change: RowChange) -> None:
    """End the turn that the client committed, as soon as its words are known."""
    wishes, heard, draft = change.mind.wishes, change.mind.hearing, change.mind.draft
    # `committing` stays when its segment has ended: what a `Clear` takes back lies behind it.
    if heard.segment is None or heard.number != wishes.committing:
        return
    listens = draft is not None and not (draft.text or draft.complete)
    read = heard.read_k >= wishes.commit_k - 1 or not hearing.unread(heard)
    late = change.k - wishes.commit_k >= COMMIT_MICRO_TURNS
    if (read and not heard.busy and not listens) or late:
        if not heard.words and wishes.commit and change.mind.carried == wishes.committed:
            change.events.append(Refused(wishes.commit, NOTHING_SAID))
        change.end_segment(answered=True)
        change.wish(commit="", committed=change.mind.carried)
    elif not heard.busy and draft is None:
        change.listen()


def _command(change: RowChange, command: Command) -> None:
    if command == "heed":
        heeded = replace(change.mind.hearing, muted=False)
        change.mind = replace(change.mind, hearing=heeded)
        return
    change.drop_draft()
    if change.mind.utterance is not None:
        change.wish(cancelled=True)
    change.stop(1.0, tell=False)
    change.drop_sayings()
    change.hush_tools()
    quiet = looking.hushed(change.mind.looking)
    change.mind = replace(change.mind, unanswered=False, looking=quiet)
    change.wish(answer=False, tool_choice="", committing=0, committed="")
    if command == "quiet":
        heard = change.mind.hearing
        muted = replace(heard, muted=heard.segment is not None)
        change.mind = replace(change.mind, hearing=muted)
    else:
        change.end_segment(answered=False)
    if command == "goodbye":
        change.mind = replace(change.mind, sayings=(FAREWELL,))
    # What was asked before is not answered any more, but it was said; what was typed just now is
    # the command itself.
    typed = " ".join(change.given.turn.texts)
    change.forgo(change.mind.carried.removesuffix(typed).strip())
    change.mind = replace(change.mind, carried="")


def _obey(change: RowChange, order: Order) -> None:
    match order:
        case Cancel():
            _cancel(change)
        case Truncate(utterance, text):
            change.remember(Correction(utterance, text))
        case Hold():
            change.wish(held=True)
            change.drop_draft()
        case Resume():
            _resume(change)
        case Say():
            _say(change, order)
        case Append(text, role):
            _append(change, Turn(role, text.strip()))
        case Commit(name):
            if change.mind.hearing.segment is not None:
                number = change.mind.hearing.number
                change.wish(committing=number, commit_k=change.k, commit=name)
            elif change.mind.carried != change.mind.wishes.committed:
                # Their silence has ended the segment before the client did.
                number = change.mind.hearing.number
                change.wish(committing=number, committed=change.mind.carried)
            elif name:
                change.events.append(Refused(name, NOTHING_SAID))
        case Clear():
            _clear(change)
        case Answer(tool_choice):
            _drop_half_heard(change)
            change.wish(answer=True, tool_choice=tool_choice)
        case ChangeSettings():
            _change_settings(change, order)


def _drop_half_heard(change: RowChange) -> None:
    """What is wanted now is given whatever is said: not to words of which the last are still being
    recognised. A draft on those gives way to one that hears all there is."""
    mind = change.mind
    draft, heard = mind.draft, mind.hearing
    if draft is not None and draft.segment == heard.number and hearing.reads_on(heard):
        change.answer_otherwise()


def _append(change: RowChange, turn: Turn) -> None:
    """Something the model is to know; an answer of which nothing was rendered is made anew."""
    change.remember(turn)
    draft, utterance = change.mind.draft, change.mind.utterance
    if draft is not None and not draft.spoken:
        change.drop_draft()
    if utterance is None or not change.mind.answering or utterance.rendered_samples:
        return
    wanted = not change.mind.asked and not change.mind.wishes.telling
    change.stop(1.0, tell=False)
    change.mind = replace(change.mind, unanswered=bool(change.mind.carried))
    if wanted:  # It answered no words: the client had asked for it.
        change.wish(answer=True)


def _cancel(change: RowChange) -> None:
    """Nothing that is being answered, or about to be, is answered again."""
    mind = change.mind
    draft = mind.draft
    asked = mind.unanswered or mind.wishes.answer or draft is not None
    if draft is not None and draft.segment and draft.segment == mind.hearing.number:
        change.drop_draft()
        change.end_segment(answered=True)
    change.drop_draft()
    if asked:
        change.forgo(change.mind.carried)
        change.mind = replace(change.mind, carried="", unanswered=False)
        change.wish(answer=False, tool_choice="", committed="")
    change.hush_tools()
    if change.mind.utterance is not None:
        change.wish(cancelled=True)
        change.stop(1.0, tell=False)


def _resume(change: RowChange) -> None:
    heard = change.mind.hearing
    change.wish(held=False, kept=heard.number if heard.segment is not None else 0)


def _say(change: RowChange, say: Say) -> None:
    wishes = change.mind.wishes
    place = sum(one.priority >= say.priority for one in wishes.sayings)
    waiting = (*wishes.sayings[:place], say, *wishes.sayings[place:])
    change.wish(sayings=waiting[:MOST_SAYINGS])
    for one in waiting[MOST_SAYINGS:]:
        change.tell_saying(one, "dropped")
    if say.policy == "now" and not wishes.held:
        change.drop_draft()
        change.stop(1.0, tell=False)


def _clear(change: RowChange) -> None:
    """The person's words since the last turn were never said; a turn that was ended stays, and so
    does the answer that was asked for to it."""
    mind = change.mind
    heard, wishes = mind.hearing, mind.wishes
    if heard.number == wishes.committing:
        return  # Nothing was said since, and what was committed may not be read yet.
    # Nothing but what was committed is carried, or an answer to all of it was asked for.
    whole = heard.number - (heard.segment is not None) == wishes.committing
    asked = wishes.answer or (mind.unanswered and not wishes.held)
    kept = mind.carried if whole or asked else wishes.committed
    if heard.segment is not None:
        _unsay(change)
        if not kept and mind.utterance is None:
            change.wish(answer=False, tool_choice="")
    change.mind = replace(change.mind, carried=kept, unanswered=mind.unanswered and bool(kept))
    change.wish(committing=heard.number, kept=0)


def _unsay(change: RowChange) -> None:
    """The segment under way never was, and no answer to it is in the making."""
    heard = change.mind.hearing
    change.drop_draft()
    if heard.told:
        change.events.append(PersonWords(heard.number, (), final=True))
    change.cancel("ears")
    change.mind = replace(change.mind, hearing=hearing.closed(heard))
    change.forget()


def _change_settings(change: RowChange, order: ChangeSettings) -> None:
    before, after = change.mind.settings, order.settings
    if after.instructions != before.instructions:
        language = change.parts.memories[change.mind.row].language
        try:
            language.chat_prefix(after.instructions)
        except ValueError as refusal:
            change.events.append(Refused(order.order, str(refusal)))
            return
        change.remember(Prefix(after.instructions))
    change.mind = replace(change.mind, settings=after)
    if after.manual_turns and not before.manual_turns:
        change.drop_draft()


def _tool_answered(change: RowChange, answer: ToolAnswer) -> None:
    wishes = change.mind.wishes
    called = next((one for one in wishes.called if one.call == answer.call), None)
    if called is None:
        return
    outcome = Outcome(called, answer.text, answer.failed)
    change.wish(called=tuple(one for one in wishes.called if one is not called))
    if called.quiet:
        change.remember(outcome)
    else:
        change.wish(outcomes=(*wishes.outcomes, outcome))
