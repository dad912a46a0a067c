"""What Core's training minimises.

Cross entropy teaches what is right in a micro-turn. The bench counts something else: how late an
action comes within an event, and whether a wrong one comes at all. Both follow from the
probabilities of acting in the micro-turns of the event, each read as the chance to act now if it
did not happen before: the expected delay is the sum of the chances of still waiting, the chance of
ever acting is what the last of them leaves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as fn

from model.interaction import streams
from model.nn.core_inputs import CoreOutputs
from model.timebase import MICRO_TURN_SECONDS

__all__ = ["CoreLabels", "CoreLosses", "LossWeights", "OverUs", "core_loss", "waiting"]

TAKE: Final = streams.FLOORS.index("take")
YIELD: Final = streams.FLOORS.index("yield")
HOLD: Final = streams.FLOORS.index("hold")
BACKCHANNEL: Final = streams.FLOORS.index("backchannel")
PAUSING: Final = streams.PERSON_STATES.index("pausing")
FINISHED: Final = streams.PERSON_STATES.index("finished")

OVERDUE: Final = 10
"""Micro-turns behind a turn's end from which on it is not to be taken for a pause any more."""

ONSET: Final = 12
"""Micro-turns from the first of an interruption or overlap on: by then words tell which it is."""

LATEST: Final = 20
"""Micro-turns of waiting after which being later costs no more."""

DUE: Final = ((streams.TURN_END, TAKE), (streams.INTERRUPTION, YIELD))
WRONG: Final = (
    ((streams.PAUSE, streams.OTHER_SOUND), TAKE),
    ((streams.OVERLAP,), YIELD),
)
"""Events in which an action is wrong. Pauses and sounds that are no turn count together: by a mean
of each, ten asides would weigh as much as a hundred pauses, and a short question that might be an
aside would not be answered."""

STOPPING: Final = 3.0
"""How sharply whoever is not to be stopped for is taken to be."""

UNINVITED: Final = (streams.TURN_END, streams.PAUSE)
"""Events in which no backchannel is asked for."""


class CoreLabels(NamedTuple):
    """The columns of `streams.LABELS` as tensors `[batch, T, …]`."""

    floor: Tensor
    floor_weight: Tensor
    person: Tensor
    person_weight: Tensor
    projection: Tensor
    projection_weight: Tensor
    event: Tensor
    event_age: Tensor
    teacher_end: Tensor
    live: Tensor


@dataclass(frozen=True, slots=True)
class OverUs:
    """What is different while our voice sounds.

    Attributes:
        haste: what lateness and wrong are multiplied by. At 1 the network is .98 sure of an
            interruption within the first tenth of a second of any voice, when nobody can know; at 0
            cross entropy alone teaches it, and the threshold does the rest.
        doubt: micro-turns from the beginning of an interruption on in which to go on is taught,
            with half the weight: in the first tenth of a second only loudness tells one from
            "okay", and whoever acts on it is wrong as often as right.
        falsely: the chance that what asks for nothing is yielded to, beside the other wrong
            actions: cross entropy asks about each tenth of a second by itself, and an aside of
            three seconds is yielded to as soon as one of thirty passes the threshold.
        acts: the probability of a yield that counts half as one there, at a sharpness of 3: by the
            probabilities themselves .1 in each of thirty is .96.
        onset: what the cross entropy of floor and person is multiplied by in the first
            `ONSET` micro-turns of whatever the person does over our voice. They are one
            micro-turn in a hundred, and what is told apart in them is what stopping and going on
            are judged by.
    """

    haste: float = 1.0
    doubt: float = 0.0
    onset: float = 1.0
    falsely: float = 0.0
    acts: float = 0.3


@dataclass(frozen=True, slots=True)
class LossWeights:
    """What the parts of the loss weigh.

    Attributes:
        floor: cross entropy of the floor's classes, in nats.
        person: cross entropy of the person's state.
        projection: binary cross entropy of voice activity ahead; 0 leaves projection out.
        teacher: binary cross entropy of finished against pausing, towards the teacher's opinion.
        lateness: expected delay of an action that is due, a second.
        beyond: seconds that whoever has not acted when an event ends is taken to go on waiting: in
            the script we answer after .65 s in two of three, and what would still have been waited
            then was free, so that waiting for an end to be certain paid.
        wrong: chance of a wrong action in an event, the mean over events of each action.
        acknowledging: the same of a backchannel where a turn is over or only pauses, beside the
            others; behind one at an end the answer waits.
        told: the same of a take between two sentences of a story, where a listener says "mhm": by
            cross entropy alone (weight .4 there) each end of a sentence was taken at once, before
            its words were read.
        missed: chance that a place for a backchannel goes by.
        overdue: what the floor's cross entropy is multiplied by where an answer is due for a second
            and more. Such silences are as frequent behind what was said to somebody else, so that
            a voice never heard before, of which that is not sure, was never answered.
        over_us: what is different where our voice sounds.
        ears: what foretelling Ears' encoder weighs, see `ears_ahead`; 0 leaves it out.
        sharpness: how much more decided than its probabilities the model is taken to act, since
            it acts on a threshold, not by chance; 1 takes them as they are.
        acts: the probability of a take at which it is taken to act as often as not. At .5 an end at
            .6 throughout counts as answered after .06 s, which live, at a threshold of .9, waits to
            be overdue, and a pause at .3 as taken, which live never is.
    """

    floor: float = 1.0
    person: float = 0.5
    projection: float = 0.5
    teacher: float = 0.2
    lateness: float = 0.5
    beyond: float = 0.0
    wrong: float = 1.0
    acknowledging: float = 0.0
    told: float = 0.0
    missed: float = 0.1
    overdue: float = 1.0
    over_us: OverUs = OverUs()
    ears: float = 0.0
    sharpness: float = 1.0
    acts: float = 0.5

    def __post_init__(self) -> None:
        """Raise ValueError for what nobody acts at."""
        if not (0.0 < self.acts < 1.0 and 0.0 < self.over_us.acts < 1.0):
            raise ValueError("acts must be a probability between 0 and 1")


class CoreLosses(NamedTuple):
    """The whole and its parts before weighing, each a scalar; a part without labels is 0."""

    total: Tensor
    floor: Tensor
    person: Tensor
    projection: Tensor
    teacher: Tensor
    lateness: Tensor
    wrong: Tensor
    missed: Tensor
    ears: Tensor


def core_loss(outputs: CoreOutputs, labels: CoreLabels, weights: LossWeights) -> CoreLosses:
    """The loss of sequences `[batch, T, …]`, without what `ears_ahead` adds to it.

    Events may be cut by either end of a sequence: one that began before it counts from its start.
    """
    live = labels.live.float()
    late = (labels.event == streams.TURN_END) & (labels.event_age >= OVERDUE)
    heavier = 1.0 + (weights.overdue - 1.0) * late.float()
    floor, person = _floor_and_person(outputs, labels, live * heavier, weights.over_us)
    known = (labels.projection >= 0).float() * (labels.projection_weight * live)[..., None, None]
    projection = fn.binary_cross_entropy_with_logits(
        outputs.projection, labels.projection.float().clamp(0, 1), reduction="none"
    )
    teacher_logit = outputs.person[..., FINISHED] - outputs.person[..., PAUSING]
    teacher = fn.binary_cross_entropy_with_logits(
        teacher_logit, labels.teacher_end.float().clamp(0, 1), reduction="none"
    )
    taught = (labels.teacher_end >= 0).float() * live
    lateness, wrong, missed = _events(outputs.floor, labels, weights)
    ears = floor.new_zeros(())
    parts = torch.stack(
        [floor, person, _mean(projection, known), _mean(teacher, taught), lateness, wrong, missed,
         ears]
    )  # fmt: skip
    each = parts.new_tensor(
        [
            weights.floor,
            weights.person,
            weights.projection,
            weights.teacher,
            weights.lateness,
            weights.wrong,
            weights.missed,
            weights.ears,
        ]
    )
    return CoreLosses((parts * each).sum(), *parts.unbind())


def _floor_and_person(
    outputs: CoreOutputs, labels: CoreLabels, weight: Tensor, over_us: OverUs
) -> tuple[Tensor, Tensor]:
    """Cross entropies; where there is doubt whether to yield, to go on is wanted."""
    event, age = labels.event, labels.event_age
    doubted = (event == streams.INTERRUPTION) & (age < over_us.doubt) & (labels.floor == YIELD)
    wanted = torch.where(doubted, HOLD, labels.floor)
    sure = torch.where(doubted, 0.5, labels.floor_weight.float())
    begins = ((event == streams.INTERRUPTION) | (event == streams.OVERLAP)) & (age < ONSET)
    stress = 1.0 + (over_us.onset - 1.0) * begins.float()
    floor = _classes(outputs.floor, wanted, sure * weight * stress)
    person = _classes(
        outputs.person, labels.person, labels.person_weight * labels.live.float() * stress
    )
    return floor, person


def waiting(probability: Tensor, inside: Tensor, age: Tensor) -> Tensor:
    """Log of the chance that nothing was done from an event's first micro-turn to this one's end.

    Args:
        probability: of acting now, in [0, 1], `[batch, T]`.
        inside: micro-turns of the events, bool `[batch, T]`.
        age: micro-turns since the event began `[batch, T]`.

    Returns:
        `[batch, T]`, meaningless outside of events.
    """
    still = torch.log1p(-probability.clamp(max=1 - 1e-6))
    return _so_far(torch.where(inside, still, 0.0), age)


def _so_far(values: Tensor, age: Tensor) -> Tensor:
    """The sum of values from an event's first micro-turn to this one `[batch, T]`."""
    sums = fn.pad(values.cumsum(1), (1, 0))
    begun = (torch.arange(age.shape[1], device=age.device) - age.long()).clamp(min=0)
    return sums[:, 1:] - sums.gather(1, begun)


def _events(
    logits: Tensor, labels: CoreLabels, weights: LossWeights
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean expected delay in seconds, mean chance of a wrong action, mean chance of a miss."""
    age = labels.event_age
    share = {TAKE: 1.0, YIELD: weights.over_us.haste}
    lateness, wrong = [], []
    for event, action in DUE:
        inside = (labels.event == event) & labels.live
        waits = waiting(_acting(logits, action, *_acts(action, weights)), inside, age).exp()
        counted, ends = (inside & (age < LATEST)).float(), (inside & _last(labels)).float()
        left = (LATEST - 1 - age.float()).clamp(min=0) * MICRO_TURN_SECONDS
        after = (waits * ends * left.clamp(max=weights.beyond)).sum()
        delay = (waits * counted).sum() * MICRO_TURN_SECONDS + after
        # What does not count is no kind of event: the others' mean is not to be less for it.
        lateness.append((delay * share[action], ends.sum() * (share[action] > 0)))
    for events, action in WRONG:
        acted, count = _acted(logits, action, events, labels, *_acts(action, weights))
        wrong.append((acted * share[action], count * (share[action] > 0)))
    mistakes = _shares(wrong)
    for weight, action, events, acts in (
        (weights.acknowledging, BACKCHANNEL, UNINVITED, _acts(BACKCHANNEL, weights)),
        (weights.told, TAKE, (streams.BACKCHANNEL_PLACE,), _acts(TAKE, weights)),
        (weights.over_us.falsely, YIELD, (streams.OVERLAP,), (STOPPING, weights.over_us.acts)),
    ):
        if weight:
            acted, count = _acted(logits, action, events, labels, *acts)
            mistakes = mistakes + weight * acted / count.clamp(min=1)
    inside = (labels.event == streams.BACKCHANNEL_PLACE) & labels.live
    waits = waiting(_acting(logits, BACKCHANNEL, *_acts(BACKCHANNEL, weights)), inside, age)
    # Where one of ours sounds already a second one is not wanted: it is to be held.
    free = _so_far((inside & (labels.floor == HOLD)).float(), age) == 0
    missed = _mean(waits.exp(), (inside & free & _last(labels)).float())
    return _shares(lateness), mistakes, missed


def _acted(
    logits: Tensor,
    action: int,
    events: Sequence[int],
    labels: CoreLabels,
    sharpness: float,
    at: float,
) -> tuple[Tensor, Tensor]:
    """Sum of the chances that events see an action, and how many of them there are."""
    inside = torch.stack([labels.event == event for event in events]).any(0) & labels.live
    waits = waiting(_acting(logits, action, sharpness, at), inside, labels.event_age)
    # Where the words so far could be all, an answer is not quite as wrong.
    ends = (inside & _last(labels)).float() * labels.floor_weight.float()
    return ((1 - waits.exp()) * ends).sum(), ends.sum()


def _acts(action: int, weights: LossWeights) -> tuple[float, float]:
    """How sharply, and at what probability, an action is taken."""
    return weights.sharpness, weights.acts if action == TAKE else 0.5


def _acting(logits: Tensor, action: int, sharpness: float, at: float) -> Tensor:
    """The chance that the action is taken, by its probability against all others."""
    chances = logits.log_softmax(-1)
    others = torch.cat([chances[..., :action], chances[..., action + 1 :]], -1).logsumexp(-1)
    return torch.sigmoid(sharpness * (chances[..., action] - others - math.log(at / (1 - at))))


def _last(labels: CoreLabels) -> Tensor:
    """Whether a micro-turn is the last of its event, or of the sequence."""
    event, age = labels.event, labels.event_age
    goes_on = (event[:, 1:] == event[:, :-1]) & (age[:, 1:] == age[:, :-1] + 1)
    return ~fn.pad(goes_on & labels.live[:, 1:], (0, 1))


def _classes(logits: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    known = wanted.long().clamp(min=0)
    loss = fn.cross_entropy(logits.flatten(0, 1), known.flatten(), reduction="none")
    return _mean(loss, (weight * (wanted >= 0)).float().flatten())


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp(min=1e-6)


def _shares(sums: list[tuple[Tensor, Tensor]]) -> Tensor:
    """The mean over the kinds of event, so that frequent kinds do not outweigh rare ones."""
    found = torch.stack([part / count.clamp(min=1) for part, count in sums])
    kinds = torch.stack([(count > 0).float() for _, count in sums])
    return found.sum() / kinds.sum().clamp(min=1)
