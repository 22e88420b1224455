"""The CRDs, generated from the models: `python -m drs_operator.api.crd DIR` writes one file for each kind."""

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from drs_operator.api.structural import Schema, structural
from drs_operator.api.v1alpha1 import GROUP, KINDS, VERSION, Resource
from drs_operator.api.v1alpha1.codes import Code
from drs_operator.api.v1alpha1.fields import Rule, add_rules
from drs_operator.api.v1alpha1.meta import Column, Definition
from drs_operator.api.v1alpha1.not_available import NOT_AVAILABLE, NotAvailable

HEADER = "# Generated from the models in operator/drs_operator/api; do not edit. `make generate` writes it anew.\n"
CATEGORY = "dr"
WIDTH = 100


def file_name(resource: type[Resource]) -> str:
    """The file of a kind's CRD."""
    return f"{GROUP}_{resource.definition.plural}.yaml"


def crd(resource: type[Resource], *, lift_not_available: bool = False) -> dict[str, Any]:
    """The CRD of a kind, as a dictionary.

    `lift_not_available` leaves out the refusals of what this version does not act on, so that the rules behind them
    can be tested.
    """
    definition = resource.definition
    root = _root(resource)
    if not lift_not_available:
        for entry in NOT_AVAILABLE:
            if entry.kind == definition.kind:
                _refuse(root, entry)
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": root},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [_column(column) for column in definition.columns],
    }
    if definition.selectable_fields:
        version["selectableFields"] = [{"jsonPath": path} for path in definition.selectable_fields]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{definition.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": definition.kind,
                "listKind": f"{definition.kind}List",
                "plural": definition.plural,
                "singular": definition.kind.lower(),
                "shortNames": [definition.short_name],
                "categories": [CATEGORY],
            },
            "scope": definition.scope,
            "versions": [version],
        },
    }


def render(document: dict[str, Any]) -> str:
    """The document as YAML with its header; long texts are folded. Equal documents give equal text."""
    return HEADER + yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=WIDTH, allow_unicode=True)


def files(*, lift_not_available: bool = False) -> dict[str, str]:
    """All CRDs: file name to text."""
    return {file_name(kind): render(crd(kind, lift_not_available=lift_not_available)) for kind in KINDS}


def _root(resource: type[Resource]) -> Schema:
    definition = resource.definition
    root: Schema = {
        "type": "object",
        "description": " ".join((resource.__doc__ or "").split()),
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"{GROUP}/{VERSION}."},
            "kind": {"type": "string", "description": f"{definition.kind}."},
            "metadata": {"type": "object"},
            "spec": structural(_model(resource, "spec"), path=f"{definition.kind}.spec"),
            "status": structural(
                _model(resource, "status"),
                path=f"{definition.kind}.status",
                defaults=False,
                suffix="Written by the operator.",
            ),
        },
    }
    # Until the operator has seen an object, tools that compare generations must not take it for settled.
    root["properties"]["status"]["default"] = {"observedGeneration": -1}
    add_rules(root, [_name_rule(definition)])
    return root


def _model(resource: type[Resource], name: str) -> Any:
    return resource.model_fields[name].annotation


def _name_rule(definition: Definition) -> Rule:
    return Rule(
        Code.INVALID_NAME,
        f"size(self.metadata.name) <= {definition.max_name_length}",
        f"metadata.name has at most {definition.max_name_length} characters; choose a shorter name",
    )


def _refuse(root: Schema, entry: NotAvailable) -> None:
    node = root
    for name in entry.path.split("."):
        node = node["properties"][name]
    subject = entry.kind if entry.path == "spec" else entry.path
    add_rules(
        node,
        [
            Rule(
                Code.NOT_AVAILABLE,
                entry.accepts,
                f"{subject} is not available in this version; {entry.advice}",
            )
        ],
    )
    node["description"] += " Not available in this version."


def _column(column: Column) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": column.name, "type": column.type, "jsonPath": column.path}
    if column.wide:
        entry["priority"] = 1
    return entry


class _Dumper(yaml.SafeDumper):
    """Block style without aliases, and long texts folded."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=">" if len(value) > WIDTH - 30 else None)


_Dumper.add_representer(str, _text)


def write(directory: Path, wanted: dict[str, str]) -> None:
    """Writes the files and removes CRDs of kinds that are gone."""
    directory.mkdir(parents=True, exist_ok=True)
    for path in directory.glob(f"{GROUP}_*.yaml"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (directory / name).write_text(text, encoding="utf-8")


def drift(directory: Path, wanted: dict[str, str]) -> str:
    """How the files differ from the models, as a unified diff; empty when they do not."""
    found = {path.name: path.read_text(encoding="utf-8") for path in directory.glob(f"{GROUP}_*.yaml")}
    lines: list[str] = []
    for name in sorted(found.keys() | wanted.keys()):
        lines += difflib.unified_diff(
            found.get(name, "").splitlines(keepends=True),
            wanted.get(name, "").splitlines(keepends=True),
            f"{directory}/{name}",
            "generated from the models",
        )
    return "".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: written, or no drift; 1: drift, with the diff on standard output."""
    parser = argparse.ArgumentParser(prog="python -m drs_operator.api.crd", description=__doc__)
    parser.add_argument("directory", type=Path, metavar="DIR", help="where the files are, for example crds")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 with a diff when files differ")
    parser.add_argument(
        "--lift-not-available",
        action="store_true",
        help="leave out the NOT_AVAILABLE rules; for tests of the rules behind them, never for a cluster",
    )
    options = parser.parse_args(arguments)
    wanted = files(lift_not_available=options.lift_not_available)
    if not options.check:
        write(options.directory, wanted)
        return 0
    difference = drift(options.directory, wanted)
    if not difference:
        return 0
    sys.stdout.write(difference)
    sys.stderr.write(f"{options.directory} differs from the models; run `make generate` and commit the result\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
