"""The default Language keeps the contract that any replacement must keep."""

from __future__ import annotations

import pytest

from model.interaction.language import Language
from model.weights.store import folder
from tests.model.interaction.language_contract import check_language

pytestmark = [pytest.mark.weights, pytest.mark.timeout(180)]


def test_the_small_decoder_keeps_the_contract() -> None:
    check_language(Language.load(folder("language-135m"), rows=2, device="cpu", threads=1))
