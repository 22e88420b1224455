"""What other runs hold, and what runs as a real recovery: who is refused for it, and who goes on."""

from typing import Any

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup
from drs_operator.api.v1alpha1.drexecution_status import Finding
from drs_operator.planning.findings import findings
from drs_operator.planning.ground import Rival
from tests import builders as b
from tests.unit.planning.grounds import ground, listed
from tests.unit.planning.tables import table

BROKEN = {"replication_state": "DISCONNECTED"}


def _found(type: str, *given: Any, **changes: Any) -> list[Finding]:
    return findings(b.execution(executionType=type, reason="x"), ground(*given, **changes))


def _codes(found: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.severity, finding.code) for finding in found]


def _instance() -> dict[str, Any]:
    return {"instances": (b.instance(1, is_drill=False),)}


# --- who holds what ---------------------------------------------------------------------------------------------------

DRILL_NOW = Rival("dr/drill", displaceable=True)
RECOVERY_NOW = Rival("dr/recovery")


@pytest.mark.parametrize(
    ("rival", "drill", "recovery", "because"),
    table(
        ("drill", DRILL_NOW, "Refusal", "Warning", "a drill never stands in the way of a recovery"),
        ("recovery", RECOVERY_NOW, "Refusal", "Refusal", "two recoveries of one plan are one too many"),
    ),
)
def test_a_plan_that_is_being_run(rival: Rival, drill: str, recovery: str, because: str) -> None:
    for type, want in (("DRILL", drill), ("RECOVERY", recovery)):
        (only,) = _found(type, b.plan(), listed(1, 1), plan_held_by=rival)
        assert (only.severity, only.code) == (want, "PLAN_ALREADY_EXECUTING"), because
        assert rival.execution in only.message
        assert "production" in only.message


@pytest.mark.parametrize(
    ("rival", "recovery", "says", "because"),
    table(
        ("drill", DRILL_NOW, "Warning", "cancels it", "it gives way"),
        ("recovery", RECOVERY_NOW, "Warning", "wait for it or cancel it", "the later one goes on without them"),
    ),
)
def test_servers_that_another_run_holds(rival: Rival, recovery: str, says: str, because: str) -> None:
    held = {b.server_id(2): rival, b.server_id(9): rival}

    (of_drill,) = _found("DRILL", b.plan(), listed(1, 1, 2), servers_held_by=held)
    (of_recovery,) = _found("RECOVERY", b.plan(), listed(1, 1, 2), servers_held_by=held)

    assert (of_drill.severity, of_drill.code) == ("Refusal", "SERVER_CONFLICT"), "a drill waits for everybody"
    assert (of_recovery.severity, of_recovery.code) == (recovery, "SERVER_CONFLICT"), because
    assert says in of_recovery.message, because
    assert (of_recovery.server_ids, of_recovery.count, of_recovery.wave_number) == ([b.server_id(2)], 1, 1)
    assert rival.execution in of_recovery.message


def test_each_run_that_holds_servers_is_told_by_itself() -> None:
    held = {b.server_id(1): DRILL_NOW, b.server_id(2): RECOVERY_NOW, b.server_id(3): DRILL_NOW}

    found = _found("RECOVERY", b.plan(), listed(1, 1, 2, 3), servers_held_by=held)

    assert [(f.code, f.count, f.message.startswith(f"{f.count} servers")) for f in found] == [
        ("SERVER_CONFLICT", 2, True),
        ("SERVER_CONFLICT", 1, True),
    ]


@pytest.mark.parametrize("type", ["DRILL", "RECOVERY"])
def test_servers_of_another_group_are_left_out(type: str) -> None:
    taken = {"group-1": frozenset({b.server_id(2)})}

    (only,) = _found(type, b.plan(), listed(1, 1, 2), taken=taken)

    assert (only.code, only.server_ids) == ("SERVER_CONFLICT", [b.server_id(2)])
    assert only.severity == ("Refusal" if type == "DRILL" else "Warning")


# --- servers that run as a real recovery ------------------------------------------------------------------------------


def _live(type: str, policy: str, *groups: ProtectionGroup, **changes: Any) -> list[Finding]:
    execution = b.execution(executionType=type, reason="x", liveRecoveryInstances=policy)
    return findings(execution, ground(b.plan(), *groups, **changes))


@pytest.mark.parametrize(
    ("type", "policy", "severity", "says", "because"),
    table(
        ("refuse", "RECOVERY", "Refuse", "Refusal", "Terminate or disconnect", "never launched over by accident"),
        ("keep", "RECOVERY", "Keep", "Warning", "kept", "nothing is destroyed"),
        ("replace", "RECOVERY", "Replace", "Warning", "destroys", "it was asked for"),
        ("drill, keep", "DRILL", "Keep", "Refusal", "Terminate or disconnect", "a drill has only Refuse"),
        ("drill, replace", "DRILL", "Replace", "Refusal", "Terminate or disconnect", "a drill has only Refuse"),
    ),
)
def test_what_becomes_of_live_instances(type: str, policy: str, severity: str, says: str, because: str) -> None:
    (only,) = _live(type, policy, listed(1, 1, 2), **_instance())

    assert (only.severity, only.code) == (severity, "LIVE_RECOVERY_INSTANCE"), because
    assert says in only.message, because
    assert (only.server_ids, only.count) == ([b.server_id(1)], 1)


def test_a_kept_server_needs_no_recovery_point() -> None:
    inventory = b.inventory(b.source_server(1, **BROKEN), b.source_server(2, **BROKEN))
    seen: dict[str, Any] = {"inventories": (inventory,), **_instance()}

    kept = _live("RECOVERY", "Keep", listed(1, 1), **seen)
    partly = _live("RECOVERY", "Keep", listed(1, 1, 2), **seen)
    replaced = _live("RECOVERY", "Replace", listed(1, 1), **seen)

    assert _codes(kept) == [("Warning", "LIVE_RECOVERY_INSTANCE")], "it stays as it runs"
    assert _codes(partly) == [("Warning", "UNHEALTHY_SERVER_REPLICATION"), ("Warning", "LIVE_RECOVERY_INSTANCE")]
    assert partly[0].server_ids == [b.server_id(2)]
    assert ("Refusal", "NO_RECOVERY_POINT") in _codes(replaced), "nothing can be launched in its place"
