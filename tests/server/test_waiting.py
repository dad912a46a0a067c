"""Who waits is told where they stand, is let in in turn, and is forgotten when they go away."""

from __future__ import annotations

import pytest

from server.admission import Admission
from server.errors import Busy
from server.waiting import MAX_WAITING, TICKET_SECONDS, Standing


def refused(
    admission: Admission, now: float, ticket: str | None, address: str = "w"
) -> Standing | None:
    with pytest.raises(Busy) as refusal:
        admission.enter(address, now, ticket)
    return refusal.value.standing


def standing(admission: Admission, now: float, ticket: str | None, address: str = "w") -> Standing:
    found = refused(admission, now, ticket, address)
    assert found is not None
    return found


def test_who_came_first_is_let_in_first() -> None:
    admission = Admission(1, 4)
    place = admission.enter("a", 0.0)
    first, second = (standing(admission, 1.0, "") for _ in range(2))
    assert (first.place, second.place) == (1, 2)
    assert first.wait_seconds is None
    admission.leave(place, 5.0)
    assert standing(admission, 5.0, second.ticket).place == 2
    assert refused(admission, 5.0, None, "passer-by") is None, "nobody passes the line"
    admission.enter("w", 5.0, first.ticket)
    assert standing(admission, 6.0, second.ticket).place == 1


def test_the_estimate_is_from_how_long_sessions_lasted() -> None:
    admission = Admission(2, 4)
    for length in (50.0, 70.0):
        admission.leave(admission.enter("a", 0.0), length)
    admission.enter("a", 0.0)
    admission.enter("b", 0.0)
    waits = [standing(admission, 0.0, "").wait_seconds for _ in range(3)]
    assert waits == [30.0, 60.0, 90.0]


def test_an_offer_that_is_refused_is_no_stay() -> None:
    admission = Admission(1, 4)
    admission.leave(admission.enter("a", 0.0), 60.0)
    for _ in range(40):
        admission.leave(admission.enter("b", 0.0), 0.1)
    admission.enter("a", 0.0)
    assert standing(admission, 0.0, "").wait_seconds == 60.0


def test_a_ticket_that_is_shown_while_nobody_can_be_let_in_stays() -> None:
    admission = Admission(1, 4)
    place = admission.enter("a", 0.0)
    first, second = (standing(admission, 1.0, "") for _ in range(2))
    for now in range(2, 60, 5):  # The engine starts again.
        admission.waiting.show(first.ticket, float(now))
        admission.waiting.show(None, float(now))
    admission.leave(place, 58.0)
    assert standing(admission, 59.0, second.ticket).place == 2, "it has expired and asks anew"
    admission.enter("w", 59.0, first.ticket)


def test_a_ticket_that_is_not_shown_any_more_is_thrown_away() -> None:
    admission = Admission(1, 4)
    place = admission.enter("a", 0.0)
    gone, here = (standing(admission, 0.0, "") for _ in range(2))
    standing(admission, 8.0, here.ticket)
    later = TICKET_SECONDS + 1.0
    assert standing(admission, later, here.ticket).place == 1
    admission.leave(place, later)
    with pytest.raises(Busy):
        admission.enter("b", later, gone.ticket)  # counts as a new one, behind
    admission.enter("w", later, here.ticket)


def test_the_line_is_bounded_in_all_and_by_address() -> None:
    admission = Admission(1, 4)
    admission.enter("a", 0.0)
    tickets = [standing(admission, 0.0, "", f"w{n // 4}").ticket for n in range(MAX_WAITING)]
    assert len(set(tickets)) == MAX_WAITING
    assert refused(admission, 0.0, "", "another") is None
    assert standing(admission, 0.0, tickets[-1], "w7").place == MAX_WAITING
    fresh = Admission(1, 1)
    fresh.enter("a", 0.0)
    standing(fresh, 0.0, "", "w")
    assert refused(fresh, 0.0, "", "w") is None
    assert standing(fresh, 0.0, "", "v").place == 2


def test_who_does_not_wait_and_who_resumes() -> None:
    admission = Admission(1, 4)
    place = admission.enter("a", 0.0)
    assert refused(admission, 0.0, None) is None
    standing(admission, 0.0, "")
    admission.leave(place, 1.0)
    admission.enter("a", 1.0, in_turn=False)
    assert admission.taken == 1
