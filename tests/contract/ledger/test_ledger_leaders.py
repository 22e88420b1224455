"""One leader after the other: a run is taken over for good, and no write of the old leader passes any more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drs_operator.planning.run import Run
from drs_operator.ports import Fenced, LostRace, ReadFailed
from tests.builders import NOW
from tests.contract.ledger.runs import claimed, pinned, relaunched, stored
from tests.contract.ledger.setting import Setting


def counted(run: Run) -> Run:
    """A transition that changes the row and the servers of a wave to the next number."""
    number = (run.rto_seconds or 0) + 1
    run = run.with_servers(2, lambda server: server.model_copy(update={"attempt": number}))
    return run.model_copy(update={"rto_seconds": number})


async def test_a_new_leader_takes_the_run_and_the_old_one_fails_at_its_next_write(setting: Setting) -> None:
    old, new = setting.ledger(epoch=1), setting.ledger(epoch=2)
    created = await old.create_run(claimed(setting))
    run = await old.save_run(pinned(created), created)
    taken = await new.load_run(run.execution_id)
    assert taken == run.model_copy(update={"epoch": 2, "version": 3})
    with pytest.raises(Fenced, match="epoch 2 leads, this process has 1"):
        await old.save_run(run.model_copy(update={"pause_requested": True}), run)
    with pytest.raises(Fenced):
        await old.load_run(run.execution_id)
    assert await new.load_run(run.execution_id) == taken, "taken once, not at every look"


async def test_the_old_leader_cannot_write_servers_either(setting: Setting) -> None:
    old, new = setting.ledger(epoch=1), setting.ledger(epoch=2)
    created = await old.create_run(claimed(setting))
    run = await old.save_run(pinned(created), created)
    taken = await new.load_run(run.execution_id)
    with pytest.raises(Fenced):
        await old.save_run(relaunched(run, 2), run)
    assert await new.load_run(run.execution_id) == taken


async def test_the_old_leader_cannot_bring_in_a_new_attempt(setting: Setting) -> None:
    old, new = setting.ledger(epoch=1), setting.ledger(epoch=2)
    created = await old.create_run(claimed(setting))
    run = await old.save_run(pinned(created), created)
    taken = await new.load_run(run.execution_id)
    assert taken is not None
    again = run.with_wave(relaunched(run).wave(1).model_copy(update={"attempt": 2}))
    with pytest.raises(Fenced):
        await old.save_run(again, run)
    assert await new.load_run(run.execution_id) == taken, "what it left behind belongs to nothing"
    mine = taken.with_wave(taken.wave(1).model_copy(update={"attempt": 2}))
    saved = await new.save_run(mine, taken)
    assert await new.load_run(run.execution_id) == saved, "and is written over when it is needed"
    with pytest.raises(Fenced):
        await old.save_run(again, run)
    assert await new.load_run(run.execution_id) == saved


async def test_a_takeover_that_breaks_off_is_taken_up_again(setting: Setting) -> None:
    """The row moves last: until then the run still counts as the old leader's."""
    old, new = setting.ledger(epoch=1), setting.ledger(epoch=2)
    created = await old.create_run(claimed(setting))
    run = await old.save_run(pinned(created), created)
    setting.inject("UpdateItem", "error", code="AccessDeniedException", times=1)
    with pytest.raises(ReadFailed):
        await new.load_run(run.execution_id)
    row = await stored(setting, run, "RUN")
    assert row is not None
    assert row["epoch"] == 1
    assert await new.load_run(run.execution_id) == run.model_copy(update={"epoch": 2, "version": 3})
    for wave in (1, 2, 3):
        item = await stored(setting, run, f"WAVE#{wave:03}#A01")
        assert item is not None
        assert item["epoch"] == 2


async def test_a_takeover_against_a_leader_that_still_writes(setting: Setting) -> None:
    """Both at once, many times: the run is the new leader's in the end, and no transition of the old one is lost."""
    for _ in range(10):
        old, new = setting.ledger(epoch=1), setting.ledger(epoch=2)
        created = await old.create_run(claimed(setting))
        run = await old.save_run(pinned(created), created)

        async def keep_writing(old: Any = old, run: Run = run) -> Run:
            try:
                while True:
                    run = await old.save_run(counted(run), run)
            except Fenced:
                return run

        async def take_over(new: Any = new, run: Run = run) -> Run:
            while True:
                try:
                    taken = await new.load_run(run.execution_id)
                except LostRace:
                    continue
                assert taken is not None
                return Run.model_validate(taken)

        last, taken = await asyncio.gather(keep_writing(), take_over())
        assert taken.rto_seconds == last.rto_seconds
        assert taken.wave(2).servers[0].attempt - (taken.rto_seconds or 0) in (0, 1), "servers are written first"
        assert await new.load_run(run.execution_id) == taken, "nothing moves after the takeover"


async def test_an_ended_run_stays_where_it_ended(setting: Setting) -> None:
    old, new = setting.ledger(epoch=1), setting.ledger(epoch=2)
    created = await old.create_run(claimed(setting))
    ended = await old.save_run(created.model_copy(update={"state": "Ended", "finish_time": NOW}), created)
    assert await new.load_run(created.execution_id) == ended


async def test_the_creation_of_a_later_leader_fences(setting: Setting) -> None:
    run = claimed(setting)
    await setting.ledger(epoch=2).create_run(run)
    with pytest.raises(Fenced):
        await setting.ledger(epoch=1).create_run(run)
