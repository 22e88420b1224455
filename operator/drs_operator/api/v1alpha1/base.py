"""The base of every model of the API: camelCase in JSON, snake_case in Python, tolerant when read."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from drs_operator.api.v1alpha1.codes import Code
from drs_operator.api.v1alpha1.fields import Rule, add_rules


class ApiModel(BaseModel):
    """Unknown fields are ignored: the API server has pruned the object, perhaps against a newer CRD.

    `cel_rules` are rules on the whole node, inherited by subclasses.
    `frozen_except` (JSON names) makes every other field immutable, absent ones included.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    cel_rules: ClassVar[tuple[Rule, ...]] = ()
    frozen_except: ClassVar[frozenset[str] | None] = None

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        reference = handler(core_schema)
        schema = handler.resolve_ref_schema(reference)
        add_rules(schema, [rule for base in reversed(cls.__mro__) for rule in vars(base).get("cel_rules", ())])
        if cls.frozen_except is not None:
            frozen = [name for name in schema["properties"] if name not in cls.frozen_except]
            add_rules(schema, [_frozen(name) for name in frozen])
        return reference

    def to_json(self) -> dict[str, Any]:
        """The object as it is written to the API server: JSON names, no nulls, times in UTC."""
        return self.model_dump(by_alias=True, exclude_none=True, mode="json")


def _frozen(name: str) -> Rule:
    # On the parent, since a rule on an optional field is not evaluated when the field is added or removed.
    return Rule(
        Code.INVALID_PARAMETER,
        f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})",
        f"{name} is immutable, also when it was left out; create a new object instead",
        field_path=f".{name}",
        reason="FieldValueForbidden",
    )
