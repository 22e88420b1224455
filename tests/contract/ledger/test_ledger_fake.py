"""The ledger in memory that other tests use does what the one in DynamoDB does: the same stories, the same ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from drs_operator.planning.facts import Place
from drs_operator.planning.run import Run
from drs_operator.ports import Fenced, Ledger, LostRace, RunIdClaim
from tests import builders
from tests.contract.ledger.setting import Setting
from tests.fakes.effects import Effects
from tests.fakes.ledger import FakeLedger, Tables

Open = Callable[[int], Ledger]
Story = Callable[[Open, str], Awaitable[list[Any]]]
PLACE = Place("123456789012", "us-east-1")


def new_run(name: str) -> Run:
    """A run that nobody has written."""
    return builders.run(execution_id=f"exec-{name}", run_id=name, state="Claimed", start_time=None, version=0, epoch=0)


async def outcome(act: Awaitable[Any]) -> Any:
    """What an act gives, or the kind of its failure."""
    try:
        return await act
    except (LostRace, Fenced) as error:
        return type(error)


async def pinned(ledger: Ledger, name: str) -> Run:
    """A run with two waves, as it stands."""
    created = await ledger.create_run(new_run(name))
    waves = (builders.run_wave(1, (1, 2)), builders.run_wave(2, (3,)))
    return await ledger.save_run(
        created.model_copy(update={"state": "Running", "start_time": builders.NOW, "waves": waves}), created
    )


async def creation(open_ledger: Open, name: str) -> list[Any]:
    ledger = open_ledger(3)
    return [
        await ledger.load_run(f"exec-{name}"),
        await ledger.create_run(new_run(name)),
        await ledger.create_run(new_run(name).model_copy(update={"uid": "another"})),
        await ledger.load_run(f"exec-{name}"),
    ]


async def transitions(open_ledger: Open, name: str) -> list[Any]:
    ledger = open_ledger(1)
    run = await pinned(ledger, name)
    moved = run.with_servers(1, lambda server: server.model_copy(update={"phase": "Launching"}))
    return [
        run,
        await outcome(ledger.save_run(moved, run)),
        await outcome(ledger.save_run(run.model_copy(update={"pause_requested": True}), run)),
        await ledger.load_run(run.execution_id),
    ]


async def leaders(open_ledger: Open, name: str) -> list[Any]:
    old, new = open_ledger(1), open_ledger(2)
    run = await pinned(old, name)
    taken = await new.load_run(run.execution_id)
    row_only = run.model_copy(update={"pause_requested": True})
    return [
        taken,
        await outcome(old.save_run(row_only, run)),
        await outcome(old.load_run(run.execution_id)),
        await outcome(old.create_run(new_run(name))),
        await new.load_run(run.execution_id),
    ]


async def ended(open_ledger: Open, name: str) -> list[Any]:
    old, new = open_ledger(1), open_ledger(2)
    run = await pinned(old, name)
    await old.save_run(run.model_copy(update={"state": "Ended"}), run)
    return [await new.load_run(run.execution_id)]


async def run_ids(open_ledger: Open, name: str) -> list[Any]:
    ledger = open_ledger(1)
    mine = RunIdClaim(name, "exec-1", "d1", "prod", "dr", "first")
    yours = RunIdClaim(name, "exec-2", "d2", "prod", "dr", "second")
    return [await ledger.claim_run_id(claim) for claim in (mine, yours, mine)]


async def plans(open_ledger: Open, name: str) -> list[Any]:
    ledger = open_ledger(1)
    return [
        await ledger.lock_plan(name, "exec-1", "dr/first"),
        await ledger.lock_plan(name, "exec-1", "dr/first"),
        await ledger.lock_plan(name, "exec-2", "dr/second"),
        await outcome(ledger.unlock_plan(name, "exec-2")),
        await ledger.lock_plan(name, "exec-2", "dr/second"),
        await outcome(ledger.unlock_plan(name, "exec-1")),
        await ledger.lock_plan(name, "exec-2", "dr/second"),
    ]


async def servers(open_ledger: Open, name: str) -> list[Any]:
    ledger = open_ledger(1)
    ids = [f"{name}-{number}" for number in range(3)]
    held = [
        await ledger.hold_servers(PLACE, ids[:2], "exec-1", "dr/first"),
        await ledger.hold_servers(PLACE, ids, "exec-2", "dr/second"),
        await outcome(ledger.release_servers(PLACE, ids, "exec-1")),
        await ledger.hold_servers(PLACE, ids[:1], "exec-3", "dr/third"),
        await ledger.hold_servers(PLACE, ids, "exec-2", "dr/second"),
    ]
    return [
        {server.removeprefix(name): holder for server, holder in found.items()} if found else found for found in held
    ]


@pytest.mark.parametrize(
    "story", [creation, transitions, leaders, ended, run_ids, plans, servers], ids=lambda story: story.__name__
)
async def test_the_fake_and_the_real_ledger_agree(setting: Setting, story: Story) -> None:
    tables, name = Tables(), setting.new("story")
    fake = await story(lambda epoch: FakeLedger(tables, epoch, Effects()), name)
    assert await story(setting.ledger, name) == fake
