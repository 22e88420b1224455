"""Recovery instances: how they are shown, terminated, disconnected and deleted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox_drs.bench import Bench, server, server_id, world


def terminate(bench: Bench, *ids: str, **arguments: Any) -> str:
    job: str = bench.call("TerminateRecoveryInstances", recoveryInstanceIDs=list(ids), **arguments)["job"]["jobID"]
    return job


@pytest.mark.parametrize("drill", [True, False])
def test_an_instance_says_whether_it_is_a_drill_of_which_job_and_of_which_moment(drill: bool) -> None:
    bench = Bench(world(server("db")))
    shown = bench.launched("db", drill=drill)
    (job,) = bench.call("DescribeJobs")["items"]
    assert (shown["isDrill"], shown["jobID"], shown["sourceServerID"]) == (drill, job["jobID"], server_id("db"))
    assert shown["recoveryInstanceID"] == shown["ec2InstanceID"]
    assert shown["pointInTimeSnapshotDateTime"] in [point.get("timestamp") for point in bench.points("db")]


def test_the_state_follows_ec2() -> None:
    bench = Bench(world(server("db")))
    instance_id = bench.launched("db")["recoveryInstanceID"]
    seen = []
    for state in ("running", "stopping", "stopped", "shutting-down", "terminated"):
        bench.ec2.change(instance_id, state=state)
        seen.append(bench.instances("db")[0]["ec2InstanceState"])
    del bench.ec2.instances[instance_id]
    seen.append(bench.instances("db")[0]["ec2InstanceState"])
    assert seen == ["RUNNING", "STOPPING", "STOPPED", "SHUTTING-DOWN", "TERMINATED", "NOT_FOUND"]


def test_instances_are_filtered_by_their_ids_and_their_servers() -> None:
    bench = Bench(world(server("db"), server("web")))
    bench.launched("db", "web")
    (db,) = bench.instances("db")
    (web,) = bench.instances("web")

    def found(**filters: list[str]) -> list[str]:
        items = bench.call("DescribeRecoveryInstances", filters=filters)["items"]
        return sorted(item["recoveryInstanceID"] for item in items)

    ids = sorted([db["recoveryInstanceID"], web["recoveryInstanceID"]])
    assert found() == ids
    assert found(recoveryInstanceIDs=[db["recoveryInstanceID"]]) == [db["recoveryInstanceID"]]
    assert found(recoveryInstanceIDs=ids, sourceServerIDs=[server_id("web")]) == [web["recoveryInstanceID"]]


def test_termination_is_a_job_of_its_own() -> None:
    bench = Bench(world(server("db"), server("web")))
    bench.launched("db", "web")
    ids = [bench.instances(name)[0]["recoveryInstanceID"] for name in ("db", "web")]
    job_id = terminate(bench, *ids)
    job = bench.job(job_id)
    assert (job["type"], job["initiatedBy"], job["status"]) == ("TERMINATE", "TERMINATE_RECOVERY_INSTANCES", "PENDING")
    bench.advance(120)
    job = bench.job(job_id)
    assert job["status"] == "COMPLETED"
    assert job["participatingServers"] == [
        {"sourceServerID": server_id(name), "recoveryInstanceID": instance, "launchStatus": "TERMINATED"}
        for name, instance in zip(("db", "web"), ids, strict=True)
    ]
    assert bench.events(job_id, "db") == ["CLEANUP_START", "CLEANUP_END"]


def test_a_terminated_instance_is_gone_in_ec2_and_no_longer_listed() -> None:
    bench = Bench(world(server("db")))
    instance = bench.launched("db")["recoveryInstanceID"]
    terminate(bench, instance)
    bench.advance(120)
    assert bench.ec2.instances[instance].state == "terminated"
    assert bench.instances("db") == []
    assert "recoveryInstanceId" not in bench.server("db")
    assert bench.server("db")["lifeCycle"]["lastLaunch"]["status"] == "TERMINATED"


def test_a_termination_needs_room_for_a_job() -> None:
    bench = Bench(world(server("db"), server("web"), quotas={"jobsInProgress": 1}))
    instance = bench.launched("db")["recoveryInstanceID"]
    bench.launch("web")
    error = bench.refusal("TerminateRecoveryInstances", recoveryInstanceIDs=[instance])
    assert (error.http_status, error.extra["quotaCode"]) == (402, "L-D88FAC3A")


def test_a_protected_instance_is_not_terminated() -> None:
    bench = Bench(world(server("db")))
    instance = bench.launched("db")["recoveryInstanceID"]
    bench.ec2.change(instance, termination_protected=True)
    job = terminate(bench, instance)
    bench.advance(120)
    assert bench.statuses(job) == ["FAILED"]
    assert "OperationNotPermitted" in bench.log(job, "db")[-1]["eventData"]["rawError"]
    assert bench.ec2.instances[instance].state == "running"


def test_an_instance_of_a_server_in_a_job_is_refused() -> None:
    bench = Bench(world(server("db")))
    instance = bench.launched("db")["recoveryInstanceID"]
    terminate(bench, instance)
    assert bench.refusal("TerminateRecoveryInstances", recoveryInstanceIDs=[instance]).code == "ConflictException"
    servers = [{"sourceServerID": server_id("db")}]
    assert bench.refusal("StartRecovery", sourceServers=servers).code == "ConflictException"


def test_unknown_and_repeated_instances_are_refused() -> None:
    bench = Bench(world(server("db")))
    instance = bench.launched("db")["recoveryInstanceID"]
    for ids in (["i-0123456789abcdef0"], [instance, instance], [instance, "i-0123456789abcdef0"]):
        error = bench.refusal("TerminateRecoveryInstances", recoveryInstanceIDs=ids)
        assert error.code == "ValidationException"
    assert bench.ec2.instances[instance].state == "running"


def test_a_hidden_termination_runs_unseen() -> None:
    bench = Bench(world(server("db")))
    instance = bench.launched("db")["recoveryInstanceID"]
    job = terminate(bench, instance, hide_job_seconds=60)
    bench.advance(30)
    assert job not in [shown["jobID"] for shown in bench.call("DescribeJobs")["items"]]
    bench.advance(60)
    assert bench.statuses(job) == ["TERMINATED"]


def test_an_instance_that_ec2_terminated_stays_listed_until_the_next_launch() -> None:
    bench = Bench(world(server("db")))
    instance = bench.launched("db")["recoveryInstanceID"]
    bench.ec2.change(instance, state="terminated")
    assert bench.instances("db")[0]["ec2InstanceState"] == "TERMINATED"
    bench.launched("db")
    assert len(bench.instances("db")) == 1
    assert bench.instances("db")[0]["recoveryInstanceID"] != instance


def test_only_a_disconnected_instance_can_be_deleted_and_it_runs_on() -> None:
    bench = Bench(world(server("db")))
    instance = bench.launched("db")["recoveryInstanceID"]
    assert bench.refusal("DeleteRecoveryInstance", recoveryInstanceID=instance).code == "ConflictException"
    bench.call("DisconnectRecoveryInstance", recoveryInstanceID=instance)
    assert bench.instances("db")[0]["dataReplicationInfo"]["dataReplicationState"] == "DISCONNECTED"
    bench.call("DeleteRecoveryInstance", recoveryInstanceID=instance)
    assert bench.instances("db") == []
    assert bench.ec2.instances[instance].state == "running"
    error = bench.refusal("DisconnectRecoveryInstance", recoveryInstanceID=instance)
    assert error.code == "ResourceNotFoundException"


def test_a_disconnected_instance_survives_the_next_launch() -> None:
    bench = Bench(world(server("db")))
    instance = bench.launched("db")["recoveryInstanceID"]
    bench.call("DisconnectRecoveryInstance", recoveryInstanceID=instance)
    bench.launched("db")
    assert bench.ec2.instances[instance].state == "running"


@pytest.mark.parametrize("operation", ["DisconnectRecoveryInstance", "DeleteRecoveryInstance"])
def test_an_instance_that_a_job_works_on_cannot_be_let_go(operation: str) -> None:
    bench = Bench(world(server("db")))
    instance = bench.launched("db")["recoveryInstanceID"]
    terminate(bench, instance)
    assert bench.refusal(operation, recoveryInstanceID=instance).code == "ConflictException"
