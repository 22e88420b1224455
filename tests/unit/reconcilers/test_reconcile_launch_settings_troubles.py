"""Launch settings while something is wrong: AWS that asks to slow down, roles, the emergency stop, runs, the ledger."""

from __future__ import annotations

from typing import Any

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup, TargetAccount
from drs_operator.planning.launch_checks import Subnet
from drs_operator.ports import AccessDenied, ReadFailed, Throttled
from tests.unit.reconcilers.test_reconcile_launch_settings import (
    GROUP,
    IDS,
    SUBNET,
    group,
    look,
    settings_world,
    states,
    synced,
    writes,
)
from tests.unit.reconcilers.world import NAMESPACE, PLACE, World

SLOWER = Throttled("DRS_ERROR", "account 123456789012 in us-east-1 answered RequestLimitExceeded")
TYPE = {"instanceType": "r6i.large"}


def written(world: World) -> int:
    """How many servers have the wanted type."""
    return states(world).count("Synced")


def test_aws_that_asks_to_slow_down_is_left_alone_for_a_while_and_then_all_is_done() -> None:
    world = settings_world(100)
    refused_at = 20

    def slower() -> None:
        if len(writes(world)) < refused_at:
            world.effects.meanwhile["move default"] = slower
        else:
            world.settings.failing["add version"] = SLOWER

    world.effects.meanwhile["move default"] = slower
    group(world, launch=TYPE)
    world.until(lambda: "add version" in world.settings.failing, ProtectionGroup, TargetAccount)
    look(world, 1)
    waiting = states(world)
    assert 0 < waiting.count("Synced") < 100
    assert set(waiting) == {"Synced", "Pending"}, "nobody has failed"
    assert synced(world).status == "Unknown"
    assert "RequestLimitExceeded" in synced(world).message
    world.settings.calls.clear()
    look(world, 600)
    attempts = world.settings.calls.count("add version")
    assert attempts <= 8 * (600 / 60 + 6), "eight at a time, each pause twice as long, up to a minute"
    del world.settings.failing["add version"]
    world.until(lambda: written(world) == 100, ProtectionGroup, hours=1)
    for server_id in (f"s-{number:017d}" for number in range(1, 101)):
        assert world.settings.versions(PLACE, server_id) <= 3, "the first, DRS's own, ours"


def test_a_pause_is_for_all_groups_of_the_place() -> None:
    world = settings_world(2)
    world.settings.failing["actual"] = SLOWER
    for name, server_id in (("one", IDS[0]), ("two", IDS[1])):
        listed = {"serverSelectionMode": "explicit", "serverSelectionTags": {}, "sourceServerIds": [server_id]}
        group(world, name, launch=TYPE, **listed)
    look(world, 1.5)
    assert world.settings.calls.count("actual") == 1
    del world.settings.failing["actual"]
    world.until(lambda: states(world, "one") == states(world, "two") == ["Synced"], ProtectionGroup, hours=1)


def test_a_role_that_may_not_write_is_not_asked_for_every_server() -> None:
    world = settings_world(100)
    world.settings.failing["add version"] = AccessDenied("ACCOUNT_UNAVAILABLE", "the role refuses")
    group(world, launch=TYPE)
    look(world, 1)
    assert set(states(world)) == {"Failed", "Pending"}
    assert (synced(world).status, synced(world).reason) == ("False", "AccountUnavailable")
    assert world.settings.calls.count("add version") == 8
    del world.settings.failing["add version"]
    world.until(lambda: written(world) == 100, ProtectionGroup, hours=1)


def test_observe_stops_the_next_servers() -> None:
    world = settings_world(100)

    def stop() -> None:
        world.cluster.edit(TargetAccount, None, "production", managementPolicy="Observe")

    world.effects.meanwhile["move default"] = stop
    group(world, launch=TYPE)
    look(world, 300)
    done = writes(world).count("move default")
    assert 1 <= done <= 8, "those that were under way"
    assert states(world).count("WouldChange") == 100 - done
    assert "TargetAccount production" in synced(world).message
    assert "is in Observe" in synced(world).message
    world.settings.calls.clear()
    look(world, 600)
    assert writes(world) == []
    world.cluster.edit(TargetAccount, None, "production", managementPolicy="Manage")
    world.until(lambda: written(world) == 100, ProtectionGroup, TargetAccount, hours=1)


def test_a_job_on_the_server_is_waited_for() -> None:
    world = settings_world()
    world.settings.failing["change drs"] = ReadFailed("SERVER_IN_JOB", "a DRS job is running on the server")
    group(world, launch={"copyTags": True})
    look(world)
    assert states(world) == ["Pending"] * 3
    assert "SERVER_IN_JOB" in synced(world).message
    del world.settings.failing["change drs"]
    world.until(lambda: written(world) == 3, ProtectionGroup, hours=1)


def test_many_busy_servers_do_not_keep_the_others_from_their_turn() -> None:
    world = settings_world(100)
    busy = [f"s-{number:017d}" for number in range(1, 61)]
    for server_id in busy:
        world.settings.failing[server_id] = ReadFailed("SERVER_IN_JOB", "a DRS job is running on the server")
    group(world, launch=TYPE)
    world.until(lambda: written(world) == 40, ProtectionGroup, TargetAccount, hours=1)
    assert set(states(world)[:60]) == {"Pending"}
    world.settings.calls.clear()
    look(world, 600)
    assert world.settings.calls.count("actual") <= 60 * 10, "not at every look"


def test_a_run_from_elsewhere_that_holds_a_server_is_waited_for() -> None:
    world = settings_world()
    world.tables.holds[(PLACE, IDS[1])] = ("exec-1", "elsewhere/drill")
    group(world, servers=[])
    look(world)  # the claim on a held server comes when the run has ended
    del world.tables.holds[(PLACE, IDS[1])]
    world.until(lambda: len(states(world)) == 3, ProtectionGroup, hours=1)
    world.tables.holds[(PLACE, IDS[1])] = ("exec-1", "elsewhere/drill")
    world.start_operator()
    world.cluster.edit(ProtectionGroup, NAMESPACE, "db", launchConfiguration=TYPE)
    look(world)
    assert states(world) == ["Synced", "Pending", "Synced"]
    assert "elsewhere/drill" in synced(world).message
    del world.tables.holds[(PLACE, IDS[1])]
    world.start_operator()
    world.until(lambda: written(world) == 3, ProtectionGroup, hours=1)


def test_without_the_ledger_nothing_is_written_and_nobody_has_failed() -> None:
    world = settings_world()
    group(world, launch=TYPE)
    look(world)
    world.cluster.edit(ProtectionGroup, NAMESPACE, "db", launchConfiguration={"instanceType": "r6i.2xlarge"})
    world.settings.calls.clear()
    world.tables.failure = ReadFailed("LEDGER_UNREACHABLE", "the ledger does not answer")
    look(world, 120)
    assert writes(world) == [], "no act without its intent"
    assert "Failed" not in states(world)
    assert "LEDGER_UNREACHABLE" in synced(world).message
    world.tables.failure = None
    world.until(lambda: written(world) == 3, ProtectionGroup, hours=1)
    assert world.settings.template(PLACE, IDS[0]).instance_type == "r6i.2xlarge"


def override(server_id: str, **settings: Any) -> dict[str, Any]:
    return {"serverId": server_id, "launchConfiguration": settings}


def test_settings_for_a_server_that_is_not_in_the_group_wait() -> None:
    world = settings_world(2)
    group(world, servers=[override(IDS[0], copyTags=True), override(IDS[2], copyTags=True)])
    look(world)
    assert states(world) == ["Synced", "NotManaged"]
    assert synced(world).status == "True"
    assert IDS[2] in synced(world).message
    world.cloud.server(PLACE, IDS[2], Tier="db")
    world.until(lambda: states(world) == ["Synced", "NotManaged", "Synced"], ProtectionGroup, hours=1)
    assert IDS[2] not in synced(world).message


def test_one_address_for_two_servers_is_the_first_ones() -> None:
    world = settings_world(2)
    fixed = {"subnetId": SUBNET, "staticPrivateIp": "10.0.1.100"}
    group(world, servers=[override(IDS[0], **fixed), override(IDS[1], **fixed)])
    look(world)
    assert states(world) == ["Synced", "Failed"]
    assert synced(world).reason == "DuplicateIp"
    assert IDS[0] in synced(world).message


def test_a_subnet_of_another_vpc_is_refused_while_the_template_keeps_its_security_groups() -> None:
    world = settings_world(1)
    world.settings.subnets["subnet-0bbb1111bbb22222c"] = Subnet("vpc-other", "10.9.1.0/24")
    world.settings.change_by_hand(PLACE, IDS[0], security_group_ids=(GROUP,))
    group(world, launch={"subnetId": "subnet-0bbb1111bbb22222c"})
    look(world)
    assert states(world) == ["Failed"]
    assert synced(world).reason == "SecurityGroupsNotFound"
    assert "keeps its security groups" in synced(world).message
    assert writes(world) == []


def test_a_template_that_drs_has_made_anew_has_an_earlier_version_of_its_own() -> None:
    world = settings_world(1)
    world.settings.change_by_hand(PLACE, IDS[0], instance_type="m5.large")
    group(world, launch=TYPE)
    look(world)
    assert world.tables.settings[(PLACE, IDS[0])].earlier_version == 2
    world.settings.new_template(PLACE, IDS[0])
    world.until(lambda: world.settings.template(PLACE, IDS[0]).instance_type == "r6i.large", ProtectionGroup, hours=1)
    world.until(lambda: written(world) == 1, ProtectionGroup, hours=1)
    record = world.tables.settings[(PLACE, IDS[0])]
    assert (record.template_id, record.earlier_version) == (f"lt-{IDS[0]}-2", 1)


def test_what_aws_takes_and_does_not_do_is_no_success() -> None:
    world = settings_world(1)
    world.settings.ignored.add("add version")
    group(world, launch=TYPE)
    look(world)
    assert states(world) == ["Failed"]
    assert synced(world).reason == "SyncFailed"
    assert "instanceType m5.large, wanted r6i.large" in synced(world).message
    assert world.tables.settings[(PLACE, IDS[0])].writing is not None, "nothing vouches for it"


@pytest.mark.parametrize("operation", ["change drs", "add version", "move default"])
def test_a_lost_answer_ends_in_what_is_wanted(operation: str) -> None:
    world = settings_world(1)
    world.settings.lost.add(operation)
    group(world, launch={"copyTags": True, **TYPE})
    world.until(lambda: written(world) == 1, ProtectionGroup, TargetAccount, hours=1)
    assert world.settings.template(PLACE, IDS[0]).instance_type == "r6i.large"
    assert world.settings.drs(PLACE, IDS[0]).copy_tags is True
    assert world.settings.versions(PLACE, IDS[0]) == 3, "the first, DRS's own, ours: no surplus"
