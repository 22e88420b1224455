"""The reference of reasons: complete, true to the types, and true to what the operator gives."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from drs_operator.api.crd import crd
from drs_operator.api.reasons import REASONS, Area, Form, Reason, Seen
from drs_operator.api.reasons.__main__ import main, render
from drs_operator.api.v1alpha1 import KINDS
from drs_operator.api.v1alpha1.codes import Code, reason
from drs_operator.api.v1alpha1.enums import ConditionType, HoldReason
from drs_operator.planning.launching import Refusal
from tests.unit.api.reasons_in_code import ROOT, given, literals_in_calls

REFERENCE = ROOT / "docs" / "reference" / "reasons.md"
SCHEMAS = {kind.definition.kind: crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for kind in KINDS}
BY_WORD = {entry.word: entry for entry in REASONS}
BY_CODE = {entry.code: entry for entry in REASONS if entry.code is not None}


def test_every_code_has_one_record_and_no_word_has_two() -> None:
    assert set(BY_CODE) == set(Code)
    assert len(BY_CODE) == sum(entry.code is not None for entry in REASONS)
    assert len(BY_WORD) == len(REASONS)


@pytest.mark.parametrize("entry", REASONS, ids=lambda entry: entry.word)
def test_a_record_says_what_a_person_needs(entry: Reason) -> None:
    assert re.fullmatch(r"[A-Z][A-Za-z]+", entry.word)
    assert entry.code is None or entry.word == reason(entry.code)
    assert entry.means.endswith(".")
    assert entry.first == "" or entry.first.endswith(".")
    assert entry.code is None or entry.first, "an error always has a next step"
    assert entry.available == (entry.missing == "")
    assert entry.seen
    assert len(set(entry.seen)) == len(entry.seen)


def _node(schema: dict[str, Any], path: str) -> dict[str, Any] | None:
    """The schema of a field, `conditions[].type` for one of a list's items; None if there is none."""
    node: dict[str, Any] | None = schema
    for part in path.split("."):
        node = (node or {}).get("properties", {}).get(part.removesuffix("[]"))
        if node is not None and part.endswith("[]"):
            node = node.get("items")
    return node


@pytest.mark.parametrize("seen", sorted({s for entry in REASONS for s in entry.seen}, key=str), ids=str)
def test_what_is_seen_somewhere_can_be_seen_there(seen: Seen) -> None:
    match seen.form:
        case Form.CONDITION:
            assert seen.kind in SCHEMAS
            assert seen.where in set(ConditionType)
        case Form.FIELD:
            assert _node(SCHEMAS[str(seen.kind)], f"status.{seen.where}") is not None
        case Form.PROCESS | Form.GATEWAY:
            assert seen.kind is None
        case _:
            assert seen.kind in SCHEMAS


def test_every_reason_in_the_source_has_a_record() -> None:
    """Fails when a reconciler or a decision gives a reason or code that api/reasons does not know: add its record."""
    known = set(BY_WORD) | set(BY_CODE)
    unknown = {text: where for text, where in literals_in_calls().items() if text not in known}
    assert unknown == {}


@pytest.mark.parametrize("value", [*Refusal, *HoldReason], ids=str)
def test_every_value_of_an_enum_of_reasons_has_a_record(value: str) -> None:
    assert value in BY_WORD


def _words(entry: Reason) -> set[str]:
    return {entry.word} | ({entry.code.value} if entry.code else set())


def test_available_is_what_the_source_gives_and_nothing_else() -> None:
    """Fails when a function was built or removed: set or drop `missing` of its records, and write their runbooks."""
    found = given()
    claimed = {entry.word for entry in REASONS if entry.available and not _words(entry) & found}
    denied = {entry.word for entry in REASONS if not entry.available and _words(entry) & found}
    assert (claimed, denied) == (set(), set()), "available but never given; given but called not available"


def test_the_scan_sees_what_it_must() -> None:
    """The tests above mean something only as long as the scan finds reasons in each of their forms."""
    literals, found = literals_in_calls(), given()
    assert {"TOO_FEW_SERVERS", "Resolved", "CapacityExhausted", "NOTHING_TO_SKIP", "RUN_ID_CONFLICT"} <= set(literals)
    assert {"WAVE_TIMED_OUT", "LIVE_RECOVERY_INSTANCE", "WaveFailed", "DYNAMODB_ERROR"} <= set(literals)
    assert {"CIRCULAR_DEPENDENCY", "INVALID_SERVERS", "WaveSkipped", "Validating", "NotSent"} <= found


def test_the_reference_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(REFERENCE), "--check"]) == 0, capsys.readouterr().out
    text = REFERENCE.read_text(encoding="utf-8")
    for area in Area:
        assert f"## {area}" in text
    for entry in REASONS:
        assert len(re.findall(rf"^\| \[?{entry.word}\W", text, re.MULTILINE)) == 1, entry.word


def test_check_writes_nothing_and_shows_the_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "reference" / "reasons.md"
    assert main([str(file), "--check"]) == 1
    assert not file.exists()
    assert main([str(file)]) == 0
    assert file.read_text(encoding="utf-8") == render()
    file.write_text(render().replace("TagConflict", "TagQuarrel"), encoding="utf-8")
    capsys.readouterr()
    assert main([str(file), "--check"]) == 1
    output = capsys.readouterr()
    assert "-| [TagQuarrel]" in output.out
    assert "make generate" in output.err
