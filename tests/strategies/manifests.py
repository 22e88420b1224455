"""Random manifests, from the CRDs' own schemas: as the schema has them, and spoilt."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from drs_operator.api.crd import crd
from drs_operator.api.v1alpha1 import Resource

Schema = dict[str, Any]
MOST_ITEMS = 4
"""Of a random list: long ones are built by the tests of sizes."""
WORDS = st.text(max_size=12)
SPOILT = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.just("x" * 5000),
    st.just([]),
    st.just({}),
    st.just([1, "a", None]),
    st.just({"surprise": {"deep": [1]}}),
    WORDS,
)


def spec_schema(kind: type[Resource]) -> Schema:
    """The schema of a kind's spec, without the refusals of what is not available yet."""
    version = crd(kind, lift_not_available=True)["spec"]["versions"][0]
    schema: Schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema


def valid(schema: Schema) -> st.SearchStrategy[Any]:
    """Values that a structural schema allows; its CEL rules are the API server's to judge."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "object" if "properties" in schema:
            return _object(schema)
        case "object":
            keys = st.text("abcXYZ-_.:/", min_size=1, max_size=20)
            values = valid(schema.get("additionalProperties") or {"type": "string"})
            return st.dictionaries(keys, values, min_size=schema.get("minProperties", 0), max_size=MOST_ITEMS)
        case "array":
            return _array(schema)
        case "integer":
            low, high = schema.get("minimum", -5), schema.get("maximum", 100_000)
            return st.one_of(st.integers(low, high), st.sampled_from([low, high]))
        case "boolean":
            return st.booleans()
        case _:
            return _string(schema)


def _object(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    needed = set(schema.get("required", ()))
    fields = {name: valid(inner) for name, inner in schema["properties"].items()}
    return st.fixed_dictionaries(
        {name: fields[name] for name in sorted(needed)},
        optional={name: fields[name] for name in sorted(fields.keys() - needed)},
    )


def _array(schema: Schema) -> st.SearchStrategy[list[Any]]:
    least = schema.get("minItems", 0)
    most = max(least, MOST_ITEMS)
    keys = schema.get("x-kubernetes-list-map-keys", [])

    def identity(item: Any) -> str:
        return repr([item.get(key) for key in keys]) if keys else repr(item)

    inner = valid(schema["items"])
    if keys or schema.get("x-kubernetes-list-type") == "set":
        return st.lists(inner, min_size=least, max_size=most, unique_by=identity)
    return st.lists(inner, min_size=least, max_size=most)


def _string(schema: Schema) -> st.SearchStrategy[str]:
    if schema.get("format") == "date-time":
        moments = ("2026-03-02T09:00:00Z", "2031-12-31T23:59:59.999999+00:00", "1999-01-01T00:00:00-12:00")
        return st.sampled_from(moments)
    if pattern := schema.get("pattern"):
        words: st.SearchStrategy[str] = st.from_regex(re.compile(str(pattern)), fullmatch=True)
        return words.filter(lambda text: len(text) <= schema.get("maxLength", 1000))
    least, most = schema.get("minLength", 0), min(schema.get("maxLength", 40), 40)
    return st.text(st.characters(codec="utf-8"), min_size=least, max_size=max(least, most))


@st.composite
def spoilt(draw: st.DrawFn, schema: Schema) -> Any:
    """A valid value in which one node, anywhere, is something else, is missing, or has an unknown neighbour."""
    value = copy.deepcopy(draw(valid(schema)))
    places = list(_places(value))
    if not places:
        return draw(SPOILT)
    holder, key = draw(st.sampled_from(places))
    match draw(st.sampled_from(("replace", "remove", "add"))):
        case "remove":
            del holder[key]
        case "add" if isinstance(holder, dict):
            holder["surprise"] = draw(SPOILT)
        case _:
            holder[key] = draw(SPOILT)
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    entries = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for key, inner in entries:
        yield value, key
        yield from _places(inner)
