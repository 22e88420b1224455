"""Logs: one JSON line or one readable line for each entry, and never a secret."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import structlog

from drs_operator.observability import logs
from drs_operator.ports import Access

SECRET = "unique-external-id-123"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def _written(capsys: pytest.CaptureFixture[str]) -> str:
    written = capsys.readouterr()
    assert written.out == "", "logs go to stderr"
    return written.err


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "INFO")
    structlog.get_logger().info("ready", object="drx/dr/drill")
    entry = json.loads(_written(capsys))
    assert {key: entry[key] for key in ("event", "level", "object")} == {
        "event": "ready",
        "level": "info",
        "object": "drx/dr/drill",
    }
    assert entry["timestamp"].endswith("Z")


def test_levels_below_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "WARNING")
    structlog.get_logger().info("quiet")
    assert _written(capsys) == ""


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize(
    "entry",
    [
        {"external_id": SECRET},
        {"externalId": SECRET},
        {"session_token": SECRET},
        {"request": {"ExternalId": SECRET, "deeper": {"password": SECRET}}},
        {"access": Access("production", "123456789012", "Role", SECRET)},
    ],
    ids=["external_id", "externalId", "token", "nested", "access"],
)
def test_secrets_are_not_written(form: str, entry: dict[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(form, "INFO")
    structlog.get_logger().info("entering", **entry)
    written = _written(capsys)
    assert "entering" in written
    assert SECRET not in written


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_has_no_values_of_variables(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(form, "INFO")

    def enter(external: str) -> None:
        raise ValueError("a defect")

    value = SECRET
    try:
        enter(value)
    except ValueError:
        structlog.get_logger().exception("a defect in a reconciler")
    written = _written(capsys)
    assert "ValueError" in written
    assert "a defect" in written
    assert "enter" in written, "the way to the defect is told"
    assert SECRET not in written
