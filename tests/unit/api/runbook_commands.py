"""Commands of the runbooks, taken apart and held against what kubectl, our types and the AWS CLI know."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import botocore.session
import jmespath  # type: ignore[import-untyped]
import yaml
from botocore import xform_name
from jsonschema import Draft202012Validator

from drs_operator.__main__ import app
from drs_operator.api.crd import CATEGORY, crd
from drs_operator.api.v1alpha1 import KINDS
from drs_operator.api.v1alpha1.enums import ConditionType
from drs_operator.planning.commands import ORDER

SCHEMAS: dict[str, dict[str, Any]] = {}
for _kind in KINDS:
    _schema = crd(_kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for _name in (_kind.definition.short_name, _kind.definition.plural, _kind.definition.kind):
        SCHEMAS[_name] = _schema
SELECTABLE = {kind.definition.short_name: {p[1:] for p in kind.definition.selectable_fields} for kind in KINDS}
CORE = {"events", "namespace", "namespaces", "pods", "secret", "secrets"}
READING = {"api-resources", "auth", "explain", "get", "wait"}
WRITING = {"annotate", "apply", "create", "delete", "edit", "label", "patch"}
NO_RESOURCE = {"api-resources", "apply", "create"}
KEYS = {f"drs-operator.io/{name}" for name in (*ORDER, "reconcile", "release-servers")}
EVENT_FIELDS = {"involvedObject.name", "reason"}
AWS_OPTIONS = {"--region", "--query", "--output"}
_SESSION = botocore.session.get_session()


class Wrong(AssertionError):
    """A command that cannot work."""


@dataclass(frozen=True, slots=True)
class Line:
    """A command and, where it reads one, the document that follows it."""

    text: str
    document: str | None = None

    @property
    def words(self) -> list[str]:
        """Its words, as a shell splits them, up to a pipe or a redirection."""
        plain = re.sub(r"\$\([^)]*\)", "…", self.text)  # what another command prints is one word
        lexer = shlex.shlex(plain, posix=True, punctuation_chars="|<>")
        lexer.whitespace_split = True
        lexer.commenters = ""
        words = list(lexer)
        ends = [place for place, word in enumerate(words) if word and set(word) <= set("|<>")]
        return words[: ends[0]] if ends else words


def lines(page: str) -> Iterator[Line]:
    """The commands in the page's blocks of shell."""
    for block in re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        rest = iter(block.splitlines())
        for text in rest:
            if mark := re.search(r"<<'(\w+)'$", text):
                document = []
                for line in rest:
                    if line == mark.group(1):
                        break
                    document.append(line)
                yield Line(text, "\n".join(document))
            else:
                yield Line(text)


def check(line: Line) -> None:
    """Raises Wrong when the command names something that does not exist."""
    words = line.words
    match words[0]:
        case "kubectl":
            _kubectl(words[1:], line)
        case "aws":
            _aws(words[1:])
        case "drs-operator":
            known = {command.name or command.callback.__name__ for command in app.registered_commands}  # type: ignore[union-attr]
            _must(words[1] in known, f"drs-operator {words[1]}")
        case "export":
            pass
        case other:
            raise Wrong(f"{other} is no command that the pages use")


def _must(right: bool, what: str) -> None:
    if not right:
        raise Wrong(what)


# --- kubectl --------------------------------------------------------------------------------------------------------


def _kubectl(words: list[str], line: Line) -> None:
    verb = words[0]
    _must(verb in READING | WRITING, f"kubectl {verb}")
    if line.document is not None:
        manifest = yaml.safe_load(line.document)
        errors = list(Draft202012Validator(SCHEMAS[manifest["kind"]]).iter_errors(manifest))
        _must(errors == [], f"manifest: {errors}")
    if verb in NO_RESOURCE:
        return
    names = _positional(words[1:])
    target = names[1] if verb == "auth" else names[0]
    if verb == "explain":
        kind, _, path = target.partition(".")
        _must(_field(SCHEMAS[kind], path) is not None, target)
        return
    if verb == "auth":
        target = names[2]
    kinds = target.split("/")[0].split(",")
    for kind in kinds:
        _must(kind in SCHEMAS or kind in CORE or kind == CATEGORY, f"kind {kind}")
    _options(words, names, kinds[0])


def _positional(words: list[str]) -> list[str]:
    """Words that are neither options nor their values."""
    found, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("-"):
            skip = word in ("-n", "-o", "-f", "-k", "-p")
        else:
            found.append(word)
    return found


def _options(words: list[str], names: list[str], kind: str) -> None:
    schema = SCHEMAS.get(kind)
    for at, word in enumerate(words):
        if word == "-p":
            _patch(schema, json.loads(words[at + 1]), words[at + 1])
        elif word.startswith("--for=condition="):
            _must(word.rpartition("=")[2] in set(ConditionType), word)
        elif word.startswith("--field-selector"):
            _selectors(kind, words[at + 1] if word == "--field-selector" else word.split("=", 1)[1])
        elif word.startswith("jsonpath=") and schema is not None:
            _jsonpath(schema, word.removeprefix("jsonpath="))
        elif word.startswith("custom-columns=") and schema is not None:
            for column in word.removeprefix("custom-columns=").split(","):
                _must(_field(schema, column.split(":")[1][1:]) is not None, column)
    if words[0] == "annotate":
        for name in names[1:]:
            _must(name.split("=")[0] in KEYS, name)


def _selectors(kind: str, text: str) -> None:
    known = SELECTABLE.get(kind, EVENT_FIELDS)
    for selector in text.split(","):
        _must(selector.split("=")[0] in known, selector)


def _patch(schema: dict[str, Any] | None, value: Any, text: str) -> None:
    """The patched fields exist and take these values."""
    _must(schema is not None, text)
    spec = {**(schema or {}), "required": [], "properties": {"spec": _optional((schema or {})["properties"]["spec"])}}
    errors = list(Draft202012Validator({**spec, "additionalProperties": False}).iter_errors(value))
    _must(errors == [], f"{text}: {errors}")


def _optional(schema: dict[str, Any]) -> dict[str, Any]:
    """A patch names what it changes, nothing else; but that by its right name."""
    return {**schema, "required": [], "additionalProperties": False}


def _field(schema: dict[str, Any], path: str) -> dict[str, Any] | None:
    """The schema at a path, with `[…]` for items; {} where anything may follow."""
    node: dict[str, Any] = schema
    for part in filter(None, re.split(r"\.(?![^\[]*\])", path)):
        name, _, index = part.partition("[")
        if name == "items" and node is schema and "items" not in node.get("properties", {}):
            continue  # of a list of objects
        if node.get("properties") is None:
            return {}
        if name not in node["properties"]:
            return None
        node = node["properties"][name]
        if index:
            node = node.get("items", {})
            if filtered := re.match(r"\?\(@\.(\w+)==", index):
                _must(filtered.group(1) in node.get("properties", {}), path)
    return node


def _jsonpath(schema: dict[str, Any], template: str) -> None:
    """Every path of the template exists; paths inside a range start at its items."""
    here = schema
    for expression in re.findall(r"\{((?:[^{}\"]|\"[^\"]*\")*)\}", template):
        if expression == "end":
            here = schema
        elif expression.startswith("range "):
            found = _field(schema, expression.removeprefix("range .").strip())
            _must(found is not None, expression)
            here = found or {}
        elif not expression.startswith('"'):
            _must(_field(here, expression.lstrip(".")) is not None, expression)


# --- the AWS CLI ----------------------------------------------------------------------------------------------------


def _aws(words: list[str]) -> None:
    service, wanted = words[0], words[1]
    model = _SESSION.get_service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    _must(wanted in operations, f"aws {service} {wanted}")
    operation = model.operation_model(operations[wanted])
    given = operation.input_shape.members.items() if operation.input_shape is not None else ()
    members = {xform_name(name, "-"): shape for name, shape in given}
    for at, word in enumerate(words):
        if not word.startswith("--") or word in AWS_OPTIONS:
            continue
        name = word.removeprefix("--no-" if word.removeprefix("--") not in members else "--")
        _must(name in members, f"aws {service} {wanted} {word}")
        value = words[at + 1] if at + 1 < len(words) else ""
        _shorthand(members[name], value, f"{word} {value}")
    if "--query" in words and service != "dynamodb":  # an item's attributes are ours, not the model's
        _query(words[words.index("--query") + 1], set(_names(operation.output_shape, set())))


def _shorthand(shape: Any, value: str, text: str) -> None:
    """Keys of a structure in the CLI's shorthand are its members."""
    inner = shape.member if shape.type_name == "list" else shape
    if inner.type_name == "structure" and not value.startswith(("{", "[")):
        for key in re.findall(r"(?:^|,)([A-Za-z]+)=", value):
            _must(key in inner.members, text)


def _names(shape: Any, seen: set[str]) -> Iterator[str]:
    """Names of all members in a shape, at any depth."""
    if shape is None or shape.name in seen:
        return
    seen.add(shape.name)
    if shape.type_name == "structure":
        yield from shape.members
        for member in shape.members.values():
            yield from _names(member, seen)
    elif shape.type_name == "list":
        yield from _names(shape.member, seen)
    elif shape.type_name == "map":
        yield from _names(shape.value, seen)


def _query(text: str, known: set[str]) -> None:
    def fields(node: Any) -> Iterator[str]:
        if node["type"] == "field":
            yield node["value"]
        for child in node["children"]:
            if isinstance(child, dict):
                yield from fields(child)

    unknown = set(fields(jmespath.compile(text).parsed)) - known
    _must(not unknown, f"--query {text}: {sorted(unknown)}")
