"""Requests of DRS checked against botocore's service model: by botocore itself, and by the maxima, patterns and enums
of the model that botocore leaves to the service.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import unquote

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StringShape, StructureShape
from botocore.validate import ParamValidator

from drs_sandbox.drs import times
from drs_sandbox.drs.errors import DrsError, validation_error

Finding = tuple[str, str]  # path of the field, what is wrong
_DATETIME = "ISO8601DatetimeString"


@cache
def service_model() -> ServiceModel:
    """botocore's model of DRS."""
    return ServiceModel(Loader().load_service_model("drs", "service-2"), "drs")


@cache
def _routes() -> dict[tuple[str, str], str]:
    """Operations by HTTP method and the first part of the path."""
    model = service_model()
    routes: dict[tuple[str, str], str] = {}
    for name in model.operation_names:
        http = model.operation_model(name).http
        routes[http["method"], http["requestUri"].split("/")[1]] = name
    return routes


def parse_request(
    method: str, path: str, query: Mapping[str, str | Sequence[str]], body: bytes
) -> tuple[str, dict[str, Any]]:
    """Operation and parameters of a request in the rest-json protocol. Raises ValidationException."""
    first, _, rest = path.lstrip("/").partition("/")
    name = _routes().get((method.upper(), first))
    if name is None or (rest and first != "tags"):
        raise validation_error(f"DRS has no operation {method} {path}", reason="unknownOperation")
    operation = service_model().operation_model(name)
    parameters = _parse_body(body)
    if operation.input_shape is not None:
        for member, shape in operation.input_shape.members.items():
            location = shape.serialization.get("location")
            if location == "uri":
                parameters[member] = unquote(rest)
            elif location == "querystring" and (wire := shape.serialization.get("name", member)) in query:
                parameters[member] = _from_query(shape, query[wire], member)
    check_request(operation, parameters)
    return name, parameters


def check_request(operation: OperationModel, parameters: dict[str, Any]) -> None:
    """Raises a ValidationException with every finding."""
    shape = operation.input_shape
    if shape is None:
        return
    report = ParamValidator().validate(parameters, shape)
    findings: list[Finding] = [("input", report.generate_report().replace("\n", "; "))] if report.has_errors() else []
    if not findings:
        findings = list(model_findings(shape, parameters, ""))
    if findings:
        text = "; ".join(f"{path}: {what}" if path != "input" else what for path, what in findings)
        count = f"{len(findings)} validation error{'s' if len(findings) > 1 else ''} detected"
        raise validation_error(f"{count}: {text}", findings)


def _parse_body(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        parameters = json.loads(body)
    except ValueError:
        raise _unparsable("The body is not JSON") from None
    if not isinstance(parameters, dict):
        raise _unparsable("The body is not a JSON object")
    return {name: value for name, value in parameters.items() if value is not None}


def _unparsable(message: str) -> DrsError:
    return validation_error(message, reason="cannotParse")


def _from_query(shape: Shape, value: str | Sequence[str], member: str) -> Any:
    values = [value] if isinstance(value, str) else list(value)
    if shape.type_name == "list":
        return values
    if shape.type_name in ("integer", "long"):
        try:
            return int(values[0])
        except ValueError:
            raise validation_error(f"{member}: expected a number", [(member, "expected a number")]) from None
    return values[0]


def model_findings(shape: Shape, value: Any, path: str) -> Iterator[Finding]:
    """What is wrong by the rules that botocore leaves to the service."""
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            if name in value:
                yield from model_findings(member, value[name], f"{path}.{name}" if path else name)
    elif isinstance(shape, ListShape):
        yield from _length(shape, value, path, "items")
        for position, item in enumerate(value):
            yield from model_findings(shape.member, item, f"{path}[{position}]")
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            yield from model_findings(shape.key, key, f"{path}.{key}")
            yield from model_findings(shape.value, item, f"{path}.{key}")
    elif isinstance(shape, StringShape):
        yield from _string(shape, value, path)
    elif shape.type_name in ("integer", "long") and value > shape.metadata.get("max", value):
        yield path, f"Member must have value less than or equal to {shape.metadata['max']}"


def _string(shape: Shape, value: str, path: str) -> Iterator[Finding]:
    if shape.name == _DATETIME:  # the model's pattern knows `Z` only, the service itself writes both forms
        if times.parse(value) is None:
            yield path, f"{value!r} is not a time like 2022-12-07T19:15:38Z or 2022-12-07T19:15:38+00:00"
        return
    yield from _length(shape, value, path, "characters")
    enum = shape.metadata.get("enum")
    if enum and value not in enum:
        yield path, f"Member must satisfy enum value set: [{', '.join(enum)}], not {value!r}"
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(pattern, value):
        yield path, f"Member must satisfy regular expression pattern: {pattern}"


def _length(shape: Shape, value: Any, path: str, unit: str) -> Iterator[Finding]:
    most = shape.metadata.get("max")
    if most is not None and len(value) > most:
        yield path, f"Member must have length less than or equal to {most} {unit}"
