"""The loss counts what it says. Expected numbers are worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from model.interaction import streams
from model.nn.core_inputs import CoreOutputs
from model.training.core_loss import CoreLabels, CoreLosses, LossWeights, OverUs, core_loss, waiting

TAKE, YIELD = streams.FLOORS.index("take"), streams.FLOORS.index("yield")


def labels(steps: int, **columns: object) -> CoreLabels:
    """Labels of one live conversation of which only `columns` are known."""
    arrays = streams.nothing(streams.LABELS, steps)
    arrays["live"][:], arrays["floor_weight"][:] = True, 1.0
    for name, values in columns.items():
        arrays[name] = np.asarray(values, arrays[name].dtype)
    streams.check(arrays, streams.LABELS)
    return CoreLabels(**{name: torch.from_numpy(array)[None] for name, array in arrays.items()})


def acting(action: int, chances: list[float]) -> CoreOutputs:
    """Outputs that act with these probabilities and else listen."""
    chance = torch.tensor(chances)
    floor = torch.full((1, len(chances), 5), -40.0)
    floor[0, :, 0] = (1 - chance).log()
    floor[0, :, action] = chance.log()
    return CoreOutputs(floor, torch.zeros(1, len(chances), 6), torch.zeros(1, len(chances), 2, 4))


def losses(outputs: CoreOutputs, given: CoreLabels, **weights: Any) -> CoreLosses:
    return core_loss(outputs, given, LossWeights(**weights))


def test_waiting_starts_anew_with_every_event() -> None:
    chance = torch.tensor([[0.5, 0.5, 0.5, 0.25, 0.5]])
    inside = torch.tensor([[True, True, False, True, True]])
    found = waiting(chance, inside, torch.tensor([[0, 1, 0, 0, 1]])).exp()
    assert found[inside].tolist() == pytest.approx([0.5, 0.25, 0.75, 0.375])


def test_an_event_that_began_earlier_counts_from_the_start() -> None:
    found = waiting(torch.full((1, 2), 0.5), torch.ones(1, 2).bool(), torch.tensor([[7, 8]]))
    assert found.exp()[0].tolist() == pytest.approx([0.5, 0.25])


def test_a_place_in_which_one_of_ours_sounds_is_not_missed() -> None:
    """Three places of two micro-turns: in the second we are heard, the third goes by in half."""
    backchannel = streams.FLOORS.index("backchannel")
    place = [streams.BACKCHANNEL_PLACE] * 6
    floor = [backchannel, backchannel, streams.FLOORS.index("hold"), 0, backchannel, backchannel]
    given = labels(6, event=place, event_age=[0, 1] * 3, floor=floor)
    found = losses(acting(backchannel, [0.5, 0.5, 1e-6, 1e-6, 0.5, 1e-6]), given)
    assert float(found.missed) == pytest.approx((0.25 + 0.5) / 2, rel=1e-3)


def test_lateness_is_the_expected_delay() -> None:
    """Waiting 1/2, then 1/4 + …; the second event is answered at once."""
    given = labels(6, event=[1, 1, 0, 0, 1, 1], event_age=[0, 1, 0, 0, 0, 1])
    found = losses(acting(TAKE, [0.5, 0.5, 0.9, 0.9, 1 - 1e-6, 0.5]), given)
    assert float(found.lateness) == pytest.approx(0.1 * (0.5 + 0.25) / 2, rel=1e-3)
    assert float(found.wrong) == 0


def test_who_has_not_acted_when_we_answered_is_taken_to_wait_on() -> None:
    """A quarter waits behind two micro-turns: half a second more each, or up to the latest."""
    given = labels(3, event=[1, 1, 0], event_age=[0, 1, 0])
    outputs = acting(TAKE, [0.5, 0.5, 0.1])
    for beyond, more in ((0.5, 0.5), (9.0, 1.8)):
        found = losses(outputs, given, beyond=beyond).lateness
        assert float(found) == pytest.approx(0.1 * (0.5 + 0.25) + 0.25 * more, rel=1e-3)


def test_an_answer_to_what_could_be_all_is_not_quite_as_wrong() -> None:
    given = labels(2, event=[2, 2], event_age=[0, 1], floor_weight=[0.4, 0.4])
    found = losses(acting(TAKE, [0.5, 0.5]), given)
    assert float(found.wrong) == pytest.approx(0.4 * 0.75, rel=1e-3)


def test_the_same_action_later_costs_more() -> None:
    given = labels(4, event=[1] * 4, event_age=range(4))
    early, late = ([0.9, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.9])
    costs = [float(losses(acting(TAKE, chances), given).lateness) for chances in (early, late)]
    assert costs[1] > 3 * costs[0]


def test_wrong_actions_count_once_an_event() -> None:
    """A pause (1 - 1/4) and television (1/2) are wrong takes, our overlap a wrong yield."""
    given = labels(5, event=[2, 2, 6, 4, 4], event_age=[0, 1, 0, 0, 1])
    found = losses(acting(TAKE, [0.5, 0.5, 0.5, 0.5, 0.5]), given)
    assert float(found.wrong) == pytest.approx(((0.75 + 0.5) / 2 + 0) / 2, abs=1e-3)
    found = losses(acting(YIELD, [0.5, 0.5, 0.5, 0.5, 0.5]), given)
    assert float(found.wrong) == pytest.approx(0.75 / 2, abs=1e-3)


def test_what_acts_at_a_threshold_is_judged_by_it() -> None:
    """At .6 throughout nobody answers who acts at .85; at .3 nobody takes a pause."""
    given = labels(6, event=[1, 1, 1, 0, 2, 2], event_age=[0, 1, 2, 0, 0, 1])
    outputs = acting(TAKE, [0.6, 0.6, 0.6, 0.1, 0.3, 0.3])
    plain, there = (losses(outputs, given, **how) for how in ({}, {"acts": 0.85, "sharpness": 2}))
    assert float(plain.lateness) < 0.07 and float(plain.wrong) > 0.5
    assert float(there.lateness) > 0.25 and float(there.wrong) < 0.02
    # Of other actions it says nothing.
    over = labels(1, event=[4], event_age=[0])
    assert float(losses(acting(YIELD, [0.5]), over, acts=0.85).wrong) == pytest.approx(
        0.5, abs=1e-3
    )
    with pytest.raises(ValueError, match="acts"):
        LossWeights(acts=1.0)


def test_an_aside_is_yielded_to_once_and_not_a_little_in_each_tenth_of_a_second() -> None:
    """Thirty times .1 is nothing at a threshold of .3, and .6 for once is all."""
    given = labels(30, event=[4] * 30, event_age=range(30))
    how = {"over_us": OverUs(haste=0.0, falsely=0.5, acts=0.3)}
    quiet, once = [0.1] * 30, [0.1] * 29 + [0.9]
    found = [float(losses(acting(YIELD, chances), given, **how).wrong) for chances in (quiet, once)]
    # .1 against .3: odds of .26, to the third .017 in each tenth.
    assert found == pytest.approx([0.5 * (1 - (1 / 1.0173) ** 30), 0.5], abs=0.01)
    assert float(losses(acting(YIELD, once), given, over_us=OverUs(haste=0.0)).wrong) == 0.0


def test_a_sign_of_listening_that_nobody_asked_for_is_wrong_beside_the_others() -> None:
    """At an end (1/2) and in a pause (1/4), where takes are right and wrong (1/2)."""
    backchannel = streams.FLOORS.index("backchannel")
    given = labels(3, event=[1, 0, 2], event_age=[0, 0, 0])
    outputs = acting(backchannel, [0.5, 0.9, 0.25])
    assert float(losses(outputs, given).wrong) == pytest.approx(0.0, abs=1e-3)
    found = losses(outputs, given, acknowledging=0.4)
    assert float(found.wrong) == pytest.approx(0.4 * 0.375, abs=1e-3)


def test_a_take_between_two_sentences_of_a_story_is_wrong_beside_the_others() -> None:
    """One of two such silences is taken, a pause is not."""
    given = labels(6, event=[5, 5, 0, 5, 5, 2], event_age=[0, 1, 0, 0, 1, 0])
    outputs = acting(TAKE, [0.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    assert float(losses(outputs, given).wrong) == pytest.approx(0.0, abs=1e-3)
    assert float(losses(outputs, given, told=0.6).wrong) == pytest.approx(0.3, abs=1e-3)


def test_an_aside_is_worth_one_pause_however_few_there_are() -> None:
    """Nine pauses that are waited through and an aside that is answered: one wrong of ten."""
    given = labels(10, event=[2] * 9 + [6], event_age=[0] * 10)
    found = losses(acting(TAKE, [1e-6] * 9 + [1 - 1e-6]), given)
    assert float(found.wrong) == pytest.approx(0.1, abs=1e-3)


def test_what_is_done_over_our_voice_can_be_left_to_cross_entropy() -> None:
    """An interruption missed for .1 s beside a turn's end missed as long; an overlap yielded to.
    What is left to cross entropy is no kind of event: the mean is of the others."""
    given = labels(4, event=[3, 0, 4, 1], event_age=[0, 0, 0, 0])
    outputs = acting(YIELD, [0.0, 0.0, 1.0, 0.0])
    whole, half, none = (
        losses(outputs, given, over_us=OverUs(haste=share)) for share in (1.0, 0.5, 0.0)
    )
    assert [float(found.lateness) for found in (whole, half, none)] == pytest.approx(
        [0.1, 0.075, 0.1], abs=1e-4
    )
    assert [float(found.wrong) for found in (whole, half, none)] == pytest.approx(
        [1.0, 0.5, 0.0], abs=1e-4
    )


def test_the_beginning_of_an_interruption_may_be_taught_as_doubt() -> None:
    """Whoever yields at once is right by the labels, and wrong for so long as is in doubt."""
    given = labels(3, event=[3, 3, 3], event_age=[0, 1, 2], floor=[YIELD] * 3,
                   floor_weight=[1, 1, 1])  # fmt: skip
    sure = 1 - 1e-4
    at_once, later = acting(YIELD, [sure, sure, sure]), acting(YIELD, [1e-4, 1e-4, sure])
    later.floor[0, :2, streams.FLOORS.index("hold")] = 30.0
    assert losses(at_once, given).floor < 0.001 < 1.0 < losses(later, given).floor
    doubt = OverUs(doubt=2)
    assert losses(later, given, over_us=doubt).floor < 0.001
    assert losses(at_once, given, over_us=doubt).floor > 1.0


def test_what_begins_over_our_voice_counts_more() -> None:
    """Of two micro-turns one is wrong, in the second of an overlap; stressed 3 to 1 and 1 to 1."""
    given = labels(2, event=[0, 4], event_age=[0, 11], floor=[0, 0], floor_weight=[1, 1],
                   person=[0, 0], person_weight=[1, 1])  # fmt: skip
    outputs = acting(YIELD, [1e-6, 0.5])
    wrong = math.log(2)
    plain, stressed = (losses(outputs, given, over_us=OverUs(onset=x)) for x in (1.0, 3.0))
    assert [plain.floor.item(), stressed.floor.item()] == pytest.approx(
        [wrong / 2, wrong * 3 / 4], rel=1e-4
    )
    late = given._replace(event_age=given.event_age + 1)
    assert losses(outputs, late, over_us=OverUs(onset=3.0)).floor.item() == pytest.approx(
        wrong / 2, rel=1e-4
    )


def test_sharpness_makes_the_likely_likelier() -> None:
    given = labels(1, event=[2])
    found = losses(acting(TAKE, [0.2]), given, sharpness=3.0)
    odds = (0.2 / 0.8) ** 3
    assert float(found.wrong) == pytest.approx(odds / (1 + odds), rel=1e-3)


def test_classes_count_by_weight_and_unknown_ones_not_at_all() -> None:
    given = labels(
        4, floor=[0, 1, -1, 1], floor_weight=[3, 1, 5, 0], person=[0] * 4, person_weight=[1] * 4
    )
    found = losses(acting(TAKE, [0.5, 0.25, 0.9, 0.9]), given)
    assert float(found.floor) == pytest.approx((3 * math.log(2) + math.log(4)) / 4, rel=1e-3)
    assert float(found.person) == pytest.approx(math.log(6), rel=1e-3)


def test_an_answer_that_is_a_second_overdue_counts_more() -> None:
    """One of three micro-turns weighs four: an event of a pause as old does not."""
    given = labels(
        3, event=[1, 1, 2], event_age=[9, 10, 10], floor=[TAKE] * 3, floor_weight=[1] * 3
    )
    found = losses(acting(TAKE, [0.5, 0.25, 0.5]), given, overdue=4.0)
    assert float(found.floor) == pytest.approx((2 + 4 * 2) * math.log(2) / 6, rel=1e-3)
    plain = losses(acting(TAKE, [0.5, 0.25, 0.5]), given)
    assert float(plain.floor) == pytest.approx((2 + 2) * math.log(2) / 3, rel=1e-3)


def test_only_known_windows_and_opinions_count() -> None:
    ahead = np.full((2, 2, 4), -1.0)
    ahead[0, 0, 0] = 1.0
    given = labels(2, projection=ahead, projection_weight=[1, 1], teacher_end=[-1, 0.25])
    found = losses(acting(TAKE, [0.5, 0.5]), given)
    assert float(found.projection) == pytest.approx(math.log(2), rel=1e-3)
    assert float(found.teacher) == pytest.approx(math.log(2), rel=1e-3)


def random_outputs(steps: int) -> CoreOutputs:
    generator = torch.Generator().manual_seed(3)

    def made(*shape: int) -> Tensor:
        return torch.randn(1, steps, *shape, generator=generator).requires_grad_()

    return CoreOutputs(made(5), made(6), made(2, 4))


def test_padding_counts_nowhere_and_gradients_are_finite() -> None:
    columns = {
        "floor": [1] * 6,
        "floor_weight": [1] * 6,
        "person": [2] * 6,
        "person_weight": [1] * 6,
        "projection": np.ones((6, 2, 4)),
        "projection_weight": [1] * 6,
        "event": [1, 1, 1, 2, 2, 2],
        "event_age": [0, 1, 2, 0, 1, 2],
        "teacher_end": [1] * 6,
    }
    outputs = random_outputs(6)
    short = CoreOutputs(*(part[:, :5] for part in outputs))
    padded = labels(6, **columns, live=[1, 1, 1, 1, 1, 0])
    cut = CoreLabels(*(column[:, :5] for column in padded))
    found, wanted = (core_loss(*pair, LossWeights()) for pair in ((outputs, padded), (short, cut)))
    torch.testing.assert_close(torch.stack(found), torch.stack(wanted))
    found.total.backward()  # type: ignore[no-untyped-call]
    for part in outputs:
        assert part.grad is not None
        assert part.grad.isfinite().all()
        assert not part.grad[:, 5].any()


def test_a_conversation_without_labels_costs_nothing() -> None:
    found = losses(random_outputs(3), labels(3))
    assert float(found.total.detach()) == 0
