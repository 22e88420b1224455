"""What refuses a run: all findings at once, everything for a DRILL, a short list for a RECOVERY."""

from typing import Any

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup, RecoveryPlan
from drs_operator.api.v1alpha1.drexecution_status import Finding
from drs_operator.api.v1alpha1.limits import LISTED_SERVERS_PER_FINDING
from drs_operator.planning.facts import Place
from drs_operator.planning.findings import findings
from tests import builders as b
from tests.unit.planning.grounds import ground, listed
from tests.unit.planning.tables import table

FAR = Place(b.ACCOUNT, "us-west-2")
TWO = b.plan(b.wave_spec(1), b.wave_spec(2))


def _found(type: str, *given: Any, **changes: Any) -> list[Finding]:
    return findings(b.execution(executionType=type, reason="x"), ground(*given, **changes))


def _codes(found: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.severity, finding.code) for finding in found]


@pytest.mark.parametrize("type", ["DRILL", "RECOVERY"])
def test_nothing_is_wrong(type: str) -> None:
    assert _found(type, b.plan(), listed(1, 1, 2)) == []


def _inventory(**server: Any) -> dict[str, Any]:
    servers = (b.source_server(1), b.source_server(2, **server))
    return {"inventories": (b.inventory(*servers),)}


def _instance(**changes: Any) -> dict[str, Any]:
    return {"instances": (b.instance(1, **{"is_drill": False, **changes}),)}


BROKEN = {"replication_state": "DISCONNECTED"}
FAILED = {"failures": {b.PLACE: "ACCOUNT_UNAVAILABLE: refused"}, "inventories": (b.inventory(place=FAR),)}
KNOWN = b.group("group-1", status={"servers": [{"serverId": b.server_id(1), "recoverable": True}]})
OBSERVED = {"accounts": {"production": b.account(managementPolicy="Observe")}}


@pytest.mark.parametrize(
    ("plan", "groups", "changes", "code", "recovery", "because"),
    table(
        ("no plan", None, [], {}, "RECOVERY_PLAN_NOT_FOUND", "Refusal", "the reference leads nowhere"),
        ("no group", b.plan(), [], {}, "PROTECTION_GROUP_NOT_FOUND", "Refusal", "the reference leads nowhere"),
        ("no account", b.plan(), [listed(1, 1)], {"accounts": {}}, "TARGET_ACCOUNT_NOT_FOUND", "Refusal", "as above"),
        ("namespace", b.plan(), [listed(1, 1)], {"allowed": {}}, "NAMESPACE_NOT_ALLOWED", "Refusal", "not allowed"),
        ("observe", b.plan(), [listed(1, 1)], OBSERVED, "ACCOUNT_OBSERVE_ONLY", "Refusal", "the emergency stop"),
        ("alive", b.plan(), [listed(1, 1, 2)], _instance(), "LIVE_RECOVERY_INSTANCE", "Refusal", "never launched over"),
        (
            "alive in an unknown state",
            b.plan(),
            [listed(1, 1)],
            _instance(state="REBOOTING"),
            "LIVE_RECOVERY_INSTANCE",
            "Refusal",
            "what is not surely gone is alive",
        ),
        (
            "cycle",
            b.plan(b.wave_spec(1, dependsOnWaves=[1])),
            [listed(1, 1)],
            {},
            "CIRCULAR_DEPENDENCY",
            "Refusal",
            "a wave that can never start",
        ),
        ("no server at all", b.plan(), [b.group("group-1", serverSelectionTags={"a": "b"})], {}, "TOO_FEW_SERVERS",
         "Warning", "beside the refusal that nothing is recoverable"),
        ("one broken", b.plan(), [listed(1, 1, 2)], _inventory(**BROKEN), "UNHEALTHY_SERVER_REPLICATION", "Warning",
         "the others are launched"),
        ("no answer", b.plan(), [KNOWN], FAILED, "ACCOUNT_UNAVAILABLE", "Warning", "its wave is held, not the run"),
        ("missing dependency", b.plan(b.wave_spec(1, dependsOnWaves=[8])), [listed(1, 1)], {}, "INVALID_WAVE_DATA",
         "Warning", "the wave goes by the default order"),
        ("two waves", TWO, [listed(1, 1), listed(2, 1, 2)], {}, "SERVER_CONFLICT", "Warning",
         "the first wave launches it"),
    ),
)  # fmt: skip
def test_who_is_refused(
    plan: RecoveryPlan | None,
    groups: list[ProtectionGroup],
    changes: dict[str, Any],
    code: str,
    recovery: str,
    because: str,
) -> None:
    assert ("Refusal", code) in _codes(_found("DRILL", plan, *groups, **changes)), (
        "a drill is refused with all findings"
    )
    assert (recovery, code) in _codes(_found("RECOVERY", plan, *groups, **changes)), because


@pytest.mark.parametrize(
    ("changes", "because"),
    table(
        ("drill instance", _instance(is_drill=True), "a drill's instance may be replaced"),
        ("terminated", _instance(state="TERMINATED"), "it is gone"),
        ("not found", _instance(state="NOT_FOUND"), "it is gone"),
        ("someone else's", _instance(server_id=b.server_id(9)), "another server"),
    ),
)
def test_instances_that_refuse_nobody(changes: dict[str, Any], because: str) -> None:
    assert _found("DRILL", b.plan(), listed(1, 1), **changes) == [], because


@pytest.mark.parametrize(
    ("groups", "changes", "refused", "because"),
    table(
        ("all broken", [listed(1, 2)], _inventory(**BROKEN), True, "nothing can be launched"),
        ("one of two", [listed(1, 1, 2)], _inventory(**BROKEN), False, "one can be launched"),
        ("no point", [listed(1, 2)], _inventory(replication_state="STALLED"), True, "no evidence of a point"),
        (
            "point",
            [listed(1, 2)],
            {**_inventory(replication_state="STALLED"), "with_point": {b.server_id(2): True}},
            False,
            "evidence of a point",
        ),
        ("nobody", [b.group("group-1", serverSelectionTags={"a": "b"})], {}, True, "a recovery of nothing is none"),
        ("known from before", [KNOWN], FAILED, False, "its wave is held until the account answers"),
    ),
)
def test_a_recovery_of_nothing_is_refused(
    groups: list[ProtectionGroup], changes: dict[str, Any], refused: bool, because: str
) -> None:
    found = _codes(_found("RECOVERY", b.plan(), *groups, **changes))

    assert (("Refusal", "NO_RECOVERY_POINT") in found) is refused, because


@pytest.mark.parametrize(
    ("type", "servers", "split", "want", "because"),
    table(
        ("drill", "DRILL", 101, False, [("Refusal", "WAVE_SIZE_EXCEEDED")], "by the members of now"),
        ("drill, split", "DRILL", 101, True, [], "it was told to split"),
        ("recovery", "RECOVERY", 101, False, [], "recoveries always split"),
        ("recovery, huge", "RECOVERY", 1001, False, [("Warning", "PLAN_TOO_LARGE")], "no reason to refuse it"),
    ),
)
def test_sizes(type: str, servers: int, split: bool, want: list[tuple[str, str]], because: str) -> None:
    inventory = b.inventory(*(b.source_server(n) for n in range(1, servers + 1)))
    plan = b.plan(splitOversizedWaves=split)

    found = _found(type, plan, b.group("group-1"), inventories=(inventory,))

    assert _codes(found) == want, because


@pytest.mark.parametrize("type", ["DRILL", "RECOVERY"])
def test_a_stalled_server_with_a_point_is_a_warning(type: str) -> None:
    changes = {**_inventory(replication_state="STALLED"), "with_point": {b.server_id(2): True}}

    found = _found(type, b.plan(), listed(1, 1, 2), **changes)

    assert _codes(found) == [("Warning", "UNHEALTHY_SERVER_REPLICATION")]
    assert (found[0].server_ids, found[0].count) == ([b.server_id(2)], 1)


def test_all_findings_come_at_once_with_wave_and_servers() -> None:
    inventory = b.inventory(*(b.source_server(n, **BROKEN) for n in range(1, 9)))
    plan = b.plan(b.wave_spec(1), b.wave_spec(2))

    found = _found("DRILL", plan, b.group("group-1"), inventories=(inventory,), **_instance())

    assert [(finding.code, finding.wave_number) for finding in found] == [
        ("PROTECTION_GROUP_NOT_FOUND", 2),
        ("UNHEALTHY_SERVER_REPLICATION", 1),
        ("LIVE_RECOVERY_INSTANCE", 1),
    ]
    assert (len(found[1].server_ids), found[1].count) == (LISTED_SERVERS_PER_FINDING, 8), (
        "the list is cut, not the count"
    )


def test_a_recovery_goes_on_without_a_region_that_does_not_answer() -> None:
    """The surveyor leaves it out after a minute; what is known of its servers is from before."""
    far = b.group("group-2", status={"servers": [{"serverId": b.server_id(8), "recoverable": True}]}, region=FAR.region)
    failures = {FAR: "DRS_ERROR: us-west-2 does not answer"}

    found = _found("RECOVERY", TWO, listed(1, 1), far, failures=failures)

    assert _codes(found) == [("Warning", "ACCOUNT_UNAVAILABLE")]
    assert (found[0].wave_number, "DRS_ERROR" in found[0].message) == (2, True)


def test_what_is_known_by_the_ledger_alone_refuses_nobody() -> None:
    """A rebuilt cluster: the group has no status yet, and its Region does not answer."""
    found = _found("RECOVERY", b.plan(), b.group("group-1"), known={"group-1": frozenset({b.server_id(1)})}, **FAILED)

    assert _codes(found) == [("Warning", "ACCOUNT_UNAVAILABLE")]
