"""The status of a ProtectionGroup."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup
from drs_operator.api.v1alpha1.conditions import Condition, find_condition
from drs_operator.api.v1alpha1.limits import LISTED_INVALID_SERVERS, LISTED_PLANS
from drs_operator.api.v1alpha1.protectiongroup import ProtectionGroupStatus
from drs_operator.planning import ids
from drs_operator.planning.facts import Failure, SourceServer
from drs_operator.planning.group import Users
from tests import builders as b
from tests.unit.planning.group_sights import evaluated, unread
from tests.unit.planning.tables import table


def _evaluate(
    group: ProtectionGroup,
    *servers: SourceServer,
    points: Mapping[str, bool] | None = None,
    used_by: tuple[str, ...] = (),
    seconds: float = 0,
) -> ProtectionGroupStatus:
    return evaluated(group, b.inventory(*servers), points, users=Users(plans=used_by), seconds=seconds)


def _with(group: ProtectionGroup, status: ProtectionGroupStatus) -> ProtectionGroup:
    return group.model_copy(update={"status": status})


def _condition(status: ProtectionGroupStatus, type: str) -> Condition:
    condition = find_condition(status.conditions, type)
    assert condition is not None, type
    return condition


def test_a_healthy_group() -> None:
    servers = (b.source_server(1), b.source_server(2, lag=timedelta(minutes=5), source_region="eu-central-1"))

    status = _evaluate(b.group(), *servers, used_by=("zebra", "alpha"))

    assert status.group_id == ids.group_id(b.INSTALLATION, b.NAMESPACE, "group-1")
    assert (status.account_id, status.observed_generation) == (b.ACCOUNT, 1)
    assert (status.server_count, status.healthy_count, status.worst_lag) == (2, 2, "<15m")
    assert (status.source_regions, status.source_region_summary) == (
        ["eu-central-1", b.ORIGIN],
        "eu-central-1,eu-west-1",
    )
    assert status.used_by_plans == ["alpha", "zebra"]
    assert [condition.type for condition in status.conditions] == [
        "Ready",
        "ServersResolved",
        "NoConflicts",
        "MembershipStable",
        "ReplicationHealthy",
        "LedgerSynced",
    ]
    assert {condition.status for condition in status.conditions} == {"True"}


def test_steady_state_writes_nothing() -> None:
    group = b.group()
    servers = (b.source_server(1), b.source_server(2, replication_state="DISCONNECTED"), b.source_server(3))
    first = _evaluate(group, *servers)

    second = _evaluate(_with(group, first), *servers, seconds=3600)

    assert second == first, "also an hour later, also with something wrong"


BROKEN = {"replication_state": "DISCONNECTED"}
SYNCING = {"replication_state": "INITIAL_SYNC"}
STALLED = {"replication_state": "STALLED"}


@pytest.mark.parametrize(
    ("spec", "servers", "with_point", "want", "says", "because"),
    table(
        ("nobody", {}, [], False, ("False", "TooFewServers"), "Tier=web", "the message names the tags"),
        (
            "too few",
            {"membership": {"minServers": 2}},
            [{}],
            False,
            ("False", "TooFewServers"),
            "1 of at least 2",
            "minServers",
        ),
        ("enough", {"membership": {"minServers": 2}}, [{}, {}], False, ("True", "Ready"), "2 servers", "minServers"),
        (
            "too few listed",
            {"sourceServerIds": [b.server_id(1)], "membership": {"minServers": 2}},
            [{}],
            False,
            ("False", "TooFewServers"),
            "sourceServerIds",
            "the message speaks of the list, not of tags",
        ),
        (
            "unknown id",
            {"sourceServerIds": [b.server_id(1), b.server_id(9)]},
            [{}],
            False,
            ("False", "InvalidServers"),
            b.server_id(9),
            "an id that is not there is named",
        ),
        ("disconnected", {}, [{}, BROKEN], True, ("False", "InvalidReplicationState"), "host-2", "whatever points"),
        ("no point", {}, [SYNCING], False, ("False", "NoRecoveryPoint"), "host-1", "the initial sync is not over"),
        ("synced anew", {}, [SYNCING], True, ("True", "Ready"), "1 servers", "a point is there"),
        ("stalled", {}, [STALLED], True, ("True", "Ready"), "1 servers", "recoverable by evidence"),
        ("stalled, no point", {}, [STALLED], False, ("False", "NoRecoveryPoint"), "host-1", "by evidence, too"),
        (
            "nobody before broken",
            {"membership": {"minServers": 3}},
            [{}, BROKEN],
            False,
            ("False", "TooFewServers"),
            "2 of at least 3",
            "Ready copies the first that is not met",
        ),
    ),
)
def test_ready(
    spec: dict[str, Any],
    servers: list[dict[str, Any]],
    with_point: bool,
    want: tuple[str, str],
    says: str,
    because: str,
) -> None:
    seen = [b.source_server(number, **server) for number, server in enumerate(servers, start=1)]

    status = _evaluate(b.group(**spec), *seen, points={server.server_id: with_point for server in seen})

    condition = _condition(status, "Ready")
    assert (condition.status, condition.reason) == want, because
    assert says in condition.message, because


def test_a_server_whose_points_were_not_probed_counts_as_without() -> None:
    status = _evaluate(b.group(), b.source_server(1, replication_state="PAUSED"))

    assert [server.recoverable for server in status.servers] == [False], "no evidence is no recovery point"
    assert status.healthy_count == 0


def test_servers_that_cannot_be_protected_are_listed_with_what_to_do() -> None:
    group = b.group(sourceServerIds=[b.server_id(n) for n in (1, 2, 3, 9)])
    servers = (b.source_server(1), b.source_server(2, **BROKEN), b.source_server(3, **SYNCING))

    status = _evaluate(group, *servers)

    assert status.invalid_server_count == 3
    found = {invalid.server_id: invalid.reason or "" for invalid in status.invalid_servers}
    assert found[b.server_id(9)].startswith("INVALID_SERVERS:")
    assert found[b.server_id(2)].startswith("INVALID_REPLICATION_STATE:")
    assert found[b.server_id(3)].startswith("NO_RECOVERY_POINT:")


def test_lists_keep_to_the_limits_of_the_schema_and_counts_stay_whole() -> None:
    broken = [b.source_server(n, **BROKEN) for n in range(1, LISTED_INVALID_SERVERS + 11)]
    plans = tuple(f"plan-{n}" for n in range(LISTED_PLANS + 5))

    status = _evaluate(b.group(), *broken, used_by=plans)
    blind = unread(b.group(), Failure("DRS_ERROR", "…"), Users(plans=plans))

    assert (len(status.invalid_servers), status.invalid_server_count) == (LISTED_INVALID_SERVERS, len(broken))
    assert (len(status.used_by_plans), len(blind.used_by_plans)) == (LISTED_PLANS, LISTED_PLANS)


def test_a_leaving_server_is_a_member_with_what_changed() -> None:
    group = b.group()
    before = _with(group, _evaluate(group, b.source_server(1), b.source_server(2)))

    status = _evaluate(before, b.source_server(1, tags={**b.TAGS, "Tier": "app"}), b.source_server(2))

    assert [(s.membership, s.message) for s in status.servers] == [
        ("Leaving", "Tier is app, not web"),
        ("Member", None),
    ]
    assert _condition(status, "MembershipStable").status == "False"
    assert _condition(status, "MembershipStable").reason == "MembershipUnstable"
    assert "host-1" in _condition(status, "MembershipStable").message
    assert _condition(status, "Ready").status == "True", "a Leaving server is still a member"


def test_a_stalled_server_with_a_point_is_recoverable_with_a_warning() -> None:
    status = _evaluate(b.group(), b.source_server(1, **STALLED), points={b.server_id(1): True})

    assert (status.servers[0].recoverable, status.healthy_count) == (True, 1)
    assert "stalled" in (status.servers[0].message or "")


@pytest.mark.parametrize(
    ("code", "want", "because"),
    table(
        ("account", "TARGET_ACCOUNT_NOT_FOUND", ("False", "TargetAccountNotFound"), "surely so"),
        ("namespace", "NAMESPACE_NOT_ALLOWED", ("False", "NamespaceNotAllowed"), "surely so"),
        ("Region", "DRS_ERROR", ("Unknown", "DrsError"), "a read that failed says nothing"),
        ("role", "ROLE_ASSUMPTION_FAILED", ("Unknown", "RoleAssumptionFailed"), "a read that failed says nothing"),
    ),
)
def test_unreadable_says_why_and_keeps_the_membership(code: str, want: tuple[str, str], because: str) -> None:
    group = b.group()
    before = _evaluate(group, b.source_server(1), b.source_server(2, **BROKEN))

    status = unread(_with(group, before), Failure(code, "what to do"), Users(("p",)), 60)

    for type in ("ServersResolved", "Ready"):
        assert (_condition(status, type).status, _condition(status, type).reason) == want, because
    assert (status.servers, status.version, status.group_id) == (before.servers, before.version, before.group_id)
    assert _condition(status, "ReplicationHealthy") == _condition(before, "ReplicationHealthy"), "as it was seen last"
    again = unread(_with(group, status), Failure(code, "what to do"), Users(("p",)), 3600)
    assert again == status, "steady state writes nothing"


def test_readable_again_is_as_before_the_failure() -> None:
    group = b.group()
    before = _evaluate(group, b.source_server(1))
    blind = unread(_with(group, before), Failure("DRS_ERROR", "…"), seconds=60)

    after = _evaluate(_with(group, blind), b.source_server(1), seconds=120)

    assert after.servers == before.servers
    assert _condition(after, "Ready").last_transition_time == b.at(120)
    assert _condition(after, "MembershipStable").last_transition_time == b.NOW, "it was never lost"
