"""Reading is tolerant, writing is exact, and what is absent has the meaning that the descriptions state."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, Resource, TargetAccount
from drs_operator.api.v1alpha1.drexecution import DRExecutionSpec, RecoveryPoint
from drs_operator.api.v1alpha1.drexecution_status import DRExecutionStatus, HoldStatus, ServerError
from drs_operator.api.v1alpha1.enums import (
    AmbiguousLaunchPolicy,
    ExecutionPhase,
    ExecutionType,
    HoldReason,
    OnFailure,
    RecoveryPointPolicy,
)
from drs_operator.api.v1alpha1.fields import clip
from drs_operator.api.v1alpha1.recoveryplan import WaveSpec
from drs_operator.api.v1alpha1.selectors import LabelSelector
from drs_operator.api.v1alpha1.targetaccount import AllowedNamespaces
from tests.unit.api.largest import LARGEST

Object = dict[str, Any]

DRILL: Object = {"recoveryPlanRef": {"name": "production"}, "executionType": "DRILL"}


def execution(spec: Object | None = None, **fields: Any) -> DRExecution:
    return DRExecution.model_validate(
        {"metadata": {"name": "run", "namespace": "dr"}, "spec": {**DRILL, **(spec or {})}, **fields}
    )


@pytest.mark.parametrize("kind", LARGEST, ids=lambda kind: str(kind.definition.kind))
def test_round_trip(kind: type[Resource]) -> None:
    given = LARGEST[kind]()

    written = kind.model_validate(given).to_json()

    assert written["status"] == given["status"]
    assert _without_empty(written["spec"]) == given["spec"]
    assert kind.model_validate(written).to_json() == written


def _without_empty(spec: Object) -> Object:
    return {name: value for name, value in spec.items() if value not in ([], {})}


def test_unknown_fields_are_ignored() -> None:
    read = execution(
        {"fromTheFuture": {"a": 1}, "recoveryPoint": {"policy": "Latest", "also": True}},
        metadata={"name": "run", "managedFields": [], "selfLink": "/"},
        status={"fromTheFuture": 1},
        items=[],
    )

    assert "fromTheFuture" not in read.to_json()["spec"]


def test_bounds_are_left_to_the_api_server() -> None:
    """A bound that was tightened, or a longer value of a newer operator, must not make an object unreadable."""
    read = execution({"runId": "r" * 500}, status={"executionId": "e" * 500})

    assert (read.run_id, read.status.execution_id) == ("r" * 500, "e" * 500)


def test_values_of_newer_versions_in_status_stay_readable() -> None:
    status = execution(status={"phase": "Archived", "holds": [{"id": "1.1", "reason": "Requested"}]}).status

    assert status.phase == "Archived"
    assert status.to_json()["phase"] == "Archived"
    assert status.holds[0].reason is HoldReason.REQUESTED


def test_values_of_newer_versions_in_spec_are_not_guessed() -> None:
    with pytest.raises(ValidationError):
        execution({"executionType": "FAILBACK"})


def test_another_kind_is_not_read() -> None:
    with pytest.raises(ValidationError):
        RecoveryPlan.model_validate({"kind": "DRExecution", "metadata": {"name": "p"}, "spec": {"waves": []}})


def test_status_before_the_operator_came() -> None:
    status = execution().status

    assert (status.observed_generation, status.conditions, status.phase) == (-1, [], None)


@pytest.mark.parametrize(
    ("time", "written"),
    [
        (datetime(2026, 1, 31, 12, 0, 0, 999999, tzinfo=UTC), "2026-01-31T12:00:00Z"),
        (datetime(2026, 1, 31, 0, 30, tzinfo=timezone(timedelta(hours=2))), "2026-01-30T22:30:00Z"),
    ],
)
def test_times_are_written_in_utc_with_whole_seconds(time: datetime, written: str) -> None:
    assert DRExecutionStatus(start_time=time).to_json()["startTime"] == written


@pytest.mark.parametrize("text", ["2026-01-31T12:00:00Z", "2026-01-31T13:00:00.000000+01:00"])
def test_times_are_read_in_every_form_that_the_api_server_lets_in(text: str) -> None:
    assert execution({"requestedAt": text}).spec.requested_at == datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_time_without_offset_is_refused() -> None:
    with pytest.raises(ValidationError):
        DRExecutionStatus(start_time=datetime(2026, 1, 31, 12))


def test_absent_fields_are_not_written() -> None:
    status = DRExecutionStatus(observed_generation=2, phase=ExecutionPhase.RUNNING)

    assert status.to_json() == {
        "observedGeneration": 2,
        "conditions": [],
        "phase": "Running",
        "findings": [],
        "holds": [],
        "waves": [],
        "requests": [],
    }


def test_long_messages_are_cut_when_written() -> None:
    error = ServerError(code="DRS_ERROR", message="é" * 81)
    hold = HoldStatus(id="1.1", reason=HoldReason.REQUESTED)
    hold.message = "m" * 385

    assert error.to_json()["message"] == "é" * 79 + "…"
    assert hold.to_json()["message"] == "m" * 383 + "…"


@pytest.mark.parametrize(("text", "limit", "wanted"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("", 3, "")])
def test_clip(text: str, limit: int, wanted: str) -> None:
    assert clip(text, limit) == wanted


def test_run_id() -> None:
    assert execution().run_id == "dr/run"
    assert execution({"runId": "2026-q1"}).run_id == "2026-q1"


@pytest.mark.parametrize(
    ("spec", "deadline", "policy"),
    [
        ({}, 3600, AmbiguousLaunchPolicy.REISSUE),
        ({"executionType": "RECOVERY"}, 600, AmbiguousLaunchPolicy.HOLD),
        ({"startingDeadlineSeconds": 5, "ambiguousLaunchPolicy": "Hold"}, 5, AmbiguousLaunchPolicy.HOLD),
        (
            {"executionType": "RECOVERY", "startingDeadlineSeconds": 5, "ambiguousLaunchPolicy": "Reissue"},
            5,
            AmbiguousLaunchPolicy.REISSUE,
        ),
    ],
)
def test_defaults_of_an_execution(spec: Object, deadline: int, policy: AmbiguousLaunchPolicy) -> None:
    read = DRExecutionSpec.model_validate({**DRILL, **spec})

    assert read.effective_starting_deadline_seconds == deadline
    assert read.effective_ambiguous_launch_policy is policy
    assert read.effective_recovery_point == RecoveryPoint(policy=RecoveryPointPolicy.LATEST)


@pytest.mark.parametrize(
    ("wave", "type", "wanted"),
    [
        ({}, ExecutionType.DRILL, OnFailure.FAIL),
        ({}, ExecutionType.RECOVERY, OnFailure.PAUSE),
        ({"onFailure": "Continue"}, ExecutionType.RECOVERY, OnFailure.CONTINUE),
    ],
)
def test_failure_of_a_wave(wave: Object, type: ExecutionType, wanted: OnFailure) -> None:
    read = WaveSpec.model_validate({"waveNumber": 2, "name": "w", "protectionGroupRef": {"name": "g"}, **wave})

    assert read.effective_on_failure(type) is wanted


def test_order_of_a_wave() -> None:
    wave = {"waveNumber": 2, "name": "w", "protectionGroupRef": {"name": "g"}}

    assert WaveSpec.model_validate(wave).effective_launch_order == 2
    assert WaveSpec.model_validate({**wave, "launchOrder": 0}).effective_launch_order == 0


def test_display_names() -> None:
    metadata = {"metadata": {"name": "web"}}
    group: Object = {
        "targetAccountRef": {"name": "production"},
        "region": "us-east-1",
        "serverSelectionMode": "explicit",
        "sourceServerIds": ["s-00000000000000001"],
    }
    account: Object = {"accountId": "123456789012", "allowedNamespaces": {"from": "All"}}

    assert ProtectionGroup.model_validate({**metadata, "spec": group}).display_name == "web"
    assert ProtectionGroup.model_validate({**metadata, "spec": {**group, "displayName": "Web"}}).display_name == "Web"
    assert RecoveryPlan.model_validate({**metadata, "spec": {"waves": []}}).display_name == "web"
    assert TargetAccount.model_validate({**metadata, "spec": account}).display_name == "web"


@pytest.mark.parametrize(
    ("selector", "labels", "matches", "because"),
    [
        ({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True, "further labels do not matter"),
        ({"matchLabels": {"a": "1", "b": "1"}}, {"a": "1", "b": "2"}, False, "all must match"),
        ({"matchLabels": {"a": ""}}, {}, False, "an absent label is not an empty one"),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, {"a": "2"}, True, "in"),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, {}, False, "absent is not in"),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {"a": "1"}, False, "not in"),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {}, True, "absent is not in"),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True, "an empty value exists"),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": ""}, False, "it exists"),
        (
            {"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]},
            {"a": "1"},
            False,
            "both kinds must match",
        ),
    ],
)
def test_label_selector(selector: Object, labels: dict[str, str], matches: bool, because: str) -> None:
    assert LabelSelector.model_validate(selector).matches(labels) is matches, because
    assert AllowedNamespaces.model_validate({"from": "Selector", "selector": selector}).admits(labels) is matches


def test_all_namespaces() -> None:
    assert AllowedNamespaces.model_validate({"from": "All"}).admits({})


def test_selector_that_is_missing_admits_nobody() -> None:
    assert not AllowedNamespaces.model_validate({"from": "Selector"}).admits({"a": "1"})
