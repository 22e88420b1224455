"""Runs: written, read back, moved by one writer at a time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from drs_operator.ledger.tables import HISTORY
from drs_operator.planning.record import ErrorRecord
from drs_operator.planning.run import Answer, Cancel, Run
from drs_operator.ports import LostRace, ReadFailed
from tests import builders
from tests.builders import NOW
from tests.contract.ledger.runs import claimed, pinned, relaunched, stored
from tests.contract.ledger.setting import Setting


async def test_a_new_run_is_read_back(setting: Setting) -> None:
    ledger, run = setting.ledger(epoch=4), claimed(setting)
    created = await ledger.create_run(run)
    assert created == run.model_copy(update={"version": 1, "epoch": 4})
    assert await ledger.load_run(run.execution_id) == created
    assert await ledger.load_run("exec-none") is None


async def test_every_field_survives(setting: Setting) -> None:
    """A field that the ledger forgets is a run that changes by being looked at."""
    ledger = setting.ledger()
    created = await ledger.create_run(claimed(setting))
    full = pinned(created).model_copy(
        update={
            "intents": (
                builders.intent(1, (1000, 1001), "Started", snapshots={builders.server_id(1000): "pit-1"}),
                builders.intent(2, (2000,), "Planned", not_before=NOW + timedelta(seconds=0.25)),
            ),
            "holds": (builders.hold("2.1", closed_at=NOW, closed_by="jane"), builders.hold("3.1", detail="why")),
            "answers": (
                Answer(type="resume", value="2.1", requested_by="jane", observed_time=NOW, outcome="Accepted"),
            ),
            "honoured": ("0123456789abcdef",),
            "cancel": Cancel(requested_by="jane", time=NOW),
            "error": ErrorRecord(code="WAVE_LAUNCH_FAILED", message="all of it"),
            "verdict": "Failed",
            "verdict_time": NOW,
            "pause_requested": True,
            "rto_seconds": 0,
            "rpo_seconds": 300,
            "incident_time": NOW - timedelta(hours=1),
            "recovery_point_policy": "At",
            "recovery_point_time": NOW - timedelta(hours=2),
        }
    )
    full = full.with_wave(full.wave(2).model_copy(update={"waits_for": (1,), "queued_reason": "ServerInJob"}))
    saved = await ledger.save_run(full, created)
    assert saved == full.model_copy(update={"version": 2})
    assert await ledger.load_run(full.execution_id) == saved


@pytest.mark.parametrize("state", ["Claimed", "Ended"])
async def test_a_run_that_never_started_has_no_start_time(setting: Setting, state: str) -> None:
    ledger = setting.ledger()
    created = await ledger.create_run(claimed(setting))
    moved = await ledger.save_run(created.model_copy(update={"state": state}), created)
    loaded = await ledger.load_run(created.execution_id)
    assert loaded == moved
    assert loaded is not None
    assert loaded.start_time is None
    by_plan = await setting.store().query(HISTORY, "#planId = :plan", {"plan": created.plan_id}, "by-plan")
    assert created.execution_id in {item["executionId"] for item in by_plan}, "the history of its plan has it"


async def test_two_processes_create_one_run(setting: Setting) -> None:
    for _ in range(20):
        run = claimed(setting)
        offers = [run.model_copy(update={"uid": f"uid-{number}"}) for number in range(2)]
        first, second = await asyncio.gather(*(setting.ledger().create_run(offer) for offer in offers))
        assert first == second
        assert first.uid in ("uid-0", "uid-1")
        assert await setting.ledger().load_run(run.execution_id) == first


async def test_a_new_run_has_no_waves(setting: Setting) -> None:
    with pytest.raises(ValueError, match="no waves"):
        await setting.ledger().create_run(pinned(claimed(setting)))


async def test_only_one_of_two_transitions_is_written(setting: Setting) -> None:
    ledger = setting.ledger()
    created = await ledger.create_run(claimed(setting))
    for _ in range(20):
        before = await ledger.load_run(created.execution_id)
        assert before is not None
        moves = [before.model_copy(update={"requested_by": name}) for name in ("first", "second")]
        outcomes = await asyncio.gather(*(ledger.save_run(move, before) for move in moves), return_exceptions=True)
        won = [outcome for outcome in outcomes if isinstance(outcome, Run)]
        assert [type(outcome) for outcome in outcomes if outcome not in won] == [LostRace]
        assert await ledger.load_run(created.execution_id) == won[0]


async def test_a_transition_from_an_old_version_is_lost_and_changes_nothing(setting: Setting) -> None:
    ledger = setting.ledger()
    created = await ledger.create_run(claimed(setting))
    moved = await ledger.save_run(pinned(created), created)
    with pytest.raises(LostRace, match="version 2, not 1"):
        await ledger.save_run(created.model_copy(update={"state": "Ended"}), created)
    assert await ledger.load_run(created.execution_id) == moved


async def test_a_run_that_is_gone_is_a_lost_race(setting: Setting) -> None:
    ledger, run = setting.ledger(), claimed(setting, version=1, epoch=1)
    with pytest.raises(LostRace):
        await ledger.save_run(run, run)
    assert await ledger.load_run(run.execution_id) is None, "a transition never makes a run"


async def test_only_waves_that_changed_are_written(setting: Setting) -> None:
    ledger = setting.ledger()
    created = await ledger.create_run(claimed(setting))
    run = await ledger.save_run(pinned(created, waves=5), created)
    before = setting.writes("PutItem")
    run = await ledger.save_run(relaunched(run, 3), run)
    assert setting.writes("PutItem") - before == 2
    await ledger.save_run(run.model_copy(update={"pause_requested": True}), run)
    assert setting.writes("PutItem") - before == 3


async def test_a_new_attempt_leaves_the_results_of_the_earlier_one(setting: Setting) -> None:
    ledger = setting.ledger()
    created = await ledger.create_run(claimed(setting))
    run = await ledger.save_run(relaunched(pinned(created)), created)
    again = run.with_wave(run.wave(1).model_copy(update={"attempt": 2, "servers": (builders.run_server(1000),)}))
    saved = await ledger.save_run(again, run)
    assert await ledger.load_run(run.execution_id) == saved
    first = await stored(setting, run, "WAVE#001#A01")
    assert first is not None
    assert [server["phase"] for server in first["servers"]] == ["Launching"] * 4


async def test_a_run_without_one_of_its_waves_is_not_taken_for_a_smaller_one(setting: Setting) -> None:
    ledger = setting.ledger()
    created = await ledger.create_run(claimed(setting))
    run = await ledger.save_run(pinned(created), created)
    key = {"executionId": run.execution_id, "item": "WAVE#002#A01"}
    await setting.store().delete(HISTORY, key, "attribute_exists(#item)", {})
    with pytest.raises(ReadFailed, match=r"DYNAMODB_ERROR: .*WAVE#002#A01 is missing"):
        await ledger.load_run(run.execution_id)
