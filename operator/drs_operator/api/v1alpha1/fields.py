"""How fields of the API are declared: bounds, descriptions and rules as annotations of the type.

Bounds (lengths, patterns, ranges) and CEL rules go into the generated schema alone; the API server enforces them.
Reading an object never does: an operator that was rolled back must still be able to read what a newer one wrote.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AwareDatetime, Field, GetJsonSchemaHandler, PlainSerializer
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from drs_operator.api.v1alpha1.codes import Code

VALIDATIONS = "x-kubernetes-validations"
LIST_TYPE = "x-kubernetes-list-type"
LIST_MAP_KEYS = "x-kubernetes-list-map-keys"
MAP_TYPE = "x-kubernetes-map-type"

ErrorReason = Literal["FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A CEL rule. Users see `CODE: message`; the message says what to do next.

    `field_path` (`.reason`) moves the error to a child of the node that carries the rule.
    `reason` FieldValueDuplicate is left out on purpose: the API server then drops the message.
    """

    code: Code
    rule: str
    message: str
    field_path: str | None = None
    reason: ErrorReason | None = None

    def schema(self) -> dict[str, str]:
        """The entry of `x-kubernetes-validations`."""
        entry = {"rule": self.rule, "message": f"{self.code}: {self.message}"}
        if self.field_path:
            entry["fieldPath"] = self.field_path
        if self.reason:
            entry["reason"] = self.reason
        return entry


def add_rules(schema: JsonSchemaValue, rules: Sequence[Rule]) -> None:
    """Appends rules to the node `schema`, in place."""
    if rules:
        schema[VALIDATIONS] = [*schema.get(VALIDATIONS, []), *(rule.schema() for rule in rules)]


@dataclass(frozen=True, slots=True)
class Keywords:
    """An annotation that puts OpenAPI keywords and CEL rules on the node of the annotated type."""

    keywords: dict[str, Any] = field(hash=False)
    rules: tuple[Rule, ...] = ()

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core_schema)
        schema.update(self.keywords)
        add_rules(schema, self.rules)
        return schema


def doc(description: str, *rules: Rule) -> Keywords:
    """What `kubectl explain` says about a field, and the field's own rules."""
    return Keywords({"description": description}, rules)


def text(max_length: int, *, min_length: int | None = None, pattern: str | None = None) -> Keywords:
    """Bounds of a string, in characters. `pattern` is RE2; a refusal prints it, so keep it short or use a Rule."""
    keywords: dict[str, Any] = {"maxLength": max_length}
    if min_length is not None:
        keywords["minLength"] = min_length
    if pattern is not None:
        keywords["pattern"] = pattern
    return Keywords(keywords)


def number(minimum: int, maximum: int | None = None) -> Keywords:
    """Bounds of an integer, both inclusive."""
    return Keywords({"minimum": minimum} if maximum is None else {"minimum": minimum, "maximum": maximum})


def items(
    max_items: int,
    *,
    list_type: Literal["atomic", "set", "map"] = "atomic",
    keys: Sequence[str] = (),
    min_items: int | None = None,
) -> Keywords:
    """Bounds and merge behaviour of a list. `keys` (JSON names) identify the items of a list of type map."""
    keywords: dict[str, Any] = {"maxItems": max_items, LIST_TYPE: list_type}
    if keys:
        keywords[LIST_MAP_KEYS] = list(keys)
    if min_items is not None:
        keywords["minItems"] = min_items
    return Keywords(keywords)


def entries(max_properties: int) -> Keywords:
    """Bound of a map with free keys."""
    return Keywords({"maxProperties": max_properties})


IMMUTABLE = Rule(
    Code.INVALID_PARAMETER,
    "self == oldSelf",
    "this field is immutable; create a new object instead",
    reason="FieldValueForbidden",
)


def _rfc3339(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Time = Annotated[AwareDatetime, PlainSerializer(_rfc3339, return_type=str, when_used="json")]
"""A point in time with its offset; written as RFC 3339 in UTC with whole seconds, fractions cut off."""


def clip(value: str, limit: int) -> str:
    """`value` with at most `limit` characters; a cut is marked with an ellipsis."""
    return value if len(value) <= limit else value[: limit - 1] + "…"


def clipped(limit: int) -> PlainSerializer:
    """Cuts a text to `limit` characters when it is written, so that a long message never blocks a status write."""
    return PlainSerializer(lambda value: clip(value, limit), return_type=str)


E = TypeVar("E", bound=StrEnum)
Open = Annotated[E | str, Field(union_mode="left_to_right")]
"""An enumeration of status: known values are read as members of E, values of a newer version stay strings."""

DNS_NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"

AccountId = Annotated[str, text(12, pattern=r"^[0-9]{12}$")]
Region = Annotated[str, text(32, pattern=r"^[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}$")]
ServerId = Annotated[str, text(19, pattern=r"^s-[0-9a-zA-Z]{17}$")]
ObjectName = Annotated[str, text(63, min_length=1, pattern=DNS_NAME)]
TagKey = Annotated[str, text(128, min_length=1)]
TagValue = Annotated[str, text(256)]

# In status: what the operator writes. No patterns here, a value that surprises must not block the write.
Id = Annotated[str, text(64)]
RegionName = Annotated[str, text(32)]
Name = Annotated[str, clipped(256), text(256)]
Hostname = Annotated[str, clipped(48), text(48)]
Word = Annotated[str, clipped(64), text(64)]
Message = Annotated[str, clipped(1024), text(1024)]
ShortMessage = Annotated[str, clipped(384), text(384)]
Count = Annotated[int, number(0)]

DISPLAY_NAME = Rule(
    Code.INVALID_NAME,
    r"self.matches('^[^\\s\\pC]([^\\pC]*[^\\s\\pC])?$')",
    "the name must not be blank, begin or end with a blank, or contain control characters; correct it",
)
TAG_KEYS = Rule(
    Code.INVALID_TAGS,
    "self.all(k, size(k) >= 1 && size(k) <= 128)",
    "tag keys have 1 to 128 characters; correct the key",
)
