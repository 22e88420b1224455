"""DescribeSourceServers, initialisation, foreign jobs, and `drs-sandbox set`."""

from __future__ import annotations

from typing import Any

import pytest

from drs_sandbox.world import WorldError
from tests.unit.sandbox_drs.bench import ACCOUNT, ORIGIN, REGION, STAGING, Bench, server, server_id, world


def ids(bench: Bench, **arguments: Any) -> list[str]:
    return [item["sourceServerID"] for item in bench.call("DescribeSourceServers", **arguments)["items"]]


def test_a_source_server_shows_what_the_world_file_says() -> None:
    bench = Bench(world(server("db", tags={"Tier": "database"}, origin=ORIGIN)))
    shown = bench.server("db")
    assert shown["arn"] == f"arn:aws:drs:{REGION}:{ACCOUNT}:source-server/{server_id('db')}"
    assert shown["tags"] == {"Tier": "database"}
    assert shown["sourceProperties"]["identificationHints"]["hostname"] == "db"
    assert shown["sourceProperties"]["identificationHints"]["awsInstanceID"] == ORIGIN["instanceId"]
    assert shown["sourceCloudProperties"]["originAccountID"] == ACCOUNT
    assert shown["stagingArea"]["status"] == "NOT_EXTENDED"
    assert shown["replicationDirection"] == "FAILOVER"


def test_an_entry_with_a_count_is_many_servers() -> None:
    bench = Bench(world({"count": 12, "idPrefix": "s-web", "hostnamePrefix": "web-"}))
    assert ids(bench)[::11] == ["s-web00000000000001", "s-web00000000000012"]


def test_the_filters_are_ids_hardware_and_staging_accounts() -> None:
    bench = Bench(world(server("db", origin=ORIGIN), server("web")))
    assert ids(bench) == [server_id("db"), server_id("web")]
    assert ids(bench, filters={"sourceServerIDs": [server_id("web"), server_id("nobody")]}) == [server_id("web")]
    assert ids(bench, filters={"hardwareId": ORIGIN["instanceId"]}) == [server_id("db")]
    assert ids(bench, filters={"stagingAccountIDs": [STAGING]}) == []
    assert bench.refusal("DescribeSourceServers", filters={"tags": {"Tier": "web"}}).code == "ValidationException"


def test_state_is_per_account_and_region() -> None:
    other = {"id": STAGING, "regions": [{"name": REGION, "sourceServers": [server("app")]}, {"name": "eu-west-1"}]}
    bench = Bench(world(server("db"), accounts=[other]))
    assert ids(bench, account=STAGING) == [server_id("app")]
    assert ids(bench, account=STAGING, region="eu-west-1") == []
    assert ids(bench) == [server_id("db")]


@pytest.mark.parametrize("region", [REGION, "ap-south-1"])
def test_an_account_that_is_not_initialised_says_so_until_it_is(region: str) -> None:
    bench = Bench(world(initialized=False))
    for operation in ("DescribeSourceServers", "DescribeJobs", "ListStagingAccounts"):
        error = bench.refusal(operation, region=region)
        assert (error.code, error.http_status) == ("UninitializedAccountException", 400)
    for _ in range(2):
        assert bench.call("InitializeService", region=region) == {}
    assert ids(bench, region=region) == []


@pytest.mark.parametrize(
    ("status", "at_first", "after_a_second", "after_a_minute"),
    [
        ("PENDING", "PENDING", "PENDING", "STARTED"),
        ("STARTED", "STARTED", "STARTED", "STARTED"),
        ("COMPLETED", "COMPLETED", "COMPLETED", "COMPLETED"),
    ],
)
def test_jobs_of_somebody_else_are_there_from_the_start(
    status: str, at_first: str, after_a_second: str, after_a_minute: str
) -> None:
    bench = Bench(world(server("db"), jobs=[{"servers": [server_id("db")], "isDrill": False, "status": status}]))
    seen = []
    for seconds in (0, 1, 60):
        bench.tick(seconds)
        (job,) = bench.call("DescribeJobs")["items"]
        seen.append(job["status"])
    assert seen == [at_first, after_a_second, after_a_minute]
    assert (job["initiatedBy"], job["tags"]) == ("START_RECOVERY", {})
    bench.advance(700)
    assert bench.statuses(job["jobID"]) == ["LAUNCHED"]
    assert [instance["isDrill"] for instance in bench.instances("db")] == [False]


def test_the_servers_of_a_foreign_job_are_busy_and_count() -> None:
    jobs = [{"servers": [server_id("db")], "status": "STARTED"}]
    bench = Bench(world(server("db"), server("web"), jobs=jobs, quotas={"jobsInProgress": 1}))
    db, web = ([{"sourceServerID": server_id(name)}] for name in ("db", "web"))
    assert bench.refusal("StartRecovery", sourceServers=db).code == "ConflictException"
    assert bench.refusal("StartRecovery", sourceServers=web).code == "ServiceQuotaExceededException"


def test_a_foreign_job_that_is_over_has_left_its_instances_and_no_server_busy() -> None:
    jobs = [{"servers": [server_id("db")], "isDrill": False, "status": "COMPLETED"}]
    bench = Bench(world(server("db"), jobs=jobs))
    (instance,) = bench.instances("db")
    assert (instance["isDrill"], instance["ec2InstanceState"]) == (False, "RUNNING")
    (job,) = bench.call("DescribeJobs")["items"]
    assert bench.events(job["jobID"])[-1] == "JOB_END"
    assert job["endDateTime"] < bench.server("db")["lifeCycle"]["lastSeenByServiceDateTime"]
    assert bench.launch("db")


def test_a_foreign_job_that_is_over_is_older_than_one_that_runs() -> None:
    jobs = [{"servers": [server_id("db")]}, {"servers": [server_id("web")], "status": "COMPLETED"}]
    bench = Bench(world(server("db"), server("web"), jobs=jobs))
    bench.tick(1)
    listed = bench.call("DescribeJobs")["items"]
    assert [job["status"] for job in listed] == ["STARTED", "COMPLETED"]
    assert listed[0]["creationDateTime"] > listed[1]["creationDateTime"]


def change(bench: Bench, **changes: str) -> dict[str, Any]:
    renamed = {key.replace("__", "."): value for key, value in changes.items()}
    return bench.service.set_server(None, server_id("db"), renamed)


def test_set_changes_state_lag_tags_and_recovery_points() -> None:
    bench = Bench(world(server("db", tags={"Tier": "database", "Old": "1"})))
    shown = change(
        bench, replicationState="STALLED", lag="PT90S", tags__Tier="cache", tags__Old="", snapshots="PT15M, PT3H"
    )
    found = bench.server("db")
    assert found["dataReplicationInfo"]["dataReplicationState"] == "STALLED"
    assert found["dataReplicationInfo"]["lagDuration"] == "PT1M30S"
    assert found["tags"] == {"Tier": "cache"}
    assert bench.ages("db") == [15, 180]
    assert (shown["account"], shown["replicationState"], shown["lag"]) == (ACCOUNT, "STALLED", "PT1M30S")
    change(bench, snapshots="")
    assert bench.points("db") == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"replicationState": "FINE"}, "replicationState: expected one of STOPPED"),
        ({"lag": "5 minutes"}, "lag: expected an ISO 8601 duration"),
        ({"snapshots": "PT5M,soon"}, "snapshots: expected an ISO 8601 duration"),
        ({"colour": "red"}, "colour: expected one of replicationState"),
        ({"tags.": "x"}, "expected one of"),
        ({"failbackClient": "gone"}, "failbackClient: expected connected"),
        ({"failbackClient": "connected"}, "failbackClient: expected an on-premises server"),
        ({"lag": 5}, "lag: expected text"),
    ],
)
def test_set_says_what_it_expected_and_changes_nothing(changes: dict[str, Any], says: str) -> None:
    bench = Bench(world(server("db")))
    with pytest.raises(WorldError, match=says):
        bench.service.set_server(None, server_id("db"), {"tags.New": "1", **changes})
    assert bench.server("db")["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"
    if changes != {"failbackClient": "connected"}:
        assert bench.server("db")["tags"] == {}


def test_set_needs_a_server_that_is_there_once() -> None:
    other = {"id": STAGING, "regions": [{"name": REGION, "sourceServers": [server("db")]}]}
    bench = Bench(world(server("db"), accounts=[other]))
    with pytest.raises(WorldError, match=f"it is in {ACCOUNT} {REGION}, {STAGING} {REGION}"):
        change(bench, lag="PT1S")
    assert bench.service.set_server(STAGING, server_id("db"), {"lag": "PT1S"})["account"] == STAGING
    with pytest.raises(WorldError, match="expected a source server of the world"):
        bench.service.set_server(None, server_id("nobody"), {"lag": "PT1S"})
