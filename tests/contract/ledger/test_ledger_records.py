"""The largest runs, answers to commands, the index of active runs, and transitions whose answer is lost."""

from __future__ import annotations

from typing import Any

import pytest

from drs_operator.ledger.tables import HISTORY
from drs_operator.planning.record import ErrorRecord
from drs_operator.planning.run import Answer, Run, RunServer
from drs_operator.ports import LostRace
from tests import builders
from tests.builders import NOW
from tests.contract.ledger.runs import claimed, pinned, stored
from tests.contract.ledger.setting import Setting


def _large(run: Run, message: str) -> Run:
    """50 waves, 1,000 servers, each launched from a point of its own, each with its error."""
    error = ErrorRecord(code="DRS_ERROR", message=message)
    waves, intents = [], []
    for number in range(1, 51):
        ids = range(number * 20, number * 20 + 20)
        servers = [
            builders.run_server(
                server,
                "Failed",
                hostname=f"host-{server}.a-department.example.com",
                launch_status="FAILED",
                recovery_instance_id=builders.instance_id(server),
                private_ip="10.100.200.123",
                recovery_point_time=NOW,
                error=error,
            )
            for server in ids
        ]
        waves.append(builders.run_wave(number, servers, name="n" * 63, group_name="g" * 63))
        snapshots = {builders.server_id(server): f"pit-{server:017}" for server in ids}
        intents += [
            builders.intent(number, ids, "Ended", attempt=attempt, snapshots=snapshots) for attempt in range(1, 4)
        ]
    holds = [builders.hold(f"{number}.1", detail="d" * 500) for number in range(1, 51)]
    return run.model_copy(
        update={
            "state": "Running",
            "start_time": NOW,
            "waves": tuple(waves),
            "intents": tuple(intents),
            "holds": tuple(holds),
        }
    )


async def test_the_largest_run_fits_and_comes_back(setting: Setting) -> None:
    ledger = setting.ledger()
    created = await ledger.create_run(claimed(setting))
    large = _large(created, "launch failed: InsufficientInstanceCapacity")
    saved = await ledger.save_run(large, created)
    assert sum(len(wave.servers) for wave in saved.waves) == 1000
    assert await ledger.load_run(created.execution_id) == saved == large.model_copy(update={"version": 2})
    assert await setting.ledger(epoch=2).load_run(created.execution_id) == saved.model_copy(
        update={"version": 3, "epoch": 2}
    )


async def test_the_largest_wave_fits_even_if_every_server_has_a_long_error(setting: Setting) -> None:
    """Refused permissions come with an encoded message of a thousand characters, for each server."""
    ledger = setting.ledger()
    created = await ledger.create_run(claimed(setting))
    error = ErrorRecord(code="DRS_ERROR", message="UnauthorizedOperation: " + "x" * 3000)
    servers = [
        builders.run_server(
            number,
            "Failed",
            hostname="h" * 63,
            launch_status="FAILED",
            recovery_instance_id=builders.instance_id(number),
            private_ip="10.100.200.123",
            recovery_point_time=NOW,
            error=error,
        )
        for number in range(500)
    ]
    run = created.model_copy(update={"state": "Running", "start_time": NOW, "waves": (builders.run_wave(1, servers),)})
    saved = await ledger.save_run(run, created)
    assert await ledger.load_run(created.execution_id) == saved, "what is returned is what stands"

    def text(server: RunServer) -> str:
        return server.error.message if server.error else ""

    assert {len(text(server)) for server in saved.waves[0].servers} == {400}
    assert text(saved.waves[0].servers[0]).startswith("UnauthorizedOperation: xxx")
    assert text(saved.waves[0].servers[0]).endswith("…")


# --- answers and the index ------------------------------------------------------------------------------------------


def _answer(outcome: str, value: str = "2.1", **changes: Any) -> Answer:
    fields = {"type": "resume", "value": value, "requested_by": "jane", "observed_time": NOW, "outcome": outcome}
    return Answer(**{**fields, **changes})


async def test_answers_are_kept_under_their_command(setting: Setting) -> None:
    ledger = setting.ledger()
    run = await ledger.create_run(claimed(setting))
    await ledger.record_answer(run, _answer("Refused", code="EXECUTION_NOT_PAUSED", message="not now"))
    await ledger.record_answer(run, _answer("Refused", count=2))
    again = await stored(setting, run, "COMMAND#resume#2.1")
    assert again is not None
    assert (again["outcome"], again["count"]) == ("Refused", 2)
    await ledger.record_answer(run, _answer("Accepted"))
    await ledger.record_answer(run, _answer("Refused", message="too late"))
    kept = await stored(setting, run, "COMMAND#resume#2.1")
    assert kept is not None
    assert (kept["outcome"], kept["requestedBy"]) == ("Accepted", "jane")
    assert await ledger.load_run(run.execution_id) == run


async def test_answers_to_values_longer_than_a_key_are_kept_apart(setting: Setting) -> None:
    ledger = setting.ledger()
    run = await ledger.create_run(claimed(setting))
    values = ["ü" * 600 + end for end in ("a", "b")]
    for value in values:
        await ledger.record_answer(run, _answer("Refused", value))
    items = await setting.store().query(
        HISTORY, "#executionId = :id AND #item < :run", {"id": run.execution_id, "run": "RUN"}
    )
    assert sorted(item["value"] for item in items) == values


async def test_active_runs_are_those_of_the_installation_that_have_not_ended(setting: Setting) -> None:
    ledger, installation = setting.ledger(), setting.new("installation")
    runs = {}
    for state in ("Claimed", "Running", "Ended"):
        created = await ledger.create_run(claimed(setting, installation=installation))
        runs[state] = await ledger.save_run(created.model_copy(update={"state": state}), created)
    await ledger.create_run(claimed(setting, installation=setting.new("installation")))
    active = sorted(runs[state].execution_id for state in ("Claimed", "Running"))
    assert await ledger.active_runs(installation) == active
    assert await ledger.active_runs("nobody") == []


# --- answers that get lost ------------------------------------------------------------------------------------------


async def test_a_creation_whose_answer_is_lost_is_ones_own(setting: Setting) -> None:
    ledger, run = setting.ledger(), claimed(setting)
    setting.inject("PutItem", "lostAnswer", times=1)
    assert await ledger.create_run(run) == run.model_copy(update={"version": 1, "epoch": 1})


async def test_a_transition_whose_answer_is_lost_is_done_once(setting: Setting) -> None:
    ledger = setting.ledger()
    created = await ledger.create_run(claimed(setting))
    run = await ledger.save_run(pinned(created), created)
    calling = run.with_intent(builders.intent(1, range(1000, 1004), "Calling"))
    before = setting.writes("PutItem")
    setting.inject("PutItem", "lostAnswer", times=1)
    saved = await ledger.save_run(calling, run)
    assert setting.writes("PutItem") - before == 2
    assert saved.version == run.version + 1
    assert await ledger.load_run(run.execution_id) == saved


async def test_a_takeover_whose_answer_is_lost_is_done(setting: Setting) -> None:
    created = await setting.ledger(epoch=1).create_run(claimed(setting))
    setting.inject("UpdateItem", "lostAnswer", times=1)
    assert await setting.ledger(epoch=2).load_run(created.execution_id) == created.model_copy(
        update={"epoch": 2, "version": 2}
    )


async def test_a_lost_answer_hides_no_race_that_was_lost(setting: Setting) -> None:
    ledger = setting.ledger()
    created = await ledger.create_run(claimed(setting))
    await ledger.save_run(created.model_copy(update={"pause_requested": True}), created)
    setting.inject("PutItem", "lostAnswer", times=1)
    with pytest.raises(LostRace):
        await ledger.save_run(created.model_copy(update={"pause_requested": True}), created)
