"""Launch settings in force at a launch: the group's of now, whatever was pinned."""

from __future__ import annotations

from typing import Any

import pytest

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, TargetAccount
from drs_operator.ports import AccessDenied, ReadFailed, Throttled
from tests.unit.reconcilers.world import NAMESPACE, PLACE, World, server_ids

DB = server_ids("db")
WEB = server_ids("web")[0]
WRITES = {"change drs", "add version", "move default"}
MANAGED = {"instanceType": "r6i.large"}


def settled(pause_before: tuple[int, ...] = (3,), **wave_fields: Any) -> World:
    """The groups `db` and `web` manage an instance type, which AWS has."""
    world = World()
    world.quickstart(pause_before, **wave_fields)
    for tier in ("db", "web"):
        edit(world, tier, MANAGED)
    world.wait(120)
    assert types(world) == {"r6i.large"}
    return world


def edit(world: World, tier: str, launch: dict[str, Any] | None) -> None:
    world.cluster.edit(ProtectionGroup, NAMESPACE, tier, launchConfiguration=launch)


def types(world: World, *servers: str) -> set[str | None]:
    return {world.settings.template(PLACE, server).instance_type for server in servers or (*DB, WEB)}


def paused(**wave_fields: Any) -> World:
    """A drill that waits before its last wave."""
    world = settled(**wave_fields)
    world.execute()
    world.until(lambda: world.phase() == "Paused")
    return world


def at_each_call(world: World) -> list[set[str | None]]:
    """Instance types of the servers `web` when each launch call was made from now on."""
    seen: list[set[str | None]] = []
    start = world.cloud.start_recovery

    async def started(access: Any, region: Any, intent: Any, is_drill: Any, tags: Any) -> Any:
        seen.append(types(world, WEB))
        return await start(access, region, intent, is_drill, tags)

    world.cloud.start_recovery = started  # type: ignore[method-assign]
    return seen


def versions(world: World, wave: int, name: str = "drill") -> set[int | None]:
    return {server.launch_settings_version for server in world.run_of(name).wave(wave).servers}


def writes(world: World) -> list[str]:
    return [call for call in world.settings.calls if call in WRITES]


def test_settings_that_are_right_cost_nothing_and_are_recorded() -> None:
    world = settled(pause_before=())
    world.settings.calls.clear()
    world.execute()
    world.until(world.finished)
    assert writes(world) == []
    assert "actual" not in world.settings.calls
    assert world.phase() == "Completed"
    default = world.settings.versions(PLACE, WEB)
    assert default > 1
    assert versions(world, 3) == {default}
    assert versions(world, 2) == {None}, "the group `app` manages nothing"


def test_a_group_that_was_edited_during_the_run_launches_with_the_edit() -> None:
    world = paused()
    before = versions(world, 3)
    edit(world, "web", {"instanceType": "r6i.2xlarge"})
    world.wait(300)
    assert types(world, WEB) == {"r6i.large"}, "the group does not write while a run has its servers"
    seen = at_each_call(world)
    world.command("resume", "3.1")
    world.until(world.finished)
    assert world.phase() == "Completed"
    assert seen == [{"r6i.2xlarge"}]
    assert before == {None}
    assert versions(world, 3) == {world.settings.versions(PLACE, WEB)}
    assert world.cloud.destroyed == []


def test_a_retry_launches_with_the_settings_of_now() -> None:
    world = settled(pause_before=(), onFailure="Pause")
    world.cloud.fates[WEB] = "FAILED"
    world.execute("run", executionType="RECOVERY")
    world.until(lambda: [reason for _, reason in world.holds("run")] == ["WaveFailed"])
    first = versions(world, 3, "run")
    edit(world, "web", {"instanceType": "r6i.2xlarge"})
    world.cloud.mend(WEB)
    seen = at_each_call(world)
    world.command("retry", world.holds("run")[0][0], "run")
    world.until(lambda: world.finished("run"))
    assert world.phase("run") == "Completed"
    assert seen == [{"r6i.2xlarge"}]
    assert versions(world, 3, "run").isdisjoint(first | {None})


@pytest.mark.parametrize("reason", ["gone", "suspended", "not managed any more"])
def test_a_group_that_says_nothing_launches_with_what_aws_has(reason: str) -> None:
    world = paused()
    if reason == "gone":
        world.cluster.delete(ProtectionGroup, NAMESPACE, "web", force=True)
    elif reason == "suspended":
        world.cluster.edit(ProtectionGroup, NAMESPACE, "web", suspend=True, launchConfiguration={"instanceType": "no"})
    else:
        edit(world, "web", None)
    world.settings.calls.clear()
    world.command("resume", "3.1")
    world.until(lambda: world.finished(), DRExecution)
    assert world.phase() == "Completed"
    assert writes(world) == []
    assert versions(world, 3) == {None}


def test_settings_that_aws_does_not_offer_fail_the_server_of_a_drill() -> None:
    world = paused()
    edit(world, "web", {"instanceType": "x9.huge"})
    world.command("resume", "3.1")
    world.until(world.finished)
    assert len(world.cloud.launches()) == 2
    (server,) = world.seen().status.waves[2].servers
    assert server.error is not None
    assert server.error.code == "INSTANCE_TYPE_UNAVAILABLE"
    assert types(world, WEB) == {"r6i.large"}


@pytest.mark.parametrize("trouble", ["not offered", "not allowed", "not written"])
def test_a_recovery_launches_all_the_same_and_says_so(trouble: str) -> None:
    world = settled()
    world.execute("run", executionType="RECOVERY")
    world.until(lambda: world.phase("run") == "Paused")
    edit(world, "web", {"instanceType": "x9.huge" if trouble == "not offered" else "r6i.2xlarge"})
    if trouble == "not allowed":
        world.settings.failing["add version"] = AccessDenied("ROLE_ASSUMPTION_FAILED", "ec2 is not allowed")
    elif trouble == "not written":
        world.settings.failing["add version"] = Throttled("DRS_ERROR", "slow down")
    world.command("resume", "3.1", "run")
    world.until(lambda: world.finished("run"), hours=1)
    assert world.phase("run") == "Completed"
    assert len(world.cloud.launches()) == 3
    code = "INSTANCE_TYPE_UNAVAILABLE" if trouble == "not offered" else world.settings.failing["add version"].code
    (finding,) = [f for f in world.seen("run").status.findings if f.code == code]
    assert (finding.severity, finding.wave_number, finding.server_ids) == ("Warning", 3, [WEB])
    assert "settings that AWS has" in str(finding.message)
    assert versions(world, 3, "run") == {None}, "what it was launched with is not what the group asks for"


def test_a_drill_waits_for_what_passes() -> None:
    world = paused()
    edit(world, "web", {"instanceType": "r6i.2xlarge"})
    world.settings.failing["add version"] = Throttled("DRS_ERROR", "slow down")
    world.command("resume", "3.1")
    world.wait(600)
    assert len(world.cloud.launches()) == 2
    assert "slow down" in world.condition(DRExecution, "drill").message
    del world.settings.failing["add version"]
    world.until(world.finished)
    assert world.phase() == "Completed"
    assert types(world, WEB) == {"r6i.2xlarge"}


def test_a_server_that_is_in_a_job_is_waited_for() -> None:
    world = paused()
    edit(world, "web", {"instanceType": "r6i.2xlarge"})
    world.settings.failing["add version"] = ReadFailed("SERVER_IN_JOB", "a job is running on it")
    world.command("resume", "3.1")
    world.wait(120)
    assert world.seen().status.waves[2].phase == "Queued"
    assert "ServerInJob" in str(world.seen().status.waiting_for)
    del world.settings.failing["add version"]
    world.until(world.finished)
    assert world.phase() == "Completed"


def test_an_account_that_is_only_observed_is_not_written_to() -> None:
    world = paused()
    edit(world, "web", {"instanceType": "r6i.2xlarge"})
    world.cluster.edit(TargetAccount, None, "production", managementPolicy="Observe")
    world.settings.calls.clear()
    world.command("resume", "3.1")
    world.wait(600)
    assert [reason for _, reason in world.holds()] == ["AccountUnavailable"]
    assert writes(world) == []
    assert types(world, WEB) == {"r6i.large"}


def test_what_changes_while_settings_are_written_is_seen_by_the_guards() -> None:
    """The guards are read once more after the writing, which may take minutes."""
    world = paused()
    edit(world, "web", {"instanceType": "r6i.2xlarge"})

    def recovered() -> None:
        world.cloud.live_instance(PLACE, WEB)

    world.effects.meanwhile["move default"] = recovered
    world.command("resume", "3.1")
    world.until(world.finished)
    assert len(world.cloud.launches()) == 2
    assert world.cloud.destroyed == []
    (server,) = world.seen().status.waves[2].servers
    assert server.error is not None
    assert server.error.code == "LIVE_RECOVERY_INSTANCE"


@pytest.mark.parametrize("applied", [False, True], ids=["before it happens", "before its answer"])
def test_a_launch_with_an_edit_survives_a_crash_at_any_effect(applied: bool) -> None:
    def resumed() -> World:
        world = paused()
        edit(world, "web", {"instanceType": "r6i.2xlarge", "copyTags": True})
        world.effects.done.clear()
        world.command("resume", "3.1")
        return world

    undisturbed = resumed()
    undisturbed.until(undisturbed.finished, DRExecution)
    effects = list(undisturbed.effects.done)
    assert {*WRITES, "save settings", "start recovery"} <= set(effects)
    for number, name in enumerate(effects):
        world = resumed()
        world.effects.kill_at(number, applied)
        seen = at_each_call(world)
        world.until(world.finished, DRExecution)
        at = f"killed at effect {number} ({name})"
        assert world.deaths == 1, at
        assert world.phase() == "Completed", at
        assert len(world.cloud.launches()) == 3, at
        assert set(map(frozenset, seen)) == {frozenset({"r6i.2xlarge"})}, at
        assert versions(world, 3) == {world.settings.versions(PLACE, WEB)}, at
        assert world.cloud.destroyed == [], at
