"""What differs between objects and ledger, and what is to be done about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup, RecoveryPlan
from drs_operator.planning.claims import MirrorHead, Owner, Standing, group_name_key, plan_name_key, server_key
from drs_operator.planning.mirrors import owner_of
from drs_operator.planning.verifying import Declared, Declaring, Difference, Kind, compare, implied, mirror
from tests import builders as b

INSTALLATION = "prod"
SERVERS = [{"serverId": b.server_id(n), "membership": "Member"} for n in (1, 2)]


def group(name: str = "web", meta: dict[str, Any] | None = None, **changes: Any) -> ProtectionGroup:
    """A group of two servers that the operator has looked at."""
    status = {"observedGeneration": 1, "accountId": b.ACCOUNT, "servers": SERVERS, **changes.pop("status", {})}
    return b.group(name, meta, status, **changes)


def plan(**changes: Any) -> RecoveryPlan:
    """A plan that the operator has looked at."""
    return b.plan(**{"status": {"observedGeneration": 1}, **changes})


WEB, PLAN = group(), plan()
OWNER = owner_of(WEB, INSTALLATION)
OTHER = Owner("pg-other", INSTALLATION, "dr", "db", "db")
FOREIGN = Owner("pg-foreign", "test", "dr", "web", "web")
SERVER = server_key(b.PLACE, b.server_id(1))
NAME = group_name_key(INSTALLATION, b.NAMESPACE, "web")
NOT_READY = {
    "conditions": [
        {
            "type": "Ready",
            "status": "False",
            "reason": "TagConflict",
            "message": "m",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
    ]
}


def standings(*resources: Declaring) -> dict[str, Standing]:
    """All claims of these objects, as they should be."""
    return {
        key: Standing(key, owner_of(resource, INSTALLATION))
        for resource in resources
        for key in implied(resource, INSTALLATION)
    }


def head(resource: Declaring, **changes: Any) -> MirrorHead:
    """The row of an object, as it should be."""
    row = mirror(resource, INSTALLATION)
    owner = row.owner
    right = MirrorHead(owner.id, 1, row.digest, owner.namespace, owner.name, row.content.get("accountId"))
    return replace(right, **changes)


def found(
    *resources: Declaring,
    claims: dict[str, Standing] | None = None,
    heads: list[MirrorHead] | None = None,
    **declared: Any,
) -> tuple[Difference, ...]:
    """What differs; the ledger has what the objects say unless told otherwise."""
    claims = standings(*resources) if claims is None else claims
    heads = [head(resource) for resource in resources] if heads is None else heads
    return compare(Declared(resources, **declared), claims.values(), heads, INSTALLATION).differences


def test_a_ledger_that_says_what_the_objects_say() -> None:
    report = compare(Declared((WEB, PLAN)), standings(WEB, PLAN).values(), [head(WEB), head(PLAN)], INSTALLATION)
    assert report.same
    assert (report.differences, report.unsettled) == ((), ())
    assert (report.claims, report.rows) == (2 + 2 + 1, 2), "two servers, name and tags; the plan's name"


@pytest.mark.parametrize(
    ("standing", "kind", "repairable", "expected", "words", "because"),
    [
        (None, Kind.CLAIM_MISSING, True, False, ["ProtectionGroup dr/web", "--repair"], "nobody has it"),
        (
            Standing(SERVER, replace(OWNER, display_name="Old")),
            Kind.CLAIM_STALE,
            True,
            False,
            ["'Old'", "'web'"],
            "others would be told an old name",
        ),
        (
            Standing(SERVER, OTHER),
            Kind.CLAIM_OF_OTHER,
            False,
            False,
            ["ProtectionGroup dr/db of installation prod", "let one of the two go"],
            "the first claim wins; a person decides",
        ),
        (
            Standing(SERVER, FOREIGN),
            Kind.CLAIM_OF_OTHER,
            False,
            False,
            ["ProtectionGroup dr/web of installation test"],
            "another installation of the same group name is somebody else",
        ),
        (
            Standing(SERVER, None, "exec-1", "dr/drill"),
            Kind.CLAIM_OF_OTHER,
            False,
            False,
            ["run dr/drill", "cancel it"],
            "a run holds it for nobody",
        ),
    ],
)
def test_a_claim_that_a_group_needs(
    standing: Standing | None, kind: Kind, repairable: bool, expected: bool, words: list[str], because: str
) -> None:
    claims = standings(WEB)
    del claims[SERVER]
    if standing is not None:
        claims[SERVER] = standing
    # The other one exists as far as this is concerned: only what WEB says is looked at.
    different = [d for d in found(WEB, claims=claims) if d.owner.id == OWNER.id]
    assert [(d.kind, d.key, d.repairable, d.expected) for d in different] == [(kind, SERVER, repairable, expected)], (
        because
    )
    text = f"{different[0].message} {different[0].step}"
    assert [word for word in words if word not in text] == []


def test_a_held_claim_of_ones_own_is_right() -> None:
    claims = standings(WEB)
    claims[SERVER] = replace(claims[SERVER], held_by="exec-1", held_by_name="dr/drill")
    assert found(WEB, claims=claims) == ()


@pytest.mark.parametrize(
    ("status", "key", "expected", "because"),
    [
        (NOT_READY, NAME, True, "the group itself says that its name is another's"),
        ({}, NAME, False, "nobody says it"),
        (NOT_READY, SERVER, False, "a member that another has is never as it should be"),
    ],
)
def test_a_conflict_that_the_object_shows_is_expected(
    status: dict[str, Any], key: str, expected: bool, because: str
) -> None:
    resource = group(status=status)
    claims = {**standings(resource), key: Standing(key, FOREIGN)}
    (difference,) = found(resource, claims=claims)
    assert (difference.kind, difference.expected) == (Kind.CLAIM_OF_OTHER, expected), because


EXTRA = server_key(b.PLACE, b.server_id(9))


@pytest.mark.parametrize("owner", [OWNER, OTHER], ids=["of a group that does not want it", "of a group that is gone"])
def test_surplus_is_let_go_unless_a_run_holds_it(owner: Owner) -> None:
    claims = {**standings(WEB), EXTRA: Standing(EXTRA, owner)}
    (difference,) = found(WEB, claims=claims)
    assert (difference.kind, difference.owner, difference.key) == (Kind.CLAIM_SURPLUS, owner, EXTRA)
    assert (difference.repairable, difference.expected) == (True, False)
    claims[EXTRA] = Standing(EXTRA, owner, "exec-1", "dr/drill")
    (difference,) = found(WEB, claims=claims)
    assert (difference.kind, difference.repairable, difference.expected) == (Kind.CLAIM_SURPLUS, False, True)
    assert "dr/drill" in difference.step


def test_claims_and_holds_of_others_are_none_of_our_business() -> None:
    others = {EXTRA: Standing(EXTRA, FOREIGN), "SERVER#1#r#s-x": Standing("SERVER#1#r#s-x", None, "exec-1")}
    assert found(WEB, claims={**standings(WEB), **others}) == ()


@pytest.mark.parametrize(
    ("resource", "word"),
    [
        (group(meta={"deletionTimestamp": b.NOW.isoformat()}), "is being deleted"),
        (group(meta={"generation": 2}), "has not looked at it since"),
        (group(suspend=True), "is suspended"),
        (group(status={"accountId": None}), "not accepted"),
        (plan(meta={"generation": 2}), "has not looked at it since"),
    ],
)
def test_an_object_that_is_not_settled_loses_nothing(resource: Declaring, word: str) -> None:
    """After a rebuild objects are there before their statuses: nothing of theirs may be called surplus then."""
    owner = owner_of(resource, INSTALLATION)
    claims = {EXTRA: Standing(EXTRA, owner)}
    report = compare(Declared((resource,)), claims.values(), [head(resource, digest="old")], INSTALLATION)
    assert (report.differences, report.same) == ((), True)
    assert len(report.unsettled) == 1
    assert f"dr/{owner.name}" in report.unsettled[0]
    assert word in report.unsettled[0]


def test_an_object_that_cannot_be_read_loses_nothing() -> None:
    report = compare(
        Declared((), unreadable={OWNER.id: "ProtectionGroup dr/web cannot be read"}),
        standings(WEB).values(),
        [head(WEB)],
        INSTALLATION,
    )
    assert (report.differences, report.unsettled) == ((), ("ProtectionGroup dr/web cannot be read",))


def test_namespaces_that_were_not_looked_into_lose_nothing() -> None:
    claims, heads = standings(WEB), [head(WEB)]
    assert found(claims=claims, heads=heads, namespaces=("other",)) == ()
    kinds = [difference.kind for difference in found(claims=claims, heads=heads, namespaces=("other", "dr"))]
    assert kinds == [Kind.CLAIM_SURPLUS] * 4 + [Kind.MIRROR_SURPLUS]


@pytest.mark.parametrize(
    ("heads", "kind", "word"),
    [
        ([], Kind.MIRROR_MISSING, "no row"),
        ([head(WEB, digest="old", version=7)], Kind.MIRROR_STALE, "version 7"),
        ([head(WEB, account_id="999999999999")], Kind.MIRROR_STALE, "999999999999"),
        ([head(WEB, name="former")], Kind.MIRROR_STALE, "dr/former"),
        ([head(WEB), head(group("gone"))], Kind.MIRROR_SURPLUS, "dr/gone does not exist"),
        ([head(WEB), head(plan(name="gone"))], Kind.MIRROR_SURPLUS, "RecoveryPlan dr/gone does not exist"),
    ],
)
def test_rows(heads: list[MirrorHead], kind: Kind, word: str) -> None:
    (difference,) = found(WEB, heads=heads)
    assert (difference.kind, difference.repairable, difference.expected) == (kind, True, False)
    assert word in difference.message


def test_a_plan_whose_name_is_anothers_has_no_row() -> None:
    key = plan_name_key(INSTALLATION, b.NAMESPACE, PLAN.metadata.name)
    (difference,) = found(PLAN, claims={key: Standing(key, replace(OTHER, installation="test"))}, heads=[])
    assert difference.kind == Kind.CLAIM_OF_OTHER


def test_only_what_lasts_differs() -> None:
    one, two = standings(WEB), standings(WEB)
    del one[SERVER]
    del two[NAME]
    first, second = (compare(Declared((WEB,)), claims.values(), [], INSTALLATION) for claims in (one, two))
    assert [difference.kind for difference in second.lasting(first).differences] == [Kind.MIRROR_MISSING]
