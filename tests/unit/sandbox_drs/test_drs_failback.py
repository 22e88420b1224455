"""The way back: reversed source servers in EC2, the Failback Client on premises."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox_drs.bench import ACCOUNT, HOME, ORIGIN, REGION, Bench, server, server_id, world

READY_SECONDS = 1560


def bench_with_origin() -> Bench:
    what = world(server("db", origin=ORIGIN, tags={"Tier": "database"}))
    bench = Bench(what)
    bench.call("InitializeService", region=HOME)
    return bench


def reverse(bench: Bench, instance: str, region: str = REGION) -> str:
    answer = bench.call("ReverseReplication", region=region, recoveryInstanceID=instance)
    arn: str = answer["reversedDirectionSourceServerArn"]
    return arn


def found(bench: Bench, region: str) -> dict[str, Any]:
    (item,) = bench.call("DescribeSourceServers", region=region)["items"]
    return item  # type: ignore[no-any-return]


def failback_state(bench: Bench) -> str:
    state: str = bench.instances("db")[0]["failback"]["state"]
    return state


def test_reversing_makes_a_source_server_in_the_origins_region() -> None:
    bench = bench_with_origin()
    instance = bench.launched("db", drill=False)["recoveryInstanceID"]
    arn = reverse(bench, instance)
    back = found(bench, HOME)
    assert back["arn"] == arn
    assert arn.startswith(f"arn:aws:drs:{HOME}:{ACCOUNT}:source-server/s-")
    assert back["replicationDirection"] == "FAILBACK"
    assert back["sourceProperties"]["identificationHints"]["awsInstanceID"] == instance
    assert back["sourceCloudProperties"]["originRegion"] == REGION
    assert back["tags"] == {"Tier": "database"}
    assert bench.server("db")["reversedDirectionSourceServerArn"] == arn


def test_the_failback_state_follows_the_replication_and_the_launch_at_home() -> None:
    bench = bench_with_origin()
    instance = bench.launched("db", drill=False)["recoveryInstanceID"]
    seen = [failback_state(bench)]
    reverse(bench, instance)
    seen.append(failback_state(bench))
    bench.advance(READY_SECONDS)
    seen.append(failback_state(bench))
    back = found(bench, HOME)["sourceServerID"]
    bench.call("StartRecovery", region=HOME, sourceServers=[{"sourceServerID": back}])
    bench.advance(600)
    seen.append(failback_state(bench))
    assert seen == [
        "FAILBACK_NOT_STARTED",
        "FAILBACK_IN_PROGRESS",
        "FAILBACK_READY_FOR_LAUNCH",
        "FAILBACK_COMPLETED",
    ]
    home_instances = bench.call("DescribeRecoveryInstances", region=HOME)["items"]
    assert [item["sourceServerID"] for item in home_instances] == [back]


def test_a_drill_at_home_completes_nothing() -> None:
    bench = bench_with_origin()
    reverse(bench, bench.launched("db", drill=False)["recoveryInstanceID"])
    bench.advance(READY_SECONDS)
    back = found(bench, HOME)["sourceServerID"]
    bench.call("StartRecovery", region=HOME, isDrill=True, sourceServers=[{"sourceServerID": back}])
    bench.advance(600)
    assert failback_state(bench) == "FAILBACK_READY_FOR_LAUNCH"


def test_an_instance_that_replicates_back_is_not_terminated_until_that_is_stopped() -> None:
    bench = bench_with_origin()
    instance = bench.launched("db", drill=False)["recoveryInstanceID"]
    reverse(bench, instance)
    bench.advance(READY_SECONDS)
    assert bench.refusal("TerminateRecoveryInstances", recoveryInstanceIDs=[instance]).code == "ConflictException"
    back = found(bench, HOME)["sourceServerID"]
    bench.call("StopReplication", region=HOME, sourceServerID=back)
    assert bench.call("TerminateRecoveryInstances", recoveryInstanceIDs=[instance])


def test_reversing_again_protects_the_first_server_anew() -> None:
    bench = bench_with_origin()
    arn = reverse(bench, bench.launched("db", drill=False)["recoveryInstanceID"])
    bench.advance(READY_SECONDS)
    back = found(bench, HOME)["sourceServerID"]
    bench.call("StartRecovery", region=HOME, sourceServers=[{"sourceServerID": back}])
    bench.advance(600)
    (home_instance,) = bench.call("DescribeRecoveryInstances", region=HOME)["items"]
    again = reverse(bench, home_instance["recoveryInstanceID"], region=HOME)
    assert again == bench.server("db")["arn"]
    assert bench.server("db")["dataReplicationInfo"]["dataReplicationState"] == "INITIATING"
    assert (
        bench.server("db")["sourceProperties"]["identificationHints"]["awsInstanceID"]
        == (home_instance["ec2InstanceID"])
    )
    assert found(bench, HOME)["arn"] == arn


def test_reversing_leaves_a_server_at_home_alone_while_a_job_works_on_it() -> None:
    bench = bench_with_origin()
    first = bench.launched("db", drill=False)["recoveryInstanceID"]
    bench.ec2.change(first, termination_protected=True)
    reverse(bench, first)
    bench.advance(READY_SECONDS)
    second = bench.launched("db", drill=False)["recoveryInstanceID"]
    back = found(bench, HOME)["sourceServerID"]
    bench.call("StartRecovery", region=HOME, sourceServers=[{"sourceServerID": back}])
    assert bench.refusal("ReverseReplication", recoveryInstanceID=second).code == "ConflictException"
    assert found(bench, HOME)["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"


def test_a_source_that_is_not_in_ec2_cannot_be_reversed() -> None:
    bench = Bench(world(server("db")))
    instance = bench.launched("db", drill=False)["recoveryInstanceID"]
    assert bench.refusal("ReverseReplication", recoveryInstanceID=instance).code == "ValidationException"


def test_the_origins_region_must_be_initialised() -> None:
    bench = Bench(world(server("db", origin=ORIGIN)))
    instance = bench.launched("db", drill=False)["recoveryInstanceID"]
    error = bench.refusal("ReverseReplication", recoveryInstanceID=instance)
    assert error.code == "UninitializedAccountException"
    assert HOME in error.message


@pytest.mark.parametrize("case", ["stopped", "disconnected", "reversed", "busy"])
def test_only_an_instance_that_is_ready_for_it_is_reversed(case: str) -> None:
    bench = bench_with_origin()
    instance = bench.launched("db", drill=False)["recoveryInstanceID"]
    if case == "stopped":
        bench.ec2.change(instance, state="stopped")
    elif case == "disconnected":
        bench.call("DisconnectRecoveryInstance", recoveryInstanceID=instance)
    elif case == "reversed":
        reverse(bench, instance)
    else:
        bench.launch("db")
    assert bench.refusal("ReverseReplication", recoveryInstanceID=instance).code == "ConflictException"


def test_an_on_premises_server_fails_back_by_its_client() -> None:
    bench = Bench(world(server("db")))
    instance = bench.launched("db", drill=False)["recoveryInstanceID"]
    error = bench.refusal("StartFailbackLaunch", recoveryInstanceIDs=[instance])
    assert (error.code, error.extra["resourceId"]) == ("ConflictException", instance)
    bench.service.set_server(None, server_id("db"), {"failbackClient": "connected"})
    assert failback_state(bench) == "FAILBACK_IN_PROGRESS"
    bench.advance(READY_SECONDS)
    job = bench.call("StartFailbackLaunch", recoveryInstanceIDs=[instance], tags={"run": "7"})["job"]
    assert (job["type"], job["initiatedBy"], job["tags"]) == ("LAUNCH", "FAILBACK", {"run": "7"})
    bench.advance(600)
    assert bench.statuses(job["jobID"]) == ["LAUNCHED"]
    shown = bench.instances("db")[0]["failback"]
    assert (shown["state"], shown["failbackJobID"]) == ("FAILBACK_COMPLETED", job["jobID"])
    assert bench.call("TerminateRecoveryInstances", recoveryInstanceIDs=[instance])


def test_a_failback_launch_can_fail() -> None:
    bench = Bench(world(server("db")))
    instance = bench.launched("db", drill=False)["recoveryInstanceID"]
    bench.service.set_server(None, server_id("db"), {"failbackClient": "connected"})
    bench.advance(READY_SECONDS)
    bench.faults.add(phase="LAUNCH", effect="launchFailed")
    job = bench.call("StartFailbackLaunch", recoveryInstanceIDs=[instance])["job"]["jobID"]
    bench.advance(600)
    assert bench.statuses(job) == ["FAILED"]
    assert failback_state(bench) == "FAILBACK_READY_FOR_LAUNCH"


def test_a_server_from_ec2_does_not_use_the_failback_client() -> None:
    bench = bench_with_origin()
    instance = bench.launched("db", drill=False)["recoveryInstanceID"]
    assert bench.refusal("StartFailbackLaunch", recoveryInstanceIDs=[instance]).code == "ValidationException"


def test_stopping_a_failback_takes_it_back_to_the_start() -> None:
    bench = bench_with_origin()
    instance = bench.launched("db", drill=False)["recoveryInstanceID"]
    reverse(bench, instance)
    bench.advance(READY_SECONDS)
    bench.call("StopFailback", recoveryInstanceID=instance)
    assert failback_state(bench) == "FAILBACK_NOT_STARTED"
    assert found(bench, HOME)["dataReplicationInfo"]["dataReplicationState"] == "STOPPED"
    assert bench.call("TerminateRecoveryInstances", recoveryInstanceIDs=[instance])


def test_the_failback_configuration_is_kept() -> None:
    bench = Bench(world(server("db")))
    instance = bench.launched("db", drill=False)["recoveryInstanceID"]
    bench.call("UpdateFailbackReplicationConfiguration", recoveryInstanceID=instance, usePrivateIP=True)
    shown = bench.call("GetFailbackReplicationConfiguration", recoveryInstanceID=instance)
    assert (shown["usePrivateIP"], shown["recoveryInstanceID"]) == (True, instance)


@pytest.mark.parametrize("operation", ["ReverseReplication", "StopFailback", "GetFailbackReplicationConfiguration"])
def test_an_unknown_instance_is_not_found(operation: str) -> None:
    error = Bench(world()).refusal(operation, recoveryInstanceID="i-0123456789abcdef0")
    assert (error.code, error.http_status) == ("ResourceNotFoundException", 404)
