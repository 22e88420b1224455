"""Extended source servers: what a staging account replicates and a target account launches."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox_drs.bench import ACCOUNT, REGION, STAGING, Bench, server, server_id, world

TRUST = [{"name": f"DRSStagingAccountRole_{ACCOUNT}"}]


def staging(*servers: dict[str, Any], roles: list[dict[str, str]] | None = None, **region: Any) -> dict[str, Any]:
    listed = [{"name": REGION, "sourceServers": list(servers), **region}]
    return {"id": STAGING, "roles": TRUST if roles is None else roles, "regions": listed}


def arn(name: str, account: str = STAGING, region: str = REGION) -> str:
    return f"arn:aws:drs:{region}:{account}:source-server/{server_id(name)}"


def extended(name: str = "ext", of: str = "db") -> dict[str, Any]:
    return server(name, snapshots=[], stagingAccountId=STAGING, stagingServerId=server_id(of))


def test_a_staging_accounts_servers_can_be_listed_and_extended() -> None:
    bench = Bench(world(accounts=[staging(server("db", tags={"Tier": "database"}), server("web"))]))
    listed = bench.call("ListExtensibleSourceServers", stagingAccountID=STAGING)["items"]
    assert listed[0] == {"hostname": "db", "arn": arn("db"), "tags": {"Tier": "database"}}
    created = bench.call("CreateExtendedSourceServer", sourceServerArn=arn("db"), tags={"Own": "1"})["sourceServer"]
    assert created["stagingArea"] == {
        "status": "EXTENDED",
        "stagingAccountID": STAGING,
        "stagingSourceServerArn": arn("db"),
    }
    assert created["tags"] == {"Own": "1"}
    assert created["sourceServerID"] != server_id("db")
    left = bench.call("ListExtensibleSourceServers", stagingAccountID=STAGING)["items"]
    assert [item["arn"] for item in left] == [arn("web")]
    assert bench.call("ListStagingAccounts")["accounts"] == [{"accountID": STAGING}]
    filters = {"stagingAccountIDs": [STAGING]}
    (found,) = bench.call("DescribeSourceServers", filters=filters)["items"]
    assert found["sourceServerID"] == created["sourceServerID"]


def test_a_server_is_extended_into_an_account_once() -> None:
    bench = Bench(world(accounts=[staging(server("db"))]))
    bench.call("CreateExtendedSourceServer", sourceServerArn=arn("db"))
    assert bench.refusal("CreateExtendedSourceServer", sourceServerArn=arn("db")).code == "ConflictException"


@pytest.mark.parametrize(
    ("wanted", "code", "because"),
    [
        (arn("nobody"), "ResourceNotFoundException", "there is no such server"),
        (arn("db", account=ACCOUNT), "ValidationException", "it is of this very account"),
        (arn("db", region="eu-west-1"), "ValidationException", "it is in another Region"),
        (arn("db", account="222222222222"), "AccessDeniedException", "that account trusts nobody"),
    ],
)
def test_a_server_that_cannot_be_extended_is_refused(wanted: str, code: str, because: str) -> None:
    bench = Bench(world(server("db"), accounts=[staging(server("db"))]))
    assert bench.refusal("CreateExtendedSourceServer", sourceServerArn=wanted).code == code, because


def test_the_staging_account_must_trust_this_one() -> None:
    bench = Bench(world(accounts=[staging(server("db"), roles=[])]))
    for operation, arguments in (
        ("ListExtensibleSourceServers", {"stagingAccountID": STAGING}),
        ("CreateExtendedSourceServer", {"sourceServerArn": arn("db")}),
    ):
        error = bench.refusal(operation, **arguments)
        assert (error.code, error.http_status) == ("AccessDeniedException", 403)
        assert f"DRSStagingAccountRole_{ACCOUNT}" in error.message


def test_the_staging_account_must_be_initialised() -> None:
    bench = Bench(world(accounts=[staging(initialized=False)]))
    error = bench.refusal("ListExtensibleSourceServers", stagingAccountID=STAGING)
    assert error.code == "ValidationException"


def test_the_quota_of_source_servers_is_402() -> None:
    bench = Bench(world(server("app"), quotas={"sourceServers": 1}, accounts=[staging(server("db"))]))
    error = bench.refusal("CreateExtendedSourceServer", sourceServerArn=arn("db"))
    assert (error.http_status, error.extra["quotaCode"]) == (402, "L-E28BE5E0")


def test_the_recovery_of_an_extended_server_is_two_jobs() -> None:
    bench = Bench(world(extended(), accounts=[staging(server("db"))]))
    job = bench.launch("ext")
    (conversion,) = bench.call("DescribeJobs", account=STAGING)["items"]
    assert (conversion["type"], conversion["initiatedBy"]) == ("CREATE_CONVERTED_SNAPSHOT", "TARGET_ACCOUNT")
    assert conversion["participatingServers"][0]["sourceServerID"] == server_id("db")
    bench.advance(600)
    assert bench.events(conversion["jobID"], account=STAGING) == [
        "JOB_START",
        "SNAPSHOT_START",
        "SNAPSHOT_END",
        "CONVERSION_START",
        "CONVERSION_END",
        "JOB_END",
    ]
    assert bench.events(job) == ["JOB_START", "LAUNCH_START", "LAUNCH_END", "JOB_END"]
    assert bench.statuses(job) == ["LAUNCHED"]
    assert bench.instances("ext")[0]["jobID"] == job


def test_a_failed_conversion_fails_the_extended_server() -> None:
    bench = Bench(world(extended(), accounts=[staging(server("db"))]))
    bench.faults.add(phase="CONVERSION", account=STAGING, serverId=server_id("db"), effect="launchFailed")
    job = bench.launch("ext")
    bench.advance(600)
    assert bench.events(job, "ext") == ["CONVERSION_FAIL"]
    assert bench.statuses(job) == ["FAILED"]


def test_a_stuck_conversion_holds_the_extended_server() -> None:
    bench = Bench(world(extended(), accounts=[staging(server("db"))]))
    bench.faults.add(phase="SNAPSHOT", account=STAGING, effect="stuck")
    job = bench.launch("ext")
    bench.advance(3600)
    assert bench.job(job)["status"] == "STARTED"
    bench.service.release_stuck()
    bench.advance(600)
    assert bench.statuses(job) == ["LAUNCHED"]


def test_the_staging_server_must_be_free_and_its_account_have_room() -> None:
    other = staging(server("db"), server("web"), quotas={"jobsInProgress": 1})
    bench = Bench(world(extended(), extended("ext2", "web"), accounts=[other]))
    bench.launch("web", account=STAGING)
    error = bench.refusal("StartRecovery", sourceServers=[{"sourceServerID": server_id("ext2")}])
    assert error.code == "ConflictException"
    error = bench.refusal("StartRecovery", sourceServers=[{"sourceServerID": server_id("ext")}])
    assert error.code == "ServiceQuotaExceededException"
    bench.advance(600)
    bench.launch("ext", "ext2")
    assert bench.refusal(
        "StartRecovery", account=STAGING, sourceServers=[{"sourceServerID": server_id("db")}]
    ).code == ("ConflictException")


def test_an_extended_server_shows_the_replication_and_the_points_of_its_staging_server() -> None:
    bench = Bench(world(extended(), accounts=[staging(server("db", lag="PT3S", snapshots=["PT5M", "PT2H"]))]))
    assert bench.server("ext")["dataReplicationInfo"]["lagDuration"] == "PT3S"
    assert bench.ages("ext") == [5, 120]
    assert bench.points("ext")[0]["sourceServerID"] == server_id("ext")
    oldest = bench.points("ext")[-1]
    pinned = {"sourceServerID": server_id("ext"), "recoverySnapshotID": oldest["snapshotID"]}
    bench.call("StartRecovery", sourceServers=[pinned])
    bench.advance(600)
    assert bench.instances("ext")[0]["pointInTimeSnapshotDateTime"] == oldest["timestamp"]


def test_replication_settings_belong_to_the_staging_account() -> None:
    bench = Bench(world(extended(), accounts=[staging(server("db"))]))
    for operation in ("UpdateReplicationConfiguration", "StopReplication", "StartReplication"):
        error = bench.refusal(operation, sourceServerID=server_id("ext"))
        assert error.code == "ValidationException"


def test_a_server_that_extends_nothing_shows_an_extension_error_and_is_not_recoverable() -> None:
    bench = Bench(world(extended(of="nobody"), accounts=[staging()]))
    assert bench.server("ext")["stagingArea"]["status"] == "EXTENSION_ERROR"
    error = bench.refusal("StartRecovery", sourceServers=[{"sourceServerID": server_id("ext")}])
    assert error.code == "ValidationException"


def test_deleting_the_staging_server_leaves_an_extension_error() -> None:
    bench = Bench(world(extended(), accounts=[staging(server("db"))]))
    bench.call("DisconnectSourceServer", account=STAGING, sourceServerID=server_id("db"))
    bench.call("DeleteSourceServer", account=STAGING, sourceServerID=server_id("db"))
    area = bench.server("ext")["stagingArea"]
    assert area["status"] == "EXTENSION_ERROR"
    assert server_id("db") in area["errorMessage"]


def test_disconnecting_an_extended_server_leaves_the_staging_server_alone() -> None:
    bench = Bench(world(extended(), accounts=[staging(server("db"))]))
    bench.call("DisconnectSourceServer", sourceServerID=server_id("ext"))
    assert bench.server("ext")["dataReplicationInfo"]["dataReplicationState"] == "DISCONNECTED"
    assert bench.server("db", account=STAGING)["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"
    assert bench.points("db", account=STAGING)
