"""Service Quotas knows DRS: codes and values of AWS's reference, and those of the world file."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.contract.aws.worlds import ONE, TWO
from tests.contract.simulated_aws import SimulatedAws

DEFAULTS = {
    "L-D88FAC3A": 20.0,
    "L-B827C881": 100.0,
    "L-05AFA8C6": 500.0,
    "L-DD6D028C": 1.0,
    "L-C1D14A2B": 300.0,
    "L-E28BE5E0": 4000.0,
    "L-0588D03B": 200.0,
    "L-1F3FAE4D": 1.0,
    "L-4B0323BD": 100.0,
}


def test_applied_quotas_are_the_worlds_and_defaults_stay_awss(aws: SimulatedAws) -> None:
    quotas = aws.client("service-quotas", ONE)
    applied = {quota["QuotaCode"]: quota for quota in quotas.list_service_quotas(ServiceCode="drs")["Quotas"]}
    assert {code: quota["Value"] for code, quota in applied.items()} == {**DEFAULTS, "L-D88FAC3A": 7.0}
    assert applied["L-D88FAC3A"]["QuotaArn"] == f"arn:aws:servicequotas:us-east-1:{ONE}:drs/L-D88FAC3A"
    assert [code for code, quota in applied.items() if quota["Adjustable"]] == ["L-E28BE5E0", "L-4B0323BD"]
    defaults = quotas.list_aws_default_service_quotas(ServiceCode="drs")["Quotas"]
    assert {quota["QuotaCode"]: quota["Value"] for quota in defaults} == DEFAULTS


@pytest.mark.parametrize(
    ("account", "region", "value"),
    [(ONE, "us-east-1", 7.0), (ONE, "us-west-2", 20.0), (TWO, "us-east-1", 20.0)],
)
def test_quotas_are_per_account_and_region(aws: SimulatedAws, account: str, region: str, value: float) -> None:
    quotas = aws.client("service-quotas", account, region)
    assert quotas.get_service_quota(ServiceCode="drs", QuotaCode="L-D88FAC3A")["Quota"]["Value"] == value
    default = quotas.get_aws_default_service_quota(ServiceCode="drs", QuotaCode="L-D88FAC3A")["Quota"]
    assert default["Value"] == 20.0


def test_lists_have_pages(aws: SimulatedAws) -> None:
    pages = aws.client("service-quotas", ONE).get_paginator("list_service_quotas")
    read = [page["Quotas"] for page in pages.paginate(ServiceCode="drs", PaginationConfig={"PageSize": 4})]
    assert [len(page) for page in read] == [4, 4, 1]
    assert {quota["QuotaCode"] for page in read for quota in page} == set(DEFAULTS)


@pytest.mark.parametrize(("service", "code"), [("drs", "L-00000000"), ("vpc", "L-D88FAC3A")])
def test_what_there_is_not(aws: SimulatedAws, service: str, code: str) -> None:
    with pytest.raises(ClientError) as refused:
        aws.client("service-quotas", ONE).get_service_quota(ServiceCode=service, QuotaCode=code)
    assert refused.value.response["Error"]["Code"] == "NoSuchResourceException"
