"""The status of a TargetAccount."""

from typing import Any

import pytest

from drs_operator.api.v1alpha1 import TargetAccount
from drs_operator.api.v1alpha1.conditions import find_condition
from drs_operator.api.v1alpha1.targetaccount import TargetAccountStatus
from drs_operator.planning import account as accounts
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
    assert f"95 of 100 replicating servers (95 %) in account {b.ACCOUNT}, us-west-2" in condition.message
    assert "request-service-quota-increase --service-code drs --quota-code L-C1D14A2B" in condition.message


@pytest.mark.parametrize(("servers", "says"), [(74, None), (75, "(75 %)"), (82, "a warning from 75% on"), (83, None)])
def test_capacity_warns_in_words_before_it_is_lost(servers: int, says: str | None) -> None:
    condition = find_condition(_evaluate(_active(servers, quota=99)).conditions, "CapacityOK")

    assert condition is not None
    assert says is None or says in condition.message
    assert ("a warning" in condition.message) == (says is not None)
    assert condition.status == ("False" if servers == 83 else "True")


def test_capacity_of_a_region_that_does_not_answer_is_what_was_known() -> None:
    before = _evaluate(_active(95, quota=100))

    status = _evaluate(b.region_report(state="UNREACHABLE", code="DRS_ERROR", message="no answer"), before=before)

    assert _said(status, "CapacityOK") == ("False", "CapacityExhausted")
    (region,) = status.regions
    assert (region.state, region.message, region.source_servers) == ("UNREACHABLE", "no answer", 95)
    assert status.source_servers == 95


@pytest.mark.parametrize(
    ("state", "kept"), [("UNREACHABLE", 3), ("THROTTLED", 3), ("ERROR", 3), ("ACCESS_DENIED", None)]
)
def test_counts_of_before_stand_while_a_region_passes_through_trouble(state: str, kept: int | None) -> None:
    before = _evaluate(_active(3, quota=100))

    (region,) = _evaluate(b.region_report(state=state, code="DRS_ERROR", message="!"), before=before).regions

    assert region.source_servers == kept
    assert (region.quotas is not None) == (kept is not None)


def test_what_was_known_of_regions_stands_when_nobody_could_ask() -> None:
    before = _evaluate(_active(3))

    assert _evaluate(failure=CLOSED, before=before).regions == before.regions
    other = accounts.taken(b.account("newer"), b.account("older"))
    assert _evaluate(failure=other, before=before).regions == [], "this object is not used at all"


def test_published_quotas_say_so() -> None:
    report = b.region_report(
        inventory=b.inventory(), quotas={"jobsInProgress": 20}, message="quotas are published ones"
    )

    (region,) = _evaluate(report).regions

    assert (region.state, region.message) == ("ACTIVE", "quotas are published ones")


# --- deletion -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reports", "ready"), [([_active()], ("True", "Ready")), ([UNREACHABLE], ("False", "AccountUnavailable"))]
)
def test_an_account_that_is_deleted_in_use_stays_what_it_is_and_says_by_how_many(
    reports: list[RegionReport], ready: tuple[str, str]
) -> None:
    account = b.account(meta={"deletionTimestamp": b.NOW.isoformat()})

    status = accounts.evaluate(account, ROLE, reports, None, [], 12, b.NOW)

    assert _said(status, "Ready") == ready
    condition = find_condition(status.conditions, "Ready")
    assert condition is not None
    assert "being deleted, and 12 protection groups use it: it stays usable" in condition.message


def test_who_deletes_an_account_in_use_is_told_what_to_look_for() -> None:
    text = accounts.in_use(b.account(), 1)

    assert "TargetAccount production (account 123456789012)" in text
    assert "1 protection group uses it" in text
    assert "kubectl get drpg -A" in text


# --- one id, several objects ----------------------------------------------------------------------------------------


def _born(name: str, seconds: float, account_id: str = b.ACCOUNT) -> TargetAccount:
    return b.account(name, meta={"creationTimestamp": b.at(seconds).isoformat()}, accountId=account_id)


@pytest.mark.parametrize(
    ("account", "others", "first", "because"),
    table(
        ("alone", _born("a", 0), [], None, "nobody else has the id"),
        ("itself in the list", _born("a", 0), [_born("a", 0)], None, "an object is no rival of its own"),
        ("older", _born("b", 0), [_born("a", 1)], None, "it came first, whatever its name"),
        ("younger", _born("a", 1), [_born("b", 0)], "b", "the other came first"),
        ("same second", _born("b", 0), [_born("a", 0)], "a", "then the name decides"),
        ("another id", _born("b", 1), [_born("a", 0, "210987654321")], None, "ids differ"),
        ("three", _born("c", 2), [_born("b", 1), _born("a", 0)], "a", "the first of all has it"),
    ),
)
def test_the_oldest_object_has_the_account(
    account: TargetAccount, others: list[TargetAccount], first: str | None, because: str
) -> None:
    found = accounts.elder(account, others)

    assert (found.metadata.name if found else None) == first, because


def test_whose_account_is_taken_is_not_ready_and_is_told_by_whom() -> None:
    failure = accounts.taken(_born("copy", 1), _born("production", 0))

    status = _evaluate(failure=failure)

    assert _said(status, "Ready") == _said(status, "Reachable") == ("False", "AlreadyExists")
    assert all(part in failure.message for part in (b.ACCOUNT, "production", "kubectl delete drta copy"))


def test_a_group_is_told_both_ids_when_the_account_behind_the_name_has_changed() -> None:
    failure = accounts.changed(b.account(), "210987654321")

    assert failure.code == "ACCOUNT_CHANGED"
    assert all(part in failure.message for part in ("production", b.ACCOUNT, "210987654321", "create production anew"))


# --- protected servers ----------------------------------------------------------------------------------------------


def test_servers_of_a_group_that_was_not_looked_at_yet_count_as_protected() -> None:
    """Otherwise every group that is looked at would make its account write its status."""
    seen = b.group(status={"observedGeneration": 1, "servers": [{"serverId": b.server_id(7), "recoverable": True}]})
    fresh = b.group("group-2", sourceServerIds=[b.server_id(2)])
    inventory = b.inventory(b.source_server(1), b.source_server(2, tags={}), b.source_server(3, tags={}))

    protected = accounts.protected_by([seen, fresh], [b.region_report(inventory=inventory)])

    assert protected == {b.server_id(7), b.server_id(2)}, "of the one what it has, of the other what it will have"
    assert accounts.protected_by([fresh], [UNREACHABLE]) == frozenset()


def test_observe_is_ready_and_says_so() -> None:
    status = _evaluate(_active(), managementPolicy="Observe")

    assert _said(status, "Ready") == ("True", "Observing")
    condition = find_condition(status.conditions, "Ready")
    assert condition is not None
    assert (
        """kubectl patch drta production --type merge -p '{"spec":{"managementPolicy":"Manage"}}'"""
        in condition.message
    )


@pytest.mark.parametrize("reports", [[_active()], [UNREACHABLE], []])
def test_steady_state_writes_nothing(reports: list[RegionReport]) -> None:
    first = _evaluate(*reports)

    assert _evaluate(*reports, before=first) == first
