"""What is a JSON Schema: told as the schema of schemas tells it, and much sooner."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from server.tools.declared import MAX_NODES, read_tools
from server.tools.schemas import fault
from tests.counting import calls_of

LEAVES: tuple[Any, ...] = (0, 2, -1, 1.5, 2.0, True, None, "x", "string", "integer", [], ["a"])
MORE: tuple[Any, ...] = (["a", "a"], ["null", "array"], [{}], [True], {}, {"a": {}}, {"a": ["b"]})
KEYWORDS = (
    "$anchor $comment $defs $id $ref $schema additionalProperties allOf anyOf const contains"
    " contentEncoding contentMediaType contentSchema default definitions dependentRequired"
    " dependentSchemas deprecated description else enum examples exclusiveMaximum exclusiveMinimum"
    " format if items maxContains maxItems maxLength maxProperties maximum minContains minItems"
    " minLength minProperties minimum multipleOf not oneOf patternProperties pattern prefixItems"
    " properties propertyNames readOnly required then title type unevaluatedItems"
    " unevaluatedProperties uniqueItems unknown writeOnly"
).split()


def is_schema(value: Any) -> bool:
    return bool(Draft202012Validator(Draft202012Validator.META_SCHEMA).is_valid(value))


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_every_keyword_takes_what_the_schema_of_schemas_lets_it_take(keyword: str) -> None:
    for value in (*LEAVES, *MORE):
        schema = {keyword: value}
        assert (fault(schema) == "") == is_schema(schema), (schema, fault(schema))


def test_schemas_within_schemas_are_told_alike() -> None:
    chance = random.Random(4)

    def made_up(depth: int) -> Any:
        if depth == 0 or chance.random() < 0.1:
            return chance.choice(({}, True, *LEAVES, *MORE))
        one, two = made_up(depth - 1), made_up(depth - 1)
        value = chance.choice((one, [one, two], {"a": one, "b": two}))
        return {chance.choice(KEYWORDS): value, "minimum": chance.choice((0, 1.5))}

    told = [(fault(one) == "", is_schema(one), one) for one in (made_up(4) for _ in range(400))]
    assert [one for ours, theirs, one in told if ours != theirs] == []
    assert 20 < sum(ours for ours, _, _ in told) < 380


def test_sixteen_tools_of_the_most_schemas_are_little_work() -> None:
    inner: dict[str, Any] = {f"{n}": {"not": {}} for n in range(MAX_NODES // 2 - 5)}
    schema = {"type": "object", "properties": inner}
    assert len(json.dumps(schema)) < 4_096
    calls = calls_of(
        lambda: read_tools([{"name": f"a{n}", "parameters": schema} for n in range(16)])
    )
    assert calls < 300_000
