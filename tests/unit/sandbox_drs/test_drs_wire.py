"""What is the same for all operations: validation, errors, pages, tags, and which operations there are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from drs_sandbox.drs.errors import DrsError, quota_exceeded, validation_error
from drs_sandbox.drs.operations import OPERATIONS
from drs_sandbox.drs.validation import service_model
from tests.unit.sandbox_drs.bench import ACCOUNT, PRINCIPAL, REGION, Bench, server, server_id, world

NEEDED = [
    "DescribeSourceServers",
    "DescribeJobs",
    "DescribeJobLogItems",
    "DescribeRecoverySnapshots",
    "DescribeRecoveryInstances",
    "StartRecovery",
    "TerminateRecoveryInstances",
    "DisconnectRecoveryInstance",
    "GetLaunchConfiguration",
    "UpdateLaunchConfiguration",
    "GetReplicationConfiguration",
    "UpdateReplicationConfiguration",
    "CreateExtendedSourceServer",
    "ListStagingAccounts",
    "ListExtensibleSourceServers",
    "ReverseReplication",
    "StartReplication",
    "StopReplication",
    "StartFailbackLaunch",
    "StopFailback",
    "DisconnectSourceServer",
    "TagResource",
    "UntagResource",
    "ListTagsForResource",
    "InitializeService",
    "DeleteJob",
    "DeleteRecoveryInstance",
    "DeleteSourceServer",
]
ARN = f"arn:aws:drs:{REGION}:{ACCOUNT}:source-server/{server_id('db')}"


@pytest.mark.parametrize("operation", NEEDED)
def test_every_operation_that_the_design_needs_is_there(operation: str) -> None:
    assert operation in OPERATIONS


def test_every_operation_is_one_of_the_service_model() -> None:
    assert set(OPERATIONS) <= set(service_model().operation_names)


@pytest.mark.parametrize("operation", sorted(set(service_model().operation_names) - set(OPERATIONS)))
def test_an_operation_that_is_not_simulated_says_so(operation: str) -> None:
    bench = Bench(world())
    with pytest.raises(DrsError) as caught:
        bench.service.call(ACCOUNT, REGION, PRINCIPAL, operation, {})
    assert caught.value.extra["reason"] == "unknownOperation"
    assert f"does not simulate {operation}" in caught.value.message


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/StartEverything"), ("GET", "/StartRecovery"), ("POST", "/"), ("POST", "/DescribeJobs/x")],
)
def test_a_path_that_is_no_operation_is_refused(method: str, path: str) -> None:
    with pytest.raises(DrsError) as caught:
        Bench(world()).service.route(method, path, {}, b"")
    assert caught.value.extra["reason"] == "unknownOperation"


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"'])
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(DrsError) as caught:
        Bench(world()).service.route("POST", "/DescribeJobs", {}, body)
    assert caught.value.extra["reason"] == "cannotParse"


def servers(count: int) -> list[dict[str, str]]:
    return [{"sourceServerID": f"s-{number:017d}"} for number in range(count)]


@pytest.mark.parametrize(
    ("operation", "parameters", "says", "because"),
    [
        ("StartRecovery", {}, "Missing required parameter", "botocore: required"),
        ("StartRecovery", {"sourceServers": []}, "valid min length: 1", "botocore: minimum"),
        ("StartRecovery", {"sourceServers": "all"}, "Invalid type", "botocore: type"),
        ("DescribeJobs", {"colour": "red"}, "Unknown parameter", "botocore: unknown member"),
        ("DescribeJobs", {"maxResults": 0}, "valid min value: 1", "botocore: minimum"),
        ("StartRecovery", {"sourceServers": servers(201)}, "less than or equal to 200", "most items"),
        ("GetLaunchConfiguration", {"sourceServerID": "s-" + "0" * 18}, "less than or equal to 19", "most characters"),
        ("GetLaunchConfiguration", {"sourceServerID": "x" * 19}, "regular expression", "pattern"),
        ("DescribeJobLogItems", {"jobID": "drsjob-0000000000000000!"}, "regular expression", "pattern"),
        (
            "UpdateLaunchConfiguration",
            {"sourceServerID": server_id("db"), "targetInstanceTypeRightSizingMethod": "CUSTOM"},
            "enum value set: [NONE, BASIC, IN_AWS]",
            "enum",
        ),
        ("DescribeRecoverySnapshots", {"sourceServerID": server_id("db"), "order": "UP"}, "enum value set", "enum"),
        ("DescribeJobs", {"filters": {"fromDate": "yesterday-at-three-o-clock"}}, "is not a time", "time"),
        ("DescribeJobs", {"filters": {"toDate": "2026-02-30T00:00:00Z"}}, "is not a time", "no such day"),
        ("DescribeJobs", {"filters": {"jobIDs": ["drsjob-1"]}}, "valid min length: 24", "in a list"),
        ("ListStagingAccounts", {"maxResults": 51}, "less than or equal to", "most, in the query"),
        ("ListStagingAccounts", {"maxResults": "many"}, "expected a number", "a number, in the query"),
        ("ListExtensibleSourceServers", {"stagingAccountID": "1" * 12, "maxResults": 301}, "less than", "most"),
        ("TagResource", {"resourceArn": ARN, "tags": {"k": "v" * 257}}, "less than or equal to 256", "in a map"),
    ],
)
def test_requests_are_validated(operation: str, parameters: dict[str, Any], says: str, because: str) -> None:
    error = Bench(world(server("db"))).refusal(operation, **parameters)
    assert (error.code, error.http_status, error.extra.get("reason")) == (
        "ValidationException",
        400,
        "fieldValidationFailed",
    ), because
    assert says in error.message, because


def test_what_is_wrong_is_named_field_by_field() -> None:
    ids = ["s-0000000000000000!", server_id("db"), "s-1111111111111111!"]
    error = Bench(world()).refusal("StartRecovery", sourceServers=[{"sourceServerID": each} for each in ids])
    names = [field["name"] for field in error.extra["fieldList"]]
    assert names == ["sourceServers[0].sourceServerID", "sourceServers[2].sourceServerID"]


@pytest.mark.parametrize("path", [f"/tags/{ARN}", "/tags/" + ARN.replace(":", "%3A").replace("/", "%2F")])
def test_the_arn_in_a_path_may_be_encoded_or_not(path: str) -> None:
    routed = Bench(world()).service.route("DELETE", path, {"tagKeys": ["a", "b"]}, b"")
    assert routed == ("UntagResource", {"resourceArn": ARN, "tagKeys": ["a", "b"]})


def test_an_error_has_the_real_header_and_the_members_of_its_shape() -> None:
    status, headers, body = quota_exceeded("L-D88FAC3A", "full").response()
    assert (status, headers["x-amzn-errortype"]) == (402, "ServiceQuotaExceededException")
    assert json.loads(body) == {
        "message": "full",
        "code": "ServiceQuotaExceededException",
        "serviceCode": "drs",
        "quotaCode": "L-D88FAC3A",
    }


@pytest.mark.parametrize("code", sorted(name for name in service_model().shape_names if name.endswith("Exception")))
def test_each_error_has_the_status_and_the_members_of_the_service_model(code: str) -> None:
    shape: Any = service_model().shape_for(code)
    status, headers, body = DrsError(code, "because", extra={"retryAfterSeconds": 7}).response()
    assert status == shape.metadata["error"]["httpStatusCode"]
    assert set(json.loads(body)) <= set(shape.members)
    assert headers["Retry-After"] == "7"


def test_a_validation_error_without_fields_has_another_reason() -> None:
    assert validation_error("no").extra == {"reason": "other"}


# Pages


def paged(bench: Bench, operation: str, size: int, result: str = "items", **parameters: Any) -> list[list[Any]]:
    pages: list[list[Any]] = []
    token: dict[str, Any] = {}
    while True:
        answer = bench.call(operation, maxResults=size, **parameters, **token)
        pages.append(answer[result])
        if "nextToken" not in answer:
            return pages
        token = {"nextToken": answer["nextToken"]}


def test_every_list_has_pages() -> None:
    names = [f"web{number}" for number in range(5)]
    bench = Bench(world(*(server(name, snapshots=["PT5M", "PT2H", "PT3H"]) for name in names)))
    for name in names:
        bench.launch(name)
    bench.advance(600)
    (job, *_) = bench.call("DescribeJobs")["items"]
    for operation, parameters in (
        ("DescribeSourceServers", {}),
        ("DescribeJobs", {}),
        ("DescribeJobLogItems", {"jobID": job["jobID"]}),
        ("DescribeRecoveryInstances", {}),
        ("DescribeRecoverySnapshots", {"sourceServerID": server_id("web0"), "order": "DESC"}),
        ("DescribeRecoverySnapshots", {"sourceServerID": server_id("web0"), "order": "ASC"}),
    ):
        pages = paged(bench, operation, 2, **parameters)
        assert [len(page) for page in pages[:-1]] == [2] * (len(pages) - 1)
        assert len(pages) > 2
        together = [item for page in pages for item in page]
        assert together == bench.call(operation, **parameters)["items"]


def test_without_a_size_a_page_has_200_rows() -> None:
    bench = Bench(world({"count": 250, "idPrefix": "s-w", "hostnamePrefix": "w-"}))
    answer = bench.call("DescribeSourceServers")
    assert len(answer["items"]) == 200
    assert len(bench.call("DescribeSourceServers", nextToken=answer["nextToken"])["items"]) == 50


def test_what_comes_meanwhile_moves_no_page() -> None:
    bench = Bench(world(*(server(name) for name in ("a", "b", "c", "d"))))
    first = [bench.launch(name) for name in ("a", "b", "c")]
    answer = bench.call("DescribeJobs", maxResults=2)
    bench.launch("d")
    second = bench.call("DescribeJobs", maxResults=2, nextToken=answer["nextToken"])
    assert [job["jobID"] for job in answer["items"] + second["items"]] == first[::-1]


@pytest.mark.parametrize("token", ["gibberish", "bnVsbA==", "NQ==", "WyJhIiwgMV0="])
def test_a_token_of_nobody_is_refused(token: str) -> None:
    assert Bench(world()).refusal("DescribeJobs", nextToken=token).code == "ValidationException"


def test_a_token_belongs_to_its_request() -> None:
    bench = Bench(world(server("a"), server("b")))
    token = bench.call("DescribeSourceServers", maxResults=1)["nextToken"]
    assert bench.refusal("DescribeJobs", nextToken=token).code == "ValidationException"
    filters = {"sourceServerIDs": [server_id("a")]}
    assert bench.refusal("DescribeSourceServers", filters=filters, nextToken=token).code == "ValidationException"


# Tags


def test_servers_jobs_and_instances_have_tags() -> None:
    bench = Bench(world(server("db", tags={"Tier": "database"})))
    instance = bench.launched("db")
    (job,) = bench.call("DescribeJobs")["items"]
    for arn, tags in ((ARN, {"Tier": "database"}), (job["arn"], {}), (instance["arn"], {})):
        assert bench.call("ListTagsForResource", resourceArn=arn)["tags"] == tags
        bench.call("TagResource", resourceArn=arn, tags={"a": "1", "b": "2", "Tier": "x"})
        bench.call("UntagResource", resourceArn=arn, tagKeys=["a", "not there"])
        assert bench.call("ListTagsForResource", resourceArn=arn)["tags"] == {"b": "2", "Tier": "x"}
    assert bench.server("db")["tags"] == {"Tier": "x", "b": "2"}
    assert bench.job(job["jobID"])["tags"] == {"b": "2", "Tier": "x"}
    assert bench.instances("db")[0]["tags"] == {"b": "2", "Tier": "x"}


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (ARN.replace(server_id("db"), server_id("nobody")), "ResourceNotFoundException"),
        (ARN.replace(REGION, "eu-west-1"), "ResourceNotFoundException"),
        (ARN.replace("source-server", "plan"), "ResourceNotFoundException"),
        ("arn:aws:ec2:us-east-1:123456789012:instance/i-1", "ValidationException"),
    ],
)
def test_tags_of_what_is_not_there_are_refused(arn: str, code: str) -> None:
    bench = Bench(world(server("db")))
    assert bench.refusal("ListTagsForResource", resourceArn=arn).code == code
    assert bench.refusal("TagResource", resourceArn=arn, tags={"a": "1"}).code == code


@pytest.mark.parametrize(
    ("tags", "because"),
    [
        ({"aws:cloudformation:stack": "1"}, "AWS's own prefix"),
        ({"": "1"}, "no key"),
        ({"k" * 129: "1"}, "too long"),
        ({f"k{number}": "1" for number in range(51)}, "too many"),
    ],
)
def test_tags_that_aws_does_not_take_are_refused(tags: dict[str, str], because: str) -> None:
    bench = Bench(world(server("db")))
    assert bench.refusal("TagResource", resourceArn=ARN, tags=tags).code == "ValidationException", because
    assert bench.server("db")["tags"] == {}
