"""Launch settings: written where they differ, only shown where they may not be, mended when somebody changes them."""

from __future__ import annotations

from typing import Any

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup, RecoveryPlan, TargetAccount
from drs_operator.planning.claims import address_key
from drs_operator.planning.launch_checks import Interface, Subnet
from drs_operator.ports import ReadFailed
from tests.unit.reconcilers.world import ACCOUNT_ID, EXTERNAL_ID, NAMESPACE, PLACE, World

IDS = [f"s-{number:017d}" for number in range(1, 4)]
SUBNET, GROUP, VPC = "subnet-0aaa1111bbb22222c", "sg-0aaa1111bbb22222c", "vpc-0aaa1111bbb22222c"
WRITES = {"change drs", "add version", "move default"}


def settings_world(count: int = 3) -> World:
    """An account, a subnet, and servers of one tier."""
    world = World()
    world.cloud.account(ACCOUNT_ID, EXTERNAL_ID)
    world.account("production")
    world.settings.subnets[SUBNET] = Subnet(VPC, "10.0.1.0/24")
    world.settings.security_groups[GROUP] = VPC
    for number in range(1, count + 1):
        world.cloud.server(PLACE, f"s-{number:017d}", Tier="db")
    return world


@pytest.fixture
def world() -> World:
    return settings_world()


def group(world: World, name: str = "db", launch: dict[str, Any] | None = None, **fields: Any) -> None:
    """A group of the tier with launch settings."""
    spec = {
        "targetAccountRef": {"name": "production"},
        "region": "us-east-1",
        "serverSelectionMode": "tags",
        "serverSelectionTags": {"Tier": "db"},
        **({"launchConfiguration": launch} if launch else {}),
        **fields,
    }
    world.cluster.create(ProtectionGroup, NAMESPACE, name, spec)


def look(world: World, seconds: float = 5) -> None:
    world.wait(seconds, TargetAccount, ProtectionGroup, RecoveryPlan)


def states(world: World, name: str = "db") -> list[str]:
    found = world.cluster.now(ProtectionGroup, NAMESPACE, name)
    assert found is not None
    return [str(server.launch_configuration) for server in found.status.servers]


def writes(world: World) -> list[str]:
    return [call for call in world.settings.calls if call in WRITES]


def synced(world: World, name: str = "db") -> Any:
    return world.condition(ProtectionGroup, name, "LaunchConfigurationSynced")


def test_both_parts_are_written_and_then_nothing_more(world: World) -> None:
    group(
        world, launch={"copyTags": True, "instanceType": "r6i.large", "subnetId": SUBNET, "securityGroupIds": [GROUP]}
    )
    look(world)
    assert states(world) == ["Synced"] * 3
    assert world.condition(ProtectionGroup, "db").status == "True"
    for server_id in IDS:
        assert world.settings.drs(PLACE, server_id).right_sizing == "NONE", "DRS would overwrite the type otherwise"
        assert world.settings.drs(PLACE, server_id).copy_tags is True
        template = world.settings.template(PLACE, server_id)
        assert (template.instance_type, template.subnet_id) == ("r6i.large", SUBNET)
    world.settings.calls.clear()
    done = len(world.effects.done)
    look(world, 600)
    assert set(world.settings.calls) == {"default versions", "terrain"}, "nothing is read server by server"
    assert len(world.effects.done) == done, "nothing is written"


def test_a_restart_reads_no_server_and_writes_nothing(world: World) -> None:
    group(world, launch={"instanceType": "r6i.large"})
    look(world)
    world.settings.calls.clear()
    done = len(world.effects.done)
    world.start_operator()
    look(world, 120)
    assert "actual" not in world.settings.calls
    assert len(world.effects.done) == done


def test_what_already_is_as_wanted_is_only_recorded(world: World) -> None:
    group(world, launch={"launchDisposition": "STARTED"})
    look(world)
    assert states(world) == ["Synced"] * 3
    assert writes(world) == []


def test_the_earlier_default_version_is_remembered(world: World) -> None:
    group(world, launch={"instanceType": "r6i.large"})
    look(world)
    world.cluster.edit(ProtectionGroup, NAMESPACE, "db", launchConfiguration={"instanceType": "r6i.2xlarge"})
    look(world)
    assert world.settings.template(PLACE, IDS[0]).instance_type == "r6i.2xlarge"
    assert world.tables.settings[(PLACE, IDS[0])].earlier_version == 1


def test_drift_is_shown_first_and_then_mended(world: World) -> None:
    group(world, launch={"instanceType": "r6i.large"})
    look(world)
    world.settings.change_by_hand(PLACE, IDS[1], instance_type="t3.micro")
    world.until(lambda: states(world)[1] == "Drifted", ProtectionGroup)
    condition = synced(world)
    assert (condition.status, condition.reason) == ("False", "Drifted")
    assert "instanceType t3.micro, wanted r6i.large" in condition.message
    world.until(lambda: states(world) == ["Synced"] * 3, ProtectionGroup)
    assert world.settings.template(PLACE, IDS[1]).instance_type == "r6i.large"
    told = [reason for reason in world.reasons("db") if reason in ("Drifted", "LaunchConfigurationSynced")]
    assert told[-2:] == ["Drifted", "LaunchConfigurationSynced"]


def test_one_bad_server_does_not_stop_the_others(world: World) -> None:
    world.settings.failing[IDS[1]] = ReadFailed("DRS_ERROR", "the server's template is locked")
    group(world, launch={"instanceType": "r6i.large"})
    look(world)
    assert states(world) == ["Synced", "Failed", "Synced"]
    condition = synced(world)
    assert (condition.status, condition.reason) == ("False", "DrsError")
    assert "1 of 3" in condition.message
    assert "host-002: DRS_ERROR: the server's template is locked" in condition.message
    assert world.condition(ProtectionGroup, "db").reason == "DrsError"
    del world.settings.failing[IDS[1]]
    world.until(lambda: states(world) == ["Synced"] * 3, ProtectionGroup, hours=1)


def test_a_failure_is_not_tried_at_every_look(world: World) -> None:
    world.settings.failing["add version"] = ReadFailed("SYNC_FAILED", "EC2 does not like it")
    group(world, launch={"instanceType": "r6i.large"})
    look(world, 3600)
    assert 9 <= world.settings.calls.count("add version") <= 3 * 9, "each pause is twice the last, to 15 minutes"


@pytest.mark.parametrize(
    ("observe", "suspend", "reason"),
    [(True, False, "WouldChange"), (False, True, "Suspended")],
    ids=["observe", "suspend"],
)
def test_where_nothing_may_be_written_it_is_shown(observe: bool, suspend: bool, reason: str) -> None:
    world = settings_world()
    if observe:
        world.cluster.edit(TargetAccount, None, "production", managementPolicy="Observe")
    group(world, launch={"instanceType": "r6i.large"}, suspend=suspend)
    look(world, 300)
    assert set(states(world)) == {"WouldChange"}
    condition = synced(world)
    assert (condition.status, condition.reason) == ("False", reason)
    assert "instanceType m5.large, wanted r6i.large" in condition.message
    assert writes(world) == []
    assert world.settings.calls.count("actual") == 3, "each server is read once, not at every look"
    if observe:
        assert world.condition(ProtectionGroup, "db").status == "True", "it could be launched as it is"


def test_while_a_run_holds_the_group_nothing_is_written() -> None:
    world = settings_world()
    group(world, launch={"instanceType": "r6i.large"})
    world.plan("production", "db", pause_before=(1,))
    world.until(lambda: states(world) == ["Synced"] * 3)
    world.execute()
    world.until(lambda: bool(world.holds()))
    world.cluster.edit(ProtectionGroup, NAMESPACE, "db", launchConfiguration={"instanceType": "r6i.2xlarge"})
    world.settings.calls.clear()
    world.wait(300)
    assert writes(world) == []
    assert set(states(world)) == {"Pending"}
    assert "drill" in synced(world).message
    world.command("cancel", "now")
    world.until(world.finished)
    world.until(lambda: states(world) == ["Synced"] * 3)
    assert world.settings.template(PLACE, IDS[0]).instance_type == "r6i.2xlarge"


def test_a_static_address_is_claimed_once() -> None:
    world = settings_world(2)
    fixed = {"subnetId": SUBNET, "staticPrivateIp": "10.0.1.100"}
    for name, server_id in (("one", IDS[0]), ("two", IDS[1])):
        group(
            world,
            name,
            serverSelectionMode="explicit",
            serverSelectionTags={},
            sourceServerIds=[server_id],
            servers=[{"serverId": server_id, "launchConfiguration": fixed}],
        )
    look(world)
    by_name = {name: states(world, name) for name in ("one", "two")}
    assert sorted(map(str, by_name.values())) == ["['Failed']", "['Synced']"]
    (loser,) = [name for name, found in by_name.items() if found == ["Failed"]]
    (winner,) = {"one", "two"} - {loser}
    condition = synced(world, loser)
    assert condition.reason == "DuplicateIp"
    assert f"dr/{winner}" in condition.message
    key = address_key(PLACE, SUBNET, "10.0.1.100")
    assert key in world.tables.claims
    world.cluster.delete(ProtectionGroup, NAMESPACE, winner)
    world.until(lambda: states(world, loser) == ["Synced"], ProtectionGroup, hours=1)


@pytest.mark.parametrize(
    ("launch", "reason", "says"),
    [
        ({"instanceType": "z9.huge"}, "InstanceTypeUnavailable", "z9.huge"),
        ({"subnetId": "subnet-0bad1111bbb22222c"}, "SubnetNotFound", "subnet-0bad1111bbb22222c"),
        ({"subnetId": SUBNET, "securityGroupIds": ["sg-0bad1111bbb22222c"]}, "SecurityGroupsNotFound", "sg-0bad"),
        ({"iamInstanceProfileName": "nobody"}, "InvalidParameter", "nobody"),
    ],
)
def test_what_ec2_does_not_have_is_refused_before_anything_is_written(
    world: World, launch: dict[str, Any], reason: str, says: str
) -> None:
    group(world, launch=launch)
    look(world)
    condition = synced(world)
    assert condition.reason == reason
    assert says in condition.message
    assert writes(world) == []


def test_an_address_of_the_servers_own_earlier_instance_is_free(world: World) -> None:
    instance = world.cloud.live_instance(PLACE, IDS[0])
    world.settings.interfaces[(SUBNET, "10.0.1.50")] = Interface("eni-1", instance)
    override = {"serverId": IDS[0], "launchConfiguration": {"subnetId": SUBNET, "staticPrivateIp": "10.0.1.50"}}
    group(world, servers=[override])
    look(world)
    assert states(world) == ["Synced", "NotManaged", "NotManaged"]
    world.settings.interfaces[(SUBNET, "10.0.1.50")] = Interface("eni-1", "i-stranger")
    world.until(lambda: synced(world).reason == "IpInUse", ProtectionGroup)


def test_hundreds_of_servers_are_written_in_batches() -> None:
    world = settings_world(100)
    group(world, launch={"instanceType": "r6i.large"})
    world.until(lambda: states(world).count("Synced") == 100, ProtectionGroup)
    assert writes(world).count("add version") == 100
    assert world.settings.calls.count("actual") == 300, "before, after DRS's part, and to read it back"


def test_when_aws_does_not_answer_the_states_stay(world: World) -> None:
    group(world, launch={"instanceType": "r6i.large"})
    look(world)
    world.settings.failing["default versions"] = ReadFailed("DRS_ERROR", "no answer")
    look(world, 200)
    assert states(world) == ["Synced"] * 3
    assert synced(world).status == "Unknown"
    assert world.condition(ProtectionGroup, "db").reason == "DrsError"


def test_killed_at_any_effect_it_ends_with_at_most_one_version_too_many() -> None:
    number = 0
    while _survives(number, False) | _survives(number, True):
        number += 1
    assert number > 5, "it was killed many times"


def _survives(number: int, applied: bool) -> bool:
    """Kills the operator around one effect; returns whether that happened."""
    world = settings_world(1)
    group(world, launch={"copyTags": True, "instanceType": "r6i.large"})
    world.effects.kill_at(number, applied)
    world.until(lambda: states(world) == ["Synced"], ProtectionGroup, TargetAccount)
    assert world.settings.template(PLACE, IDS[0]).instance_type == "r6i.large"
    assert world.settings.drs(PLACE, IDS[0]).copy_tags is True
    assert world.settings.versions(PLACE, IDS[0]) <= 4, "first, DRS's own, ours, and one too many"
    assert world.tables.settings[(PLACE, IDS[0])].earlier_version == 1
    return world.deaths > 0


def test_an_address_that_a_running_launch_has_taken_is_no_flaw() -> None:
    world = settings_world(1)
    fixed = {"subnetId": SUBNET, "staticPrivateIp": "10.0.1.50"}
    group(world, servers=[{"serverId": IDS[0], "launchConfiguration": fixed}])
    look(world)
    assert states(world) == ["Synced"]
    world.tables.holds[(PLACE, IDS[0])] = ("exec-1", "elsewhere/drill")
    world.start_operator()
    world.settings.interfaces[(SUBNET, "10.0.1.50")] = Interface("eni-new", "i-new")
    look(world, 70)
    assert states(world) == ["Synced"]
