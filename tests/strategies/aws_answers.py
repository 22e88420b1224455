"""Random answers of AWS, from botocore's own service model: members missing, enums unknown, both timestamp forms."""

from __future__ import annotations

from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StructureShape
from hypothesis import strategies as st

TIMES = ("2026-03-02T09:00:00Z", "2026-03-02T09:00:00.123456+00:00", "0001-01-01T00:00:00Z", "yesterday", "")
UNKNOWN = "A_VALUE_OF_TOMORROW"
SERVER_IDS = ("s-00000000000000001", "s-00000000000000002", "s-00000000000000003")
MOST_ITEMS = 3


def output_of(service: str, operation: str) -> StructureShape:
    """The shape that an operation answers with."""
    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    shape = model.output_shape
    assert isinstance(shape, StructureShape)
    return shape


def answers(service: str, operation: str) -> st.SearchStrategy[dict[str, Any]]:
    """What an operation may answer, as its JSON body."""
    return _structure(output_of(service, operation), "")


def _value(shape: Shape, name: str) -> st.SearchStrategy[Any]:
    if isinstance(shape, StructureShape):
        return _structure(shape, name)
    if isinstance(shape, ListShape):
        return st.lists(_value(shape.member, name), max_size=MOST_ITEMS)
    if isinstance(shape, MapShape):
        keys = st.text("abcTier", min_size=1, max_size=4)
        return st.dictionaries(keys, _value(shape.value, name), max_size=MOST_ITEMS)
    match shape.type_name:
        case "boolean":
            return st.booleans()
        case "integer" | "long":
            return st.integers(0, 2**40)
        case "float" | "double":
            return st.floats(0, 1e9, allow_nan=False)
        case "timestamp":
            return st.just(1_770_000_000)
        case _:
            return _string(shape, name)


def _string(shape: Shape, name: str) -> st.SearchStrategy[str]:
    if name == "sourceServerID":
        return st.sampled_from(SERVER_IDS)
    if name.endswith("DateTime") or name == "timestamp":
        return st.sampled_from(TIMES)
    if known := getattr(shape, "enum", None):
        return st.sampled_from([*known, UNKNOWN])
    return st.text(max_size=12)


@st.composite
def _structure(draw: st.DrawFn, shape: StructureShape, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for member, inner in shape.members.items():
        needed = member in shape.required_members or member in _ALWAYS
        if member != "nextToken" and (needed or draw(st.booleans())):
            answer[member] = draw(_value(inner, member))
    return answer


_ALWAYS = frozenset({"items", "sourceServerID", "jobID", "snapshotID", "recoveryInstanceID"})
"""What AWS never leaves out: without it there is nothing to speak of."""
