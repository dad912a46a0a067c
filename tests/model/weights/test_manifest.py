"""The shipped manifest is complete, and mistakes in one are named."""

from __future__ import annotations

import pytest

from model.weights import conversions
from model.weights.errors import WeightsError
from model.weights.manifest import SETS, chosen, parse, parts

GOOD = """
[[part]]
name = "a"
purpose = "p"
sets = ["tests"]
licence = "MIT"
licence_url = "https://example.org"
[[part.package]]
name = "carrier"
version = "1"
archive_bytes = 1
[[part.file]]
name = "f"
size = 1
sha256 = "{digest}"
pieces = [["carrier", "f"]]
"""


def test_every_shipped_part_has_a_licence_a_digest_and_a_source() -> None:
    for part in parts():
        assert part.licence in ("Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause")
        assert part.licence_url.startswith("https://")
        assert part.raw_bytes > 0 and part.sets
        assert part.installed or part.packages
        if part.conversion:
            assert part.converted_bytes > 0
            assert conversions.version(part.conversion)
        if "{hub}" in part.second:
            assert len(part.second.rsplit("/", 1)[1]) == 40, "a revision, not a branch"


def test_sets_choose_parts() -> None:
    default = [part.name for part in chosen([])]
    assert [part.name for part in chosen(["eyes"])] == ["eyes", "eyes-text"]
    assert default == ["language-0.5b", "ears", "voice", "voice-activity", "end-of-turn"]
    assert "language-135m" in [part.name for part in chosen(["tests"])]
    assert [part.name for part in chosen(["better", "ears"])] == ["language-1.5b", "ears"]
    with pytest.raises(WeightsError, match="no part or set 'nose'; there are default"):
        chosen(["nose"])
    assert {name for part in parts() for name in part.sets} == set(SETS)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('licence = "MIT"', "", "licence"),
        ('purpose = "p"', 'purpose = "p"\nspeed = 1', "speed"),
        ('["carrier", "f"]', '["other", "f"]', "not listed"),
        ('pieces = [["carrier", "f"]]', "", "comes from nowhere"),
        ("{digest}", "abc", "sha256"),
        ('["tests"]', '["some"]', "unknown set"),
        ("[[part]]", "[[part", "wrong"),
    ],
)
def test_mistakes_are_named(before: str, after: str, said: str) -> None:
    whole = GOOD.replace(before, after).replace("{digest}", "0" * 64)
    with pytest.raises(WeightsError, match=said):
        parse(whole)


def test_the_good_one_is_good_and_names_are_unique() -> None:
    whole = GOOD.replace("{digest}", "0" * 64)
    assert parse(whole)[0].download_bytes == 1
    with pytest.raises(WeightsError, match="twice"):
        parse(whole + whole)
