"""From pydantic models to structural schemas: every form that comes out, and every form that is refused."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field

from drs_operator.api.structural import NotStructuralError, structural
from drs_operator.api.v1alpha1.base import ApiModel
from drs_operator.api.v1alpha1.codes import Code
from drs_operator.api.v1alpha1.fields import Open, Rule, doc, entries, items, number, text

RULE = Rule(Code.INVALID_TAGS, "self.x", "correct it", field_path=".x", reason="FieldValueForbidden")
OTHER = Rule(Code.MISSING_PARAMETER, "self.y", "add it")


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(ApiModel):
    """What the class says."""

    cel_rules: ClassVar[tuple[Rule, ...]] = (RULE,)

    size: Annotated[int, number(0, 10), doc("Size.")] = 3


class Child(Inner):
    cel_rules: ClassVar[tuple[Rule, ...]] = (OTHER,)


def field(annotation: Any, default: Any = ...) -> dict[str, Any]:
    """The schema of a field of this type."""
    model = type(
        "Model",
        (ApiModel,),
        {
            "__annotations__": {"x": Annotated[annotation, doc("Text.")]},
            "__module__": __name__,
            **({} if default is ... else {"x": default}),
        },
    )
    schema = structural(model, path="spec")
    assert (schema.get("required") == ["x"]) is (default is ...)
    converted = schema["properties"]["x"]
    assert converted.pop("description").startswith("Text.")
    return dict(converted)


OPEN: Any = Open

FORMS: list[tuple[Any, Any, dict[str, Any]]] = [
    (Annotated[str, text(5)], ..., {"type": "string", "maxLength": 5}),
    (
        Annotated[str, text(5, min_length=1, pattern="^a$")],
        ...,
        {"type": "string", "maxLength": 5, "minLength": 1, "pattern": "^a$"},
    ),
    (Annotated[str | None, text(5)], None, {"type": "string", "maxLength": 5}),
    (Annotated[str, text(5)] | None, None, {"type": "string", "maxLength": 5}),
    (bool, False, {"type": "boolean", "default": False}),
    (Annotated[int, number(0, 9)], 0, {"type": "integer", "format": "int32", "minimum": 0, "maximum": 9, "default": 0}),
    (Annotated[int, number(0)], ..., {"type": "integer", "format": "int64", "minimum": 0}),
    (
        Annotated[int, Field(gt=0, lt=5)],
        ...,
        {"type": "integer", "format": "int32", "minimum": 0, "exclusiveMinimum": True}
        | {"maximum": 5, "exclusiveMaximum": True},
    ),
    (datetime, ..., {"type": "string", "format": "date-time"}),
    (Literal["a"], ..., {"type": "string", "enum": ["a"]}),
    (Literal["a", "b"], ..., {"type": "string", "enum": ["a", "b"]}),
    (Colour, Colour.BLUE, {"type": "string", "enum": ["red", "blue"], "default": "blue"}),
    (Colour | None, None, {"type": "string", "enum": ["red", "blue"]}),
    (OPEN[Colour], ..., {"type": "string", "maxLength": 64}),
    (OPEN[Colour] | None, None, {"type": "string", "maxLength": 64}),
    (
        Annotated[list[Annotated[int, number(1, 9)]], items(3, list_type="set", min_items=1)],
        [],
        {
            "type": "array",
            "maxItems": 3,
            "minItems": 1,
            "x-kubernetes-list-type": "set",
            "items": {"type": "integer", "format": "int32", "minimum": 1, "maximum": 9},
        },
    ),
    (
        Annotated[dict[str, Annotated[str, text(5)]], entries(2)],
        {},
        {"type": "object", "maxProperties": 2, "additionalProperties": {"type": "string", "maxLength": 5}},
    ),
]


@pytest.mark.parametrize(("annotation", "default", "wanted"), FORMS, ids=lambda value: str(value)[:40])
def test_form(annotation: Any, default: Any, wanted: dict[str, Any]) -> None:
    assert field(annotation, default) == wanted


class Mirror(ApiModel):
    """Contains itself."""

    again: Annotated[Mirror | None, doc("Again.")] = None


class Silent(ApiModel):
    """Has a field without description."""

    x: Annotated[str, text(5)]


REFUSED: list[tuple[Any, str]] = [
    (str, "spec.x: maxLength is missing"),
    (Annotated[list[int], doc("")], "spec.x: maxItems and x-kubernetes-list-type is missing"),
    (Annotated[list[str], items(3)], r"spec.x\[\]: maxLength is missing"),
    (dict[str, int], "spec.x: maxProperties is missing"),
    (Annotated[dict[str, str], entries(3)], r"spec.x\{\}: maxLength is missing"),
    (Annotated[dict[str, Any], entries(3)], "spec.x: a map needs the type of its values"),
    (Any, "spec.x: type None has no structural form"),
    (int | bool, "spec.x: a union of 2 types has no structural form"),
    (Colour | int, "spec.x: a union of 2 types has no structural form"),
    (Annotated[set[int], items(3)], "spec.x: uniqueItems has no structural form"),
    (Annotated[tuple[int, int], items(2)], "spec.x: minItems, prefixItems has no structural form|prefixItems"),
    (Annotated[dict[Colour, int], entries(2)], "spec.x: propertyNames has no structural form"),
    (Mirror, "spec.x.again: Mirror contains itself"),
    (Silent, "spec.x.x: a description is missing"),
]


@pytest.mark.parametrize(("annotation", "message"), REFUSED, ids=lambda value: str(value)[:40])
def test_refused(annotation: Any, message: str) -> None:
    with pytest.raises(NotStructuralError, match=message):
        field(annotation)


def test_text_of_the_field_wins_over_the_text_of_the_class() -> None:
    assert field(Inner)["properties"] == {
        "size": {
            "description": "Size.",
            "type": "integer",
            "format": "int32",
            "default": 3,
            "minimum": 0,
            "maximum": 10,
        }
    }
    assert structural(Inner, path="spec")["description"] == "What the class says."


def test_rules_of_the_class_its_parents_and_the_field_add_up() -> None:
    first = {
        "rule": "self.x",
        "message": "INVALID_TAGS: correct it",
        "fieldPath": ".x",
        "reason": "FieldValueForbidden",
    }
    second = {"rule": "self.y", "message": "MISSING_PARAMETER: add it"}

    assert field(Annotated[Child, doc("", RULE)])["x-kubernetes-validations"] == [first, second, first]


def test_frozen_fields_are_refused_on_the_parent() -> None:
    class Frozen(ApiModel):
        frozen_except = frozenset({"mayChange"})

        stays: Annotated[bool, doc("Stays.")] = False
        may_change: Annotated[bool, doc("May change.")] = False

    rules = structural(Frozen, path="spec")["x-kubernetes-validations"]

    assert [(rule["fieldPath"], rule["reason"]) for rule in rules] == [(".stays", "FieldValueForbidden")]
    assert "has(self.stays) == has(oldSelf.stays)" in rules[0]["rule"]


def test_status_has_no_defaults_and_says_who_writes_it() -> None:
    schema = structural(Inner, path="status", defaults=False, suffix="Written by the operator.")

    assert schema["properties"]["size"] == {
        "description": "Size. Written by the operator.",
        "type": "integer",
        "format": "int32",
        "minimum": 0,
        "maximum": 10,
    }


def test_open_enumeration_names_its_values() -> None:
    class Model(ApiModel):
        x: Annotated[Open[Colour] | None, doc("Colour.")] = None

    described = structural(Model, path="status")["properties"]["x"]["description"]

    assert described == "Colour. Values: red, blue; newer versions may add more."
