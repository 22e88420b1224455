"""From the JSON schema of a pydantic model to the structural schema that a CRD needs.

Only what the API server accepts comes out. What has no structural form, no bound or no description is an error:
an unbounded node makes the server refuse the CEL rules around it, and `kubectl explain` is the manual.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from drs_operator.api.v1alpha1.fields import LIST_TYPE, VALIDATIONS

Schema = dict[str, Any]

OPEN_ENUM_MAX_LENGTH = 64

_DROPPED = frozenset({"title", "$defs", "examples"})
_KEPT = frozenset(
    {"type", "format", "description", "default", "enum", "properties", "required", "items", "additionalProperties"}
    | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "pattern"}
    | {"minItems", "maxItems", "minProperties", "maxProperties"}
)
_ORDER = (
    "description",
    "type",
    "format",
    "default",
    "enum",
    "x-kubernetes-validations",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "required",
    "properties",
)
_RULE_ORDER = ("rule", "message", "fieldPath", "reason")
_NULL = {"type": "null"}
_STRING_FORMATS_WITH_OWN_BOUND = frozenset({"date-time"})


class NotStructuralError(TypeError):
    """A node of a model that cannot be put into a CRD; the message names its path and what is missing."""


def structural(model: type[BaseModel], *, path: str, defaults: bool = True, suffix: str = "") -> Schema:
    """The structural schema of `model`.

    `path` names the node in errors (`spec`). Without `defaults` nothing is defaulted by the API server. `suffix`
    ends the description of every field that does not say itself who writes it.

    Raises NotStructuralError.
    """
    schema = model.model_json_schema(by_alias=True)
    return _Converter(schema.get("$defs", {}), defaults, suffix).convert(schema, path, ())


class _Converter:
    def __init__(self, definitions: Mapping[str, Schema], defaults: bool, suffix: str) -> None:
        self._definitions = definitions
        self._defaults = defaults
        self._suffix = suffix

    def convert(self, node: Schema, path: str, parents: tuple[str, ...]) -> Schema:
        node, parents = self._resolve(node, path, parents)
        node = {key: value for key, value in node.items() if key not in _DROPPED}
        if "const" in node:
            node["enum"] = [node.pop("const")]
        _boolean_bounds(node)
        if not self._defaults or node.get("default") in (None, [], {}):
            node.pop("default", None)
        if "description" in node:
            node["description"] = " ".join(node["description"].split())
        unknown = [key for key in node if key not in _KEPT and not key.startswith("x-kubernetes-")]
        if unknown:
            raise NotStructuralError(f"{path}: {', '.join(sorted(unknown))} has no structural form")
        match node.get("type"):
            case "object":
                self._object(node, path, parents)
            case "array":
                _require(node, path, "maxItems", LIST_TYPE)
                node["items"] = self.convert(node["items"], f"{path}[]", parents)
            case "string":
                if "enum" not in node and node.get("format") not in _STRING_FORMATS_WITH_OWN_BOUND:
                    _require(node, path, "maxLength")
            case "integer":
                node.setdefault("format", "int32" if abs(node.get("maximum", 2**31)) < 2**31 else "int64")
            case "boolean" | "number":
                pass
            case other:
                raise NotStructuralError(f"{path}: type {other} has no structural form")
        if VALIDATIONS in node:
            node[VALIDATIONS] = [_ordered(rule, _RULE_ORDER) for rule in node[VALIDATIONS]]
        return _ordered(node, _ORDER)

    def _resolve(self, node: Schema, path: str, parents: tuple[str, ...]) -> tuple[Schema, tuple[str, ...]]:
        """Replaces references and unions by what they stand for; what is said beside them wins."""
        while True:
            if "$ref" in node:
                node = dict(node)
                name = node.pop("$ref").rsplit("/", 1)[-1]
                if name in parents:
                    raise NotStructuralError(f"{path}: {name} contains itself, which has no structural form")
                parents = (*parents, name)
                node = _merged(self._definitions[name], node)
            elif "anyOf" in node:
                node = dict(node)
                node = _merged(self._union(node.pop("anyOf"), path), node)
            else:
                return node, parents

    def _union(self, alternatives: list[Schema], path: str) -> Schema:
        """X of `X | None`, or an open string of `StrEnum | str`."""
        flat: list[Schema] = []
        for alternative in alternatives:
            flat.extend(alternative.get("anyOf", [alternative]))
        flat = [alternative for alternative in flat if alternative != _NULL]
        if len(flat) == 1:
            return flat[0]
        resolved = [self._resolve(alternative, path, ())[0] for alternative in flat]
        values = [value for alternative in resolved for value in alternative.get("enum", [])]
        if len(resolved) == 2 and values and all(alternative.get("type") == "string" for alternative in resolved):
            return {"type": "string", "maxLength": OPEN_ENUM_MAX_LENGTH, "x-open-enum": values}
        raise NotStructuralError(f"{path}: a union of {len(flat)} types has no structural form")

    def _object(self, node: Schema, path: str, parents: tuple[str, ...]) -> None:
        if "properties" not in node:
            _require(node, path, "maxProperties", "additionalProperties")
            values = node["additionalProperties"]
            if not isinstance(values, dict):
                raise NotStructuralError(f"{path}: a map needs the type of its values")
            node["additionalProperties"] = self.convert(values, f"{path}{{}}", parents)
            return
        node.pop("additionalProperties", None)
        optional = {name for name, child in node["properties"].items() if _NULL in child.get("anyOf", [])}
        required = [name for name in node.pop("required", []) if name not in optional]
        node["properties"] = {
            name: self._property(child, f"{path}.{name}", parents) for name, child in node["properties"].items()
        }
        if required:
            node["required"] = required

    def _property(self, node: Schema, path: str, parents: tuple[str, ...]) -> Schema:
        resolved, parents = self._resolve(node, path, parents)
        values = resolved.pop("x-open-enum", None)
        if not resolved.get("description"):
            raise NotStructuralError(f"{path}: a description is missing")
        if values:
            resolved["description"] += f" Values: {', '.join(values)}; newer versions may add more."
        converted = self.convert(resolved, path, parents)
        if self._suffix and "Written by" not in converted["description"]:
            converted["description"] += f" {self._suffix}"
        return converted


def _merged(target: Schema, beside: Schema) -> Schema:
    merged = {**target, **beside}
    rules = [*target.get(VALIDATIONS, []), *beside.get(VALIDATIONS, [])]
    if rules:
        merged[VALIDATIONS] = rules
    return merged


def _ordered(node: Schema, order: tuple[str, ...]) -> Schema:
    """The node with its keys as a reader wants them, bounds in the middle."""
    place = {key: index for index, key in enumerate(order)}
    middle = place.get("enum", len(order))
    return dict(sorted(node.items(), key=lambda item: (place.get(item[0], middle), item[0])))


def _boolean_bounds(node: Schema) -> None:
    # JSON schema has the bound in exclusiveMinimum, OpenAPI 3.0 a flag beside minimum.
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in node:
            node[bound], node[exclusive] = node[exclusive], True


def _require(node: Schema, path: str, *keywords: str) -> None:
    missing = [keyword for keyword in keywords if keyword not in node]
    if missing:
        raise NotStructuralError(f"{path}: {' and '.join(missing)} is missing")
