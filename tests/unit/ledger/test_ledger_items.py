"""Values as DynamoDB items and back, and expressions with their names and values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drs_operator.ledger.store import from_item, to_item

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text() | st.floats(-1e9, 1e9, width=32),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1), inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.text(min_size=1), JSON, max_size=5))
def test_what_was_stored_is_read_back(values: dict[str, Any]) -> None:
    kept = {key: value for key, value in values.items() if value is not None}
    assert from_item(to_item(values)) == kept


@pytest.mark.parametrize(
    ("values", "item"),
    [
        ({"a": None}, {}),
        ({"a": 1}, {"a": {"N": "1"}}),
        ({"a": True}, {"a": {"BOOL": True}}),
        ({"a": 0.1}, {"a": {"N": "0.1"}}),
        ({"a": ""}, {"a": {"S": ""}}),
        ({"a": ("x", {"b": None})}, {"a": {"L": [{"S": "x"}, {"M": {"b": {"NULL": True}}}]}}),
    ],
)
def test_attributes(values: dict[str, Any], item: dict[str, Any]) -> None:
    assert to_item(values) == item


def test_whole_numbers_come_back_as_integers() -> None:
    version = from_item({"version": {"N": "3"}})["version"]
    assert (version, type(version)) == (3, int)
