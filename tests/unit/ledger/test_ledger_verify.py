"""`ledger verify` beside a running operator: what is under way is no difference, a repair looks before it writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from drs_operator import verify_report
from drs_operator.api.v1alpha1 import ProtectionGroup
from drs_operator.planning.claims import Owner, Standing, server_key
from drs_operator.planning.mirrors import owner_of
from drs_operator.planning.verifying import Declared, Declaring, Kind, implied, mirror
from drs_operator.ports import ReadFailed
from drs_operator.verify import SETTLE_SECONDS, Outcome, Verified, look, repair
from tests import builders as b
from tests.fakes.clock import FakeClock
from tests.fakes.effects import Effects
from tests.fakes.ledger import FakeLedger, Tables
from tests.fakes.tables import Row

INSTALLATION = "prod"
GONE = Owner("pg-gone", INSTALLATION, "dr", "gone", "Gone")
FOREIGN = Owner("pg-foreign", "test", "dr", "web", "web")


def group(name: str, *numbers: int, **changes: Any) -> ProtectionGroup:
    """A group with these servers and tags of its own, which the operator has looked at."""
    servers = [{"serverId": b.server_id(number), "membership": "Member"} for number in numbers]
    status = {"observedGeneration": 1, "accountId": b.ACCOUNT, "servers": servers}
    return b.group(name, status=status, serverSelectionTags={"Name": name}, **changes)


def key(number: int) -> str:
    """The claim on a server."""
    return server_key(b.PLACE, b.server_id(number))


class Objects:
    """The API server, as far as a comparison asks it."""

    def __init__(self, *resources: Declaring) -> None:
        self.resources = {owner_of(resource, INSTALLATION).id: resource for resource in resources}
        self.before_fresh: Callable[[], None] = lambda: None

    async def declared(self) -> Declared:
        """All objects."""
        return Declared(tuple(self.resources.values()))

    async def fresh(self, owner: Owner) -> Declaring | None:
        """One, after what happens just before."""
        self.before_fresh()
        return self.resources.get(owner.id)


class World:
    """A ledger that says what the objects say, until something is changed."""

    def __init__(self, *resources: Declaring) -> None:
        self.tables, self.effects, self.clock = Tables(), Effects(), FakeClock()
        self.ledger = FakeLedger(self.tables, 1, self.effects)
        self.objects = Objects(*resources)
        self.slept: list[float] = []
        self.meanwhile: Callable[[], None] = lambda: None
        for resource in resources:
            self.settle(resource)

    def settle(self, resource: Declaring) -> None:
        """What the operator does."""
        row = mirror(resource, INSTALLATION)
        self.tables.claims.update(dict.fromkeys(implied(resource, INSTALLATION), row.owner))
        self.tables.mirrors[row.owner.id] = Row(row, 1, b.NOW, b.NOW)

    async def sleep(self, seconds: float) -> None:
        """Time passes."""
        self.slept.append(seconds)
        self.meanwhile()

    async def verify(self, mend: bool = False) -> Verified:
        """The command."""
        report = await look(self.ledger, self.objects, INSTALLATION, self.sleep)
        if not mend:
            return Verified(INSTALLATION, report)
        outcomes, left = await repair(self.ledger, self.objects, self.clock, INSTALLATION, report)
        return Verified(INSTALLATION, left, tuple(outcomes))


async def test_what_is_the_same_is_told_at_once_and_nothing_is_written() -> None:
    world = World(group("web", 1, 2), group("db", 3), b.plan(status={"observedGeneration": 1}))
    verified = await world.verify(mend=True)
    assert verified.report.same
    assert (verified.outcomes, world.slept, world.effects.done) == ((), [], [])


async def test_what_was_under_way_is_no_difference() -> None:
    web = group("web", 1, 2)
    world = World(web)
    del world.tables.claims[key(1)]
    world.meanwhile = lambda: world.settle(web)
    assert (await world.verify()).report.differences == ()
    assert world.slept == [SETTLE_SECONDS]


async def test_everything_that_can_be_mended_is_mended() -> None:
    web = group("web", 1, 2)
    plan = b.plan(status={"observedGeneration": 1})
    world = World(web, plan)
    mine = owner_of(web, INSTALLATION)
    del world.tables.claims[key(1)]
    world.tables.claims[key(2)] = replace(mine, display_name="Old")
    world.tables.claims[key(8)] = mine
    world.tables.claims[key(9)] = GONE
    del world.tables.mirrors[owner_of(plan, INSTALLATION).id]
    old = replace(mirror(web, INSTALLATION), content={}, honoured=("mark",))
    world.tables.mirrors[mine.id] = Row(old, 4, b.NOW, b.NOW)
    world.tables.mirrors[GONE.id] = Row(replace(old, owner=GONE), 1, b.NOW, b.NOW)
    verified = await world.verify(mend=True)
    assert sorted((str(o.difference.kind), o.done) for o in verified.outcomes) == [
        ("ClaimMissing", True),
        ("ClaimStale", True),
        ("ClaimSurplus", True),
        ("ClaimSurplus", True),
        ("MirrorMissing", True),
        ("MirrorStale", True),
        ("MirrorSurplus", True),
    ]
    assert verified.report.same
    assert set(world.tables.claims) == implied(web, INSTALLATION) | implied(plan, INSTALLATION)
    row = world.tables.mirrors[mine.id]
    assert (row.version, row.mirror.digest) == (5, mirror(web, INSTALLATION).digest)
    assert row.mirror.honoured == ("mark",), "a command stays honoured"
    writes = len(world.effects.done)
    assert (await world.verify(mend=True)).outcomes == ()
    assert len(world.effects.done) == writes


async def test_what_somebody_else_has_and_what_a_run_holds_is_left() -> None:
    web = group("web", 1, 2)
    world = World(web)
    world.tables.claims[key(1)] = FOREIGN
    world.tables.claims[key(9)] = GONE
    world.tables.holds[(b.PLACE, b.server_id(9))] = ("exec-1", "dr/drill")
    verified = await world.verify(mend=True)
    assert verified.outcomes == ()
    assert [(d.kind, d.expected) for d in verified.report.differences] == [
        (Kind.CLAIM_SURPLUS, True),
        (Kind.CLAIM_OF_OTHER, False),
    ]
    assert not verified.report.same
    assert world.effects.done == []


async def test_what_a_group_that_is_gone_has_goes_to_who_waits_for_it() -> None:
    web = group("web", 1, 2)
    world = World(web)
    world.tables.claims[key(1)] = GONE
    verified = await world.verify(mend=True)
    assert [(o.difference.kind, o.done) for o in verified.outcomes] == [
        (Kind.CLAIM_SURPLUS, True),
        (Kind.CLAIM_OF_OTHER, True),
    ]
    assert verified.report.same
    assert world.tables.claims[key(1)] == owner_of(web, INSTALLATION)


async def test_an_object_that_changes_before_the_write_is_left_alone() -> None:
    web = group("web", 1)
    mine = owner_of(web, INSTALLATION)
    world = World(web)
    world.tables.claims[key(2)] = mine

    def wants_it_again() -> None:
        world.objects.resources[mine.id] = group("web", 1, 2)

    world.objects.before_fresh = wants_it_again
    (outcome,) = (await world.verify(mend=True)).outcomes
    assert (outcome.done, outcome.detail) == (False, "ProtectionGroup dr/web has changed meanwhile; verify again")
    assert world.tables.claims[key(2)] == mine


async def test_an_object_that_comes_back_before_the_write_keeps_its_claims() -> None:
    gone = group("gone", 9, meta={"generation": 2})
    world = World()
    world.settle(gone)
    world.objects.before_fresh = lambda: world.objects.resources.update({owner_of(gone, INSTALLATION).id: gone})
    outcomes = (await world.verify(mend=True)).outcomes
    assert [outcome.done for outcome in outcomes] == [False] * 4
    assert key(9) in world.tables.claims


async def test_a_run_that_holds_it_before_the_write_keeps_it() -> None:
    world = World()
    world.tables.claims[key(9)] = GONE
    world.objects.before_fresh = lambda: world.tables.holds.update({(b.PLACE, b.server_id(9)): ("exec-1", "dr/drill")})
    verified = await world.verify(mend=True)
    assert [(o.done, o.detail) for o in verified.outcomes] == [(False, "run dr/drill holds it meanwhile")]
    assert world.tables.standing(key(9)) == Standing(key(9), GONE, "exec-1", "dr/drill")
    assert verified.report.same, "it goes when the run ends"


async def test_a_row_that_is_written_meanwhile_is_not_written_over() -> None:
    web = group("web", 1)
    world = World(web)
    row = world.tables.mirrors[owner_of(web, INSTALLATION).id]
    world.tables.mirrors[row.mirror.owner.id] = replace(row, mirror=replace(row.mirror, content={}))
    world.objects.before_fresh = lambda: world.tables.mirrors.update({row.mirror.owner.id: replace(row, version=2)})
    verified = await world.verify(mend=True)
    assert [(o.done, "somebody else" in o.detail) for o in verified.outcomes] == [(False, True)]
    assert verified.report.same


async def test_a_ledger_that_does_not_answer_is_no_difference() -> None:
    world = World(group("web", 1))
    world.tables.failure = ReadFailed("LEDGER_UNREACHABLE", "no answer")
    with pytest.raises(ReadFailed, match="LEDGER_UNREACHABLE"):
        await world.verify(mend=True)
    assert world.effects.done == []


async def test_what_is_printed() -> None:
    world = World(group("web", 1), group("busy", 2, suspend=True))
    del world.tables.claims[key(1)]
    verified = replace(await world.verify(), note="a word beforehand")
    text = "\n".join(verify_report.lines(verified))
    for part in ("NOTE  a word beforehand", f"ClaimMissing  ProtectionGroup dr/web  {key(1)}", "--repair", "1 differs"):
        assert part in text
    assert "not compared  ProtectionGroup dr/busy is suspended" in text
    data = json.loads(json.dumps(verify_report.as_json(verified)))
    assert (data["same"], data["note"], len(data["notCompared"])) == (False, "a word beforehand", 1)
    (difference,) = data["differences"]
    assert (difference["kind"], difference["key"]) == ("ClaimMissing", key(1))
    assert difference["object"] == {"kind": "ProtectionGroup", "namespace": "dr", "name": "web"}
    mended = await world.verify(mend=True)
    text = "\n".join(verify_report.lines(mended))
    assert f"repaired  ClaimMissing  ProtectionGroup dr/web  {key(1)}" in text
    assert "nothing differs" in text
    assert [repair["done"] for repair in verify_report.as_json(mended)["repairs"]] == [True]
    left = replace(mended, outcomes=(Outcome(mended.outcomes[0].difference, done=False, detail="why"),))
    assert "left      ClaimMissing" in "\n".join(verify_report.lines(left))
