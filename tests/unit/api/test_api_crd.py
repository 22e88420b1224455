"""The CRDs as documents and as files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from drs_operator.api import crd as generator
from drs_operator.api.v1alpha1 import KINDS, DRExecution, Resource
from drs_operator.api.v1alpha1.codes import Code
from drs_operator.api.v1alpha1.not_available import NOT_AVAILABLE

CRDS = Path(__file__).parents[3] / "crds"

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.definition.kind))


def nodes(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping of a document with its path."""
    if isinstance(node, dict):
        yield path, node
        for name, child in node.items():
            yield from nodes(child, f"{path}.{name}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from nodes(child, f"{path}[{index}]")


def schema(kind: type[Resource], **options: bool) -> dict[str, Any]:
    document = generator.crd(kind, **options)
    return dict(document["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


def rules(kind: type[Resource], **options: bool) -> list[dict[str, str]]:
    return [rule for _, node in nodes(schema(kind, **options)) for rule in node.get("x-kubernetes-validations", [])]


def test_files_are_those_of_the_models() -> None:
    assert generator.drift(CRDS, generator.files()) == "", "run `make generate`"


@each_kind
def test_text_is_the_document(kind: type[Resource]) -> None:
    document = generator.crd(kind)
    text = generator.render(document)

    assert yaml.safe_load(text) == document
    assert text == generator.render(generator.crd(kind)), "equal models give equal text"
    assert [line for line in text.splitlines() if len(line.rsplit(" ", 1)[0]) > 110] == [], "lines are folded"


@each_kind
def test_every_message_begins_with_a_code(kind: type[Resource]) -> None:
    assert {rule["message"].split(":")[0] for rule in rules(kind)} <= set(Code)


@each_kind
def test_schema_is_closed(kind: type[Resource]) -> None:
    assert [path for path, node in nodes(schema(kind)) if "x-kubernetes-preserve-unknown-fields" in node] == []


@each_kind
def test_only_the_status_itself_has_a_default(kind: type[Resource]) -> None:
    status = schema(kind)["properties"]["status"]

    defaults = {path: node["default"] for path, node in nodes(status) if "default" in node and "type" in node}
    assert defaults == {"": {"observedGeneration": -1}}


@each_kind
def test_lists_in_status_that_are_not_atomic(kind: type[Resource]) -> None:
    properties = schema(kind)["properties"]["status"]["properties"]
    maps = {name: node["x-kubernetes-list-map-keys"] for name, node in properties.items() if _is_map(node)}
    wanted = {"conditions": ["type"], "waves": ["waveNumber"], "holds": ["id"]}

    assert maps == {name: keys for name, keys in wanted.items() if name in properties}
    lists = [node["x-kubernetes-list-type"] for _, node in nodes(properties) if node.get("type") == "array"]
    assert lists.count("map") == len(maps)
    assert set(lists) <= {"map", "atomic"}


def _is_map(node: dict[str, Any]) -> bool:
    return node.get("x-kubernetes-list-type") == "map"


@each_kind
def test_what_is_not_available(kind: type[Resource]) -> None:
    entries = [entry for entry in NOT_AVAILABLE if entry.kind == kind.definition.kind]

    refusing = {rule["message"] for rule in rules(kind) if rule["message"].startswith("NOT_AVAILABLE: ")}
    assert len(refusing) == len(entries)
    assert all("in this version" in message for message in refusing)
    lifted = rules(kind, lift_not_available=True)
    assert [rule for rule in rules(kind) if rule["message"] not in refusing] == lifted


def test_every_entry_is_of_a_kind() -> None:
    assert {entry.kind for entry in NOT_AVAILABLE} <= {kind.definition.kind for kind in KINDS}


def test_one_file_for_each_kind(tmp_path: Path) -> None:
    assert generator.main([str(tmp_path / "crds")]) == 0

    names = sorted(path.name for path in (tmp_path / "crds").iterdir())
    plurals = ("drexecutions", "drschedules", "protectiongroups", "recoveryplans", "targetaccounts")
    assert names == [f"drs-operator.io_{plural}.yaml" for plural in plurals]


def test_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generator.main([str(tmp_path)])
    assert generator.main([str(tmp_path), "--check"]) == 0
    assert capsys.readouterr().out == ""

    edited = tmp_path / generator.file_name(DRExecution)
    edited.write_text(edited.read_text().replace("- drx\n", "- drexec\n"))
    gone = tmp_path / "drs-operator.io_gones.yaml"
    gone.write_text("kind: Gone\n")

    assert generator.main([str(tmp_path), "--check"]) == 1
    printed = capsys.readouterr()
    assert "-      - drexec\n+      - drx\n" in printed.out
    assert "-kind: Gone" in printed.out
    assert "make generate" in printed.err
    assert edited.read_text().count("drexec\n") == 1, "a check writes nothing"

    assert generator.main([str(tmp_path)]) == 0
    assert not gone.exists(), "a CRD of a kind that is gone is removed"
    assert generator.main([str(tmp_path), "--check"]) == 0


def test_lifted_files(tmp_path: Path) -> None:
    generator.main([str(tmp_path), "--lift-not-available"])

    assert [path.name for path in tmp_path.iterdir() if "NOT_AVAILABLE" in path.read_text()] == []
