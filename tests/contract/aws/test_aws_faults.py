"""Every effect of a fault on calls, in the protocol of each service."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.contract.aws.worlds import EXTERNAL_ID, ONE, OTHER_SERVER, ROLE_ARN, SERVER, TWO, world
from tests.contract.simulated_aws import AwsServer, SimulatedAws

IMPATIENT = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=0.5)


def _start(drs: Any, server: str = SERVER) -> str:
    return str(drs.start_recovery(sourceServers=[{"sourceServerID": server}], isDrill=True)["job"]["jobID"])


def _jobs(aws: SimulatedAws) -> list[str]:
    return [job["jobID"] for job in aws.client("drs", ONE).describe_jobs()["items"]]


def _code(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    ("service", "operation", "call", "code", "status"),
    [
        ("drs", "DescribeSourceServers", "describe_source_servers", "ThrottlingException", 429),
        ("drs", "DescribeSourceServers", "describe_source_servers", "ServiceQuotaExceededException", 402),
        ("drs", "DescribeSourceServers", "describe_source_servers", "InternalServerException", 500),
        ("dynamodb", "ListTables", "list_tables", "InternalServerError", 500),
        ("dynamodb", "ListTables", "list_tables", "ThrottlingException", 400),
        ("service-quotas", "ListServices", "list_services", "TooManyRequestsException", 400),
        ("ssm", "DescribeParameters", "describe_parameters", "InternalServerError", 500),
        ("sts", "GetCallerIdentity", "get_caller_identity", "Throttling", 400),
        ("iam", "ListRoles", "list_roles", "ServiceFailure", 500),
        ("sns", "ListTopics", "list_topics", "AuthorizationError", 403),
        ("ec2", "DescribeVpcs", "describe_vpcs", "RequestLimitExceeded", 503),
        ("ec2", "DescribeVpcs", "describe_vpcs", "UnauthorizedOperation", 403),
    ],
)
def test_error_speaks_the_services_protocol_with_the_models_status(
    aws: SimulatedAws, service: str, operation: str, call: str, code: str, status: int
) -> None:
    aws.inject({"operation": operation, "service": service, "effect": "error", "code": code, "message": "on purpose"})
    with pytest.raises(ClientError) as refused:
        getattr(aws.client(service, ONE), call)()
    assert _code(refused) == (code, status)
    assert refused.value.response["Error"]["Message"] == "on purpose"


def test_error_becomes_the_clients_own_exception_and_takes_a_status_of_its_own(aws: SimulatedAws) -> None:
    aws.inject({"operation": "StartRecovery", "effect": "error", "code": "ConflictException", "httpStatus": 418})
    drs = aws.client("drs", ONE)
    with pytest.raises(drs.exceptions.ConflictException) as refused:
        _start(drs)
    assert _code(refused) == ("ConflictException", 418)
    assert _jobs(aws) == [], "an error is answered, nothing is done"


def test_the_first_that_matches_acts_and_times_counts_its_deeds(aws: SimulatedAws) -> None:
    aws.inject(
        {"operation": "DescribeJobs", "effect": "error", "code": "ThrottlingException", "times": 2},
        {"operation": "DescribeJobs", "effect": "error", "code": "InternalServerException", "times": 1},
    )
    drs = aws.client("drs", ONE)
    seen = []
    for _ in range(3):
        with pytest.raises(ClientError) as refused:
            drs.describe_jobs()
        seen.append(_code(refused)[0])
    assert seen == ["ThrottlingException", "ThrottlingException", "InternalServerException"]
    drs.describe_jobs()


@pytest.mark.parametrize(
    ("narrowed", "hit", "missed"),
    [
        ({"account": ONE}, (ONE, "us-east-1"), (TWO, "us-east-1")),
        ({"region": "us-east-1"}, (ONE, "us-east-1"), (ONE, "us-west-2")),
    ],
)
def test_account_and_region_narrow_a_fault(
    aws: SimulatedAws, narrowed: dict[str, str], hit: tuple[str, str], missed: tuple[str, str]
) -> None:
    aws.inject({"operation": "DescribeVpcs", "effect": "error", "code": "RequestLimitExceeded", **narrowed})
    aws.client("ec2", *missed).describe_vpcs()
    with pytest.raises(ClientError):
        aws.client("ec2", *hit).describe_vpcs()


def test_a_server_narrows_a_fault_to_calls_that_name_it(aws: SimulatedAws) -> None:
    aws.inject(
        {"operation": "GetLaunchConfiguration", "serverId": SERVER, "effect": "error", "code": "ThrottlingException"},
        {"operation": "TagResource", "serverId": SERVER, "effect": "error", "code": "ThrottlingException"},
    )
    drs = aws.client("drs", ONE)
    drs.get_launch_configuration(sourceServerID=OTHER_SERVER)
    with pytest.raises(ClientError):
        drs.get_launch_configuration(sourceServerID=SERVER)
    arn = f"arn:aws:drs:us-east-1:{ONE}:source-server/"
    drs.tag_resource(resourceArn=arn + OTHER_SERVER, tags={"a": "b"})
    with pytest.raises(ClientError):
        drs.tag_resource(resourceArn=arn + SERVER, tags={"a": "b"})


def test_faults_of_the_world_file_are_in_force_from_the_start(aws_server: AwsServer) -> None:
    fault = {"operation": "AssumeRole", "effect": "error", "code": "Throttling", "times": 1}
    aws = aws_server(world([fault]))
    with pytest.raises(ClientError):
        aws.assume(ONE)
    aws.assume(ONE)


def test_lost_answer_does_the_deed_and_drops_the_connection(aws: SimulatedAws) -> None:
    drs = aws.client("drs", ONE)
    before = _jobs(aws)
    aws.inject({"operation": "StartRecovery", "effect": "lostAnswer", "times": 1})
    with pytest.raises(ConnectionClosedError):
        _start(drs)
    (job,) = set(_jobs(aws)) - set(before)
    assert job.startswith("drsjob-")
    logged = next(call for call in reversed(aws.calls("drs")) if call["operation"] == "StartRecovery")
    assert logged["outcome"] == {"status": 202, "code": "LostAnswer"}
    with pytest.raises(ClientError) as refused:
        _start(drs)
    assert _code(refused) == ("ConflictException", 409)
    aws.advance(1200)


@pytest.mark.parametrize("service", ["ec2", "sts", "dynamodb"])
def test_lost_answer_works_for_every_service(aws: SimulatedAws, service: str) -> None:
    operation, call = {
        "ec2": ("DescribeVpcs", "describe_vpcs"),
        "sts": ("GetCallerIdentity", "get_caller_identity"),
        "dynamodb": ("ListTables", "list_tables"),
    }[service]
    client = aws.client(service, ONE)
    aws.inject({"operation": operation, "effect": "lostAnswer", "times": 1})
    with pytest.raises(ConnectionClosedError):
        getattr(client, call)()
    getattr(client, call)()


def test_delay_does_the_deed_and_answers_late(aws: SimulatedAws) -> None:
    impatient = aws.client_of(aws.assume(ONE), "drs", config=IMPATIENT)
    before = _jobs(aws)
    aws.inject({"operation": "StartRecovery", "effect": "delay", "seconds": 5, "times": 1})
    with pytest.raises(ReadTimeoutError):
        _start(impatient)
    assert len(_jobs(aws)) == len(before) + 1, "others are served meanwhile, and see what was done"
    aws.inject({"operation": "DescribeVpcs", "effect": "delay", "seconds": 0.2, "times": 1})
    started = time.monotonic()
    aws.client("ec2", ONE).describe_vpcs()
    assert time.monotonic() - started >= 0.2
    aws.advance(1200)


def test_hang_does_nothing_and_never_answers_and_holds_up_nobody(aws: SimulatedAws) -> None:
    impatient = aws.client_of(aws.assume(ONE), "drs", config=IMPATIENT)
    before = _jobs(aws)
    aws.inject({"operation": "StartRecovery", "effect": "hang", "times": 1})
    with pytest.raises(ReadTimeoutError):
        _start(impatient)
    assert _jobs(aws) == before
    logged = next(call for call in reversed(aws.calls("drs")) if call["operation"] == "StartRecovery")
    assert logged["outcome"] == {"status": 0, "code": "Hangs"}
    _start(impatient)
    aws.advance(1200)


def test_hide_job_hides_the_job_for_its_seconds(aws: SimulatedAws) -> None:
    before = set(_jobs(aws))
    aws.inject({"operation": "StartRecovery", "effect": "hideJob", "seconds": 60, "times": 1})
    job = _start(aws.client("drs", ONE))
    assert job not in before
    assert set(_jobs(aws)) == before
    aws.advance(59)
    assert set(_jobs(aws)) == before
    aws.advance(1)
    assert set(_jobs(aws)) == {*before, job}
    aws.advance(1200)


def test_expire_credentials_ends_that_session_until_a_role_is_assumed_anew(aws: SimulatedAws) -> None:
    first, second = aws.assume(ONE), aws.assume(ONE)
    aws.inject({"operation": "DescribeJobs", "effect": "expireCredentials", "times": 1})
    for service, call, code in [
        ("drs", "describe_jobs", "ExpiredTokenException"),
        ("drs", "describe_source_servers", "ExpiredTokenException"),
        ("ec2", "describe_vpcs", "RequestExpired"),
    ]:
        with pytest.raises(ClientError) as refused:
            getattr(aws.client_of(first, service), call)()
        assert _code(refused)[0] == code
    aws.client_of(second, "drs").describe_jobs()
    aws.client_of(aws.assume(ONE), "drs").describe_jobs()


def test_expire_credentials_leaves_the_hubs_own_key_alone(aws: SimulatedAws) -> None:
    aws.inject({"operation": "GetCallerIdentity", "effect": "expireCredentials"})
    aws.client("sts").get_caller_identity()


@pytest.mark.parametrize(
    ("service", "operation", "paginator", "listed", "key"),
    [
        ("drs", "DescribeSourceServers", "describe_source_servers", "items", "sourceServerID"),
        ("drs", "ListStagingAccounts", "list_staging_accounts", "accounts", "accountID"),
        ("ec2", "DescribeSubnets", "describe_subnets", "Subnets", "SubnetId"),
        ("iam", "ListRoles", "list_roles", "Roles", "RoleName"),
        ("ssm", "DescribeParameters", "describe_parameters", "Parameters", "Name"),
        ("service-quotas", "ListServiceQuotas", "list_service_quotas", "Quotas", "QuotaCode"),
    ],
)
def test_empty_page_comes_first_and_the_next_one_is_real(
    aws: SimulatedAws, service: str, operation: str, paginator: str, listed: str, key: str
) -> None:
    parameters = {"ServiceCode": "drs"} if service == "service-quotas" else {}
    client = aws.client(service, ONE)
    real = client.get_paginator(paginator).paginate(**parameters).build_full_result()[listed]
    aws.inject({"operation": operation, "service": service, "effect": "emptyPage"})
    pages = [page[listed] for page in client.get_paginator(paginator).paginate(**parameters)]
    assert pages[0] == []
    assert [item[key] for page in pages for item in page] == [item[key] for item in real]


def test_empty_page_in_the_middle_of_a_list(aws: SimulatedAws) -> None:
    drs = aws.client("drs", ONE)
    first = drs.describe_source_servers(maxResults=1)
    aws.inject({"operation": "DescribeSourceServers", "effect": "emptyPage", "times": 1})
    empty = drs.describe_source_servers(maxResults=1, nextToken=first["nextToken"])
    assert empty["items"] == []
    last = drs.describe_source_servers(maxResults=1, nextToken=empty["nextToken"])
    ids = [page["items"][0]["sourceServerID"] for page in (first, last)]
    assert sorted(ids) == [SERVER, OTHER_SERVER]


def test_empty_page_of_dynamodb_has_a_key_to_go_on_from(aws: SimulatedAws) -> None:
    dynamodb = aws.client("dynamodb")
    dynamodb.create_table(
        TableName="paged",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName="paged", Item={"pk": {"S": "one"}})
    aws.inject({"operation": "Scan", "effect": "emptyPage", "times": 1})
    empty = dynamodb.scan(TableName="paged")
    assert (empty["Items"], empty["Count"]) == ([], 0)
    rest = dynamodb.scan(TableName="paged", ExclusiveStartKey=empty["LastEvaluatedKey"])
    assert [item["pk"]["S"] for item in rest["Items"]] == ["one"]
    assert "LastEvaluatedKey" not in rest


def test_effects_combine(aws: SimulatedAws) -> None:
    drs = aws.client("drs", ONE)
    before = set(_jobs(aws))
    aws.inject({"operation": "StartRecovery", "effect": ["hideJob", "lostAnswer"], "seconds": 60, "times": 1})
    with pytest.raises(ConnectionClosedError):
        _start(drs)
    assert set(_jobs(aws)) == before
    aws.advance(60)
    assert len(set(_jobs(aws)) - before) == 1
    aws.advance(1200)
    aws.inject({"operation": "DescribeJobs", "effect": ["error", "lostAnswer"], "code": "X", "times": 1})
    with pytest.raises(ConnectionClosedError):
        drs.describe_jobs()


def test_assume_role_can_fail_too_and_names_no_external_id(aws: SimulatedAws) -> None:
    aws.inject({"operation": "AssumeRole", "effect": "error", "code": "AccessDenied"})
    with pytest.raises(ClientError) as refused:
        aws.client("sts").assume_role(RoleArn=ROLE_ARN, RoleSessionName="exec-1", ExternalId=EXTERNAL_ID)
    assert _code(refused) == ("AccessDenied", 403)
    assert EXTERNAL_ID not in str(refused.value)


def test_the_simulators_own_calls_to_ec2_meet_no_faults(aws: SimulatedAws) -> None:
    aws.inject({"operation": "RunInstances", "effect": "error", "code": "InsufficientInstanceCapacity"})
    drs = aws.client("drs", ONE)
    job = _start(drs)
    aws.advance(1200)
    ended = aws.client("drs", ONE).describe_jobs(filters={"jobIDs": [job]})["items"][0]
    assert [server["launchStatus"] for server in ended["participatingServers"]] == ["LAUNCHED"]


def test_clear_ends_faults_and_lets_stuck_servers_go_on(aws: SimulatedAws) -> None:
    aws.inject({"phase": "CONVERSION", "serverId": SERVER, "effect": "stuck"})
    job = _start(aws.client("drs", ONE))
    aws.advance(1200)

    def status() -> str:
        return str(aws.client("drs", ONE).describe_jobs(filters={"jobIDs": [job]})["items"][0]["status"])

    assert status() == "STARTED"
    aws.clear()
    aws.advance(1200)
    assert status() == "COMPLETED"
