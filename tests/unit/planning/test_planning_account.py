"""The status of a TargetAccount."""

from typing import Any

import pytest

from drs_operator.api.v1alpha1.conditions import find_condition
from drs_operator.api.v1alpha1.targetaccount import TargetAccountStatus
from drs_operator.planning.account import evaluate
from drs_operator.planning.facts import Failure, RegionReport
from tests import builders as b
from tests.unit.planning.tables import table

ROLE = f"arn:aws:iam::{b.ACCOUNT}:role/DRSOrchestrationRole"
NOT_INITIALIZED = b.region_report(
    "eu-west-1", "NOT_INITIALIZED", code="DRS_NOT_INITIALIZED", message="aws drs initialize-service"
)
UNREACHABLE = b.region_report("ap-south-1", "UNREACHABLE", code="DRS_ERROR", message="no answer")
DENIED = b.region_report("eu-north-1", "ACCESS_DENIED", code="ACCOUNT_UNAVAILABLE", message="extend the policy")
CLOSED = Failure("ROLE_ASSUMPTION_FAILED", "role could not be assumed")


def _active(servers: int = 2, name: str = b.REGION, quota: int | None = None, **server: Any) -> RegionReport:
    inventory = b.inventory(*(b.source_server(n, **server) for n in range(1, servers + 1)))
    return b.region_report(name, inventory=inventory, quotas={"replicatingServers": quota} if quota else {})


def _evaluate(
    *reports: RegionReport, failure: Failure | None = None, before: TargetAccountStatus | None = None, **spec: Any
) -> TargetAccountStatus:
    account = b.account(**spec)
    if before is not None:
        account = account.model_copy(update={"status": before})
    return evaluate(account, ROLE, reports, failure, [b.server_id(1)], 3, b.NOW if before is None else b.at(3600))


def _said(status: TargetAccountStatus, type: str) -> tuple[str, str] | None:
    condition = find_condition(status.conditions, type)
    return (condition.status, condition.reason) if condition else None


@pytest.mark.parametrize(
    ("reports", "failure", "ready", "reachable", "initialized", "because"),
    table(
        ("active", [_active()], None, ("True", "Ready"), ("True", "Reachable"), ("True", "Initialized"), "all is well"),
        (
            "one not initialised",
            [_active(), NOT_INITIALIZED],
            None,
            ("True", "Ready"),
            ("True", "Reachable"),
            ("True", "PartlyInitialized"),
            "the others work",
        ),
        (
            "none initialised",
            [NOT_INITIALIZED],
            None,
            ("False", "DrsNotInitialized"),
            ("True", "Reachable"),
            ("False", "DrsNotInitialized"),
            "reachable, but nothing can be launched",
        ),
        (
            "one does not answer",
            [_active(), UNREACHABLE],
            None,
            ("True", "Ready"),
            ("True", "PartlyReachable"),
            ("True", "Initialized"),
            "a Region that hangs takes nothing from the others",
        ),
        (
            "none answers",
            [UNREACHABLE, DENIED],
            None,
            ("False", "AccountUnavailable"),
            ("False", "AccountUnavailable"),
            ("Unknown", "NoRegion"),
            "whether DRS is initialised is not known then",
        ),
        (
            "not initialised and silent",
            [NOT_INITIALIZED, UNREACHABLE],
            None,
            ("False", "DrsNotInitialized"),
            ("True", "PartlyReachable"),
            ("False", "DrsNotInitialized"),
            "no Region can be launched in",
        ),
        (
            "door closed",
            [],
            CLOSED,
            ("False", "RoleAssumptionFailed"),
            ("False", "RoleAssumptionFailed"),
            ("Unknown", "RoleAssumptionFailed"),
            "the account itself cannot be entered",
        ),
        (
            "no Region",
            [],
            None,
            ("True", "Ready"),
            ("Unknown", "NoRegion"),
            ("Unknown", "DrsNotInitialized"),
            "nothing was asked, so nothing is claimed to answer",
        ),
    ),
)
def test_conditions(
    reports: list[RegionReport],
    failure: Failure | None,
    ready: tuple[str, str],
    reachable: tuple[str, str],
    initialized: tuple[str, str],
    because: str,
) -> None:
    status = _evaluate(*reports, failure=failure)

    assert _said(status, "Ready") == ready, because
    assert _said(status, "Reachable") == reachable, because
    assert _said(status, "DRSInitialized") == initialized, because
    assert status.observed_generation == 1, "also after a failure"


def test_regions_say_what_they_hold_and_what_is_wrong() -> None:
    inventory = b.inventory(
        b.source_server(1),
        b.source_server(2, replication_state="DISCONNECTED"),
        b.source_server(3, staging_account_id="987654321098"),
    )

    status = _evaluate(b.region_report(inventory=inventory), NOT_INITIALIZED)

    region, other = status.regions
    assert (region.source_servers, region.replicating_servers) == (3, 2)
    assert (region.extended_servers, region.unprotected_servers) == (1, 2), "server 1 is in a group"
    assert (other.state, other.message, other.source_servers) == ("NOT_INITIALIZED", "aws drs initialize-service", None)
    assert status.region_summary == "us-east-1,eu-west-1"
    assert (status.source_servers, status.unprotected_servers, status.used_by_count) == (3, 2, 3)
    assert status.role_arn == ROLE


@pytest.mark.parametrize(
    ("servers", "quota", "want", "because"),
    table(
        ("not read", 1, None, None, "a quota that is not known is not judged"),
        ("plenty", 74, 100, ("True", "CapacityOK"), "below three quarters"),
        ("low", 75, 100, ("True", "CapacityLow"), "three quarters are a warning"),
        ("low of 300", 249, 300, ("True", "CapacityLow"), "just below 250 of 300"),
        ("full of 300", 250, 300, ("False", "CapacityExhausted"), "250 of 300"),
        ("full of 600", 500, 600, ("False", "CapacityExhausted"), "the same share of a raised quota"),
    ),
)
def test_capacity(servers: int, quota: int | None, want: tuple[str, str] | None, because: str) -> None:
    status = _evaluate(_active(servers, quota=quota))

    assert _said(status, "CapacityOK") == want, because
    assert _said(status, "Ready") == ("True", "Ready"), "a full quota takes no launch away"


def test_capacity_counts_what_replicates_in_the_fullest_region() -> None:
    broken = _active(90, quota=100, replication_state="STOPPED")
    full = _active(95, "us-west-2", quota=100)

    status = _evaluate(broken, full)

    condition = find_condition(status.conditions, "CapacityOK")
    assert condition is not None
    assert "95 of 100 replicating servers in us-west-2" in condition.message


def test_observe_is_ready_and_says_so() -> None:
    assert _said(_evaluate(_active(), managementPolicy="Observe"), "Ready") == ("True", "Observing")


@pytest.mark.parametrize("reports", [[_active()], [UNREACHABLE], []])
def test_steady_state_writes_nothing(reports: list[RegionReport]) -> None:
    first = _evaluate(*reports)

    assert _evaluate(*reports, before=first) == first
