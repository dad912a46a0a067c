"""Who may come in."""

from __future__ import annotations

import pytest

from server.admission import Admission
from server.errors import Busy


def test_places_in_all() -> None:
    admission = Admission(sessions=2, per_address=2)
    first = admission.enter("a", 0.0)
    admission.enter("b", 0.0)
    with pytest.raises(Busy) as refusal:
        admission.enter("c", 0.0)
    assert refusal.value.retry_after_seconds == 5.0
    admission.leave(first, 0.0)
    admission.leave(first, 0.0)
    admission.enter("c", 0.0)
    assert admission.taken == 2


def test_places_of_one_address() -> None:
    admission = Admission(sessions=10, per_address=2)
    place = admission.enter("a", 0.0)
    admission.enter("a", 0.0)
    with pytest.raises(Busy):
        admission.enter("a", 0.0)
    admission.enter("b", 0.0)
    admission.leave(place, 0.0)
    admission.enter("a", 0.0)


def test_offers_within_ten_seconds() -> None:
    admission = Admission(sessions=1, per_address=1, offers_per_window=3)
    for at in (0.0, 1.0, 2.0):
        admission.knock("a", at)
    with pytest.raises(Busy) as refusal:
        admission.knock("a", 4.0)
    assert refusal.value.retry_after_seconds == pytest.approx(6.0)
    admission.knock("b", 4.0)
    admission.knock("a", 10.5)


def test_addresses_that_knock_are_not_remembered_without_bound() -> None:
    admission = Admission(sessions=1, per_address=1)
    for n in range(5000):
        admission.knock(str(n), 0.0)
    assert len(admission._offers) <= 4096
