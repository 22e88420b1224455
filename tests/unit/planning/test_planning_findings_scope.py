"""What a scope names wrongly is found; what is out of scope is not looked at."""

from typing import Any

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup, RecoveryPlan
from drs_operator.api.v1alpha1.drexecution_status import Finding
from drs_operator.planning.findings import findings
from drs_operator.planning.ground import Rival
from tests import builders as b
from tests.unit.planning.grounds import ground, listed
from tests.unit.planning.tables import table

TWO = b.plan(b.wave_spec(1), b.wave_spec(2))
BROKEN = {"replication_state": "DISCONNECTED"}
RECOVERY_NOW = Rival("dr/recovery")


def _codes(found: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.severity, finding.code) for finding in found]


def _instance() -> dict[str, Any]:
    return {"instances": (b.instance(1, is_drill=False),)}


def _inventory(**server: Any) -> dict[str, Any]:
    servers = (b.source_server(1), b.source_server(2, **server))
    return {"inventories": (b.inventory(*servers),)}


# --- scope ------------------------------------------------------------------------------------------------------------


def _scoped(type: str, asked: dict[str, Any], plan: RecoveryPlan, *groups: ProtectionGroup, **changes: Any) -> Any:
    return findings(b.execution(executionType=type, reason="x", scope=asked), ground(plan, *groups, **changes))


SOME = (listed(1, 1), listed(2, 2))


@pytest.mark.parametrize(
    ("asked", "drill", "recovery", "because"),
    table(
        ("one wave", {"waves": [1]}, None, None, "as asked"),
        ("some servers", {"serverIds": [b.server_id(2)]}, None, None, "as asked"),
        ("unknown wave", {"waves": [1, 8]}, "Refusal", "Refusal", "a reference that leads nowhere"),
        ("only unknown waves", {"waves": [8]}, "Refusal", "Refusal", "a reference that leads nowhere"),
        ("unknown server", {"serverIds": [b.server_id(1), b.server_id(9)]}, "Refusal", "Warning", "the rest is run"),
        ("unknown to leave out", {"excludeServerIds": [b.server_id(9)]}, "Refusal", "Warning", "the rest is run"),
        ("nothing left", {"excludeServerIds": [b.server_id(1), b.server_id(2)]}, "Refusal", "Refusal", "of nothing"),
        (
            "server of another wave",
            {"waves": [1], "serverIds": [b.server_id(2)]},
            "Refusal",
            "Refusal",
            "both narrow, to nothing",
        ),
    ),
)
def test_a_scope(asked: dict[str, Any], drill: str | None, recovery: str | None, because: str) -> None:
    for type, want in (("DRILL", drill), ("RECOVERY", recovery)):
        found = _codes(_scoped(type, asked, TWO, *SOME))
        assert {code for _, code in found} <= {"INVALID_PARAMETER"}, because
        refused = any(severity == "Refusal" for severity, _ in found)
        assert (refused, bool(found)) == (want == "Refusal", want is not None), because


def test_a_scope_says_what_it_names_wrongly() -> None:
    found = _scoped("DRILL", {"waves": [1, 8], "serverIds": [b.server_id(1), b.server_id(9)]}, TWO, *SOME)

    assert [(f.code, f.server_ids) for f in found] == [
        ("INVALID_PARAMETER", []),
        ("INVALID_PARAMETER", [b.server_id(9)]),
    ]
    assert "8" in found[0].message
    assert b.server_id(9) in found[1].message


@pytest.mark.parametrize(
    ("asked", "plan", "groups", "changes", "because"),
    table(
        ("group missing", {"waves": [1]}, TWO, [listed(1, 1)], {}, "wave 2 is not run"),
        (
            "broken server",
            {"excludeServerIds": [b.server_id(2)]},
            TWO,
            SOME,
            _inventory(**BROKEN),
            "it is not launched",
        ),
        ("live server", {"excludeServerIds": [b.server_id(1)]}, TWO, SOME, _instance(), "it is not launched over"),
        (
            "held server",
            {"waves": [1]},
            TWO,
            SOME,
            {"servers_held_by": {b.server_id(2): RECOVERY_NOW}},
            "not asked for",
        ),
        (
            "circle of a wave that is left out",
            {"waves": [1]},
            b.plan(b.wave_spec(1), b.wave_spec(2, dependsOnWaves=[2])),
            SOME,
            {},
            "wave 2 is not run",
        ),
        (
            "shared server",
            {"excludeServerIds": [b.server_id(2)]},
            TWO,
            [listed(1, 1, 2), listed(2, 2, 3)],
            {},
            "nobody launches it twice",
        ),
    ),
)
@pytest.mark.parametrize("type", ["DRILL", "RECOVERY"])
def test_what_is_out_of_scope_is_not_found(
    type: str, asked: dict[str, Any], plan: RecoveryPlan, groups: Any, changes: dict[str, Any], because: str
) -> None:
    assert _scoped(type, asked, plan, *groups, **changes) == [], because


@pytest.mark.parametrize(
    ("servers", "excluded", "want", "because"),
    table(
        ("too large", 101, 0, ["WAVE_SIZE_EXCEEDED"], "by what would be launched"),
        ("made small enough", 101, 1, [], "by what would be launched"),
        ("plan too large", 1201, 0, ["WAVE_SIZE_EXCEEDED", "PLAN_TOO_LARGE"], "by what would be launched"),
        ("plan made small enough", 1201, 300, ["WAVE_SIZE_EXCEEDED"], "by what would be launched"),
    ),
)
def test_sizes_count_what_is_in_scope(servers: int, excluded: int, want: list[str], because: str) -> None:
    inventory = b.inventory(*(b.source_server(n) for n in range(1, servers + 1)))
    asked = {"excludeServerIds": [b.server_id(n) for n in range(1, excluded + 1)]}

    found = _scoped("DRILL", asked, b.plan(), b.group("group-1"), inventories=(inventory,))

    assert [finding.code for finding in found] == want, because


def test_optional_servers_that_are_out_of_scope_are_no_strangers() -> None:
    plan = b.plan(b.wave_spec(1, optionalServerIds=[b.server_id(1)]))

    assert _scoped("DRILL", {"excludeServerIds": [b.server_id(1)]}, plan, listed(1, 1, 2)) == []
