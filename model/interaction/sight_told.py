"""What is seen, in the few words that Language reads beside a question about it.

They are what we would say ourselves: a small Language says much of them again. Told in the second
person and before the question it said that there was a dog whenever it was asked for one.
"""

from __future__ import annotations

from math import inf
from typing import Final

from model.interaction import watching
from model.interaction.looking import Looking
from model.interaction.scene import Change, Scene, Sighting
from model.interaction.stillness import changed
from model.timebase import HEARING_RATE, seconds

__all__ = ["line", "waiting"]

MOST_TOLD: Final = 8
LATELY_SECONDS: Final = 60.0
MOST_CHANGES: Final = 3
MOST_TEXT: Final = 240


def line(looking: Looking, now: float) -> str:
    """What is seen and what changed lately, with how long ago; empty when nothing is shown."""
    told = [_scene(scene, now, _unchanged(looking, scene)) for scene in looking.scenes]
    if looking.picture("camera") is not None and not any(
        scene.source == "camera" and scene.looked for scene in looking.scenes
    ):
        told.append("The camera is on; I recognise nothing yet.")
    if looking.picture("screen") is not None:
        told.append("The person shares their screen with me.")
    return " ".join(part for part in (*told, waiting(looking)) if part)


def waiting(looking: Looking) -> str:
    """What was asked to be watched, with how far it is counted."""
    if not looking.watches:
        return ""
    counters = dict(looking.counters)
    parts = []
    for watch in looking.watches:
        words = watching.wording(watch.way, watch.key)
        if watch.way == "counts":
            words += f" ({counters[watch.number].count} so far)"
        else:
            words = f"say when {words}"
        parts.append(words)
    return f"I was asked to: {'; '.join(parts)}."


def _unchanged(looking: Looking, scene: Scene) -> float:
    """When the newest picture was taken that looks as one did when it was looked at, in seconds of
    the stream; minus infinity where none does. Nobody looks where nothing changes."""
    shown = looking.picture(scene.source)
    if shown is None or looking.busy:
        return -inf  # What the look under way finds may be something else.
    same = any(not changed(before, shown.thumbnail) for _, before in shown.seen)
    return seconds(shown.picture.at_samples, HEARING_RATE) if same else -inf


def _scene(scene: Scene, now: float, unchanged: float) -> str:
    if scene.source == "screen" or not scene.looked:
        return _text(scene, now)
    there = [one for one in scene.sightings if one.there]
    people = scene.there(("person", ""))
    parts = [_person(scene, people)] if people else ["nobody"]
    things = [one for one in there if one.key[0] == "object"][:MOST_TOLD]
    things.sort(key=lambda one: one.since)  # In an order that stays, so that it is read once.
    parts += [_many(one) for one in things]
    latest = max(unchanged, *(at for _, at in scene.looked))
    if people is None and not things:
        # A small Language fills a gap with whatever it is asked about; it needs to be told.
        parts = ["nobody and nothing"]
    ago = _ago(now - latest)
    told = f"I see {', '.join(parts)}." if ago == "now" else f"I saw {', '.join(parts)} {ago}."
    lately = [one for one in scene.changes if now - one.at <= LATELY_SECONDS and _worth(one)]
    if lately:
        changed = "; ".join(_change(one, now) for one in lately[-MOST_CHANGES:])
        told += f" {changed[0].upper()}{changed[1:]}."
    return " ".join(part for part in (told, _text(scene, now)) if part)


def _person(scene: Scene, people: Sighting) -> str:
    if people.many > 1:
        words = f"{people.many} people"
    else:
        words = "one person"
    if scene.there(("face", "facing")):
        words += " looking at me"
    elif scene.there(("face", "turned away")):
        words += " looking away"
    hands = [one.key[1] for one in scene.sightings if one.there and one.key[0] == "hand"]
    if len(hands) == 2:
        words += " with both hands raised"
    elif hands:
        words += f" with the {hands[0]} hand raised"
    signs = [one.key[1] for one in scene.sightings if one.there and one.key[0] == "gesture"]
    return words + (f" showing {signs[0].split(',')[0]}" if signs else "")


def _many(one: Sighting) -> str:
    if one.many > 1:
        return f"{one.many} {one.key[1]}s"
    return f"{'an' if one.key[1][0] in 'aeiou' else 'a'} {one.key[1]}"


def _worth(change: Change) -> bool:
    return change.key[0] in ("object", "person", "hand")


def _change(change: Change, now: float) -> str:
    kind, which = change.key
    what = {"person": "somebody", "hand": f"the {which} hand"}.get(kind, f"the {which}")
    verb = ("was raised" if change.came else "was lowered") if kind == "hand" else (
        "came" if change.came else "went away"
    )  # fmt: skip
    return f"{what} {verb} {_ago(now - change.at)}"


def _text(scene: Scene, now: float) -> str:
    if scene.text is None:
        return ""
    text, at = scene.text
    return f'On the {scene.source} I read {_ago(now - at)}: "{text[:MOST_TEXT]}".'


def _ago(seconds: float) -> str:
    if seconds < 3:
        return "now"
    if seconds < 90:
        return f"{round(seconds)} seconds ago"
    return f"{round(seconds / 60)} minutes ago"
