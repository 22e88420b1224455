"""Steady state: looking again changes nothing anywhere."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from drs_operator.api.v1alpha1 import DRExecution
from tests.unit.reconcilers.world import World


def test_settled_objects_are_not_written_again() -> None:
    world = World()
    world.quickstart()
    world.wait(300)
    before, calls = list(world.effects.done), Counter(world.cloud.calls)
    world.wait(3600)
    assert world.effects.done == before
    assert Counter(world.cloud.calls) != calls, "AWS was looked at all the time"


def test_a_new_operator_finds_everything_as_it_should_be() -> None:
    world = World()
    world.quickstart()
    world.wait(300)
    before = list(world.effects.done)
    world.start_operator()
    world.wait(300)
    assert world.effects.done == before


def test_a_finished_run_is_never_written_again() -> None:
    world = World()
    world.quickstart(pause_before=())
    world.execute()
    world.until(world.finished)
    world.wait(300)
    before = list(world.effects.done)
    world.start_operator()
    world.wait(7200)
    assert world.effects.done == before
    assert world.seen().metadata.finalizers == []


def test_a_held_run_gives_a_sign_of_life_and_no_more() -> None:
    world = World()
    world.quickstart()
    world.execute()
    world.until(lambda: world.phase() == "Paused")
    world.wait(300)
    before = list(world.effects.done)
    world.wait(3600, DRExecution)
    new = Counter(world.effects.done[len(before) :])
    assert set(new) == {"write status"}, "the ledger is not touched"
    assert 55 <= new["write status"] <= 61, "about once a minute"
    assert world.phase() == "Paused"


def test_following_a_job_writes_a_sign_of_life_and_no_more() -> None:
    world = World()
    world.quickstart(pause_before=())
    world.cloud.launch_takes = timedelta(hours=3)
    world.execute()
    world.wait(300)
    before = list(world.effects.done)
    world.wait(3600, DRExecution)
    new = Counter(world.effects.done[len(before) :])
    assert set(new) == {"write status"}, "the ledger is not touched"
    assert 55 <= new["write status"] <= 122, "the sign of life, and how many minutes AWS has been at it"


def test_one_sweep_serves_every_group() -> None:
    world = World()
    world.quickstart()
    for number in range(20):
        world.group(f"more-{number}", Tier="db")
    world.wait(300)
    world.cloud.calls.clear()
    world.wait(600)
    sweeps = [call for call in world.cloud.calls if call[0] == "inventory"]
    assert 9 <= len(sweeps) <= 11, "once a minute, whatever the number of groups"
