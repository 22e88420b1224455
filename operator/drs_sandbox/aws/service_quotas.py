"""Service Quotas: the quotas of DRS, AWS's defaults and what the world file gives an account and Region.

The figures and codes are those of AWS's general reference. moto knows quotas of VPC alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drs_sandbox.aws.answers import Answer, AwsError, json_answer
from drs_sandbox.aws.wire import Operation
from drs_sandbox.world import Quotas, World

_CONTENT_TYPE = "application/x-amz-json-1.1"
_SERVICE_NAME = "AWS Elastic Disaster Recovery"
_PAGE_SIZE = 100


@dataclass(frozen=True)
class _Quota:
    code: str
    name: str
    default: int
    adjustable: bool
    member: str | None  # of world.Quotas

    def value(self, quotas: Quotas | None) -> int:
        return self.default if quotas is None or self.member is None else int(getattr(quotas, self.member))


_QUOTAS = (
    _Quota("L-D88FAC3A", "Concurrent jobs in progress", 20, False, "jobs_in_progress"),
    _Quota("L-B827C881", "Max number of source servers in a single Job", 100, False, "servers_per_job"),
    _Quota("L-05AFA8C6", "Max number of source servers in all Jobs", 500, False, "servers_in_all_jobs"),
    _Quota("L-DD6D028C", "Max concurrent Jobs per source server", 1, False, None),
    _Quota("L-C1D14A2B", "Max Total replicating source servers Per AWS Account", 300, False, "replicating_servers"),
    _Quota("L-E28BE5E0", "Max Total source servers Per AWS Account", 4000, True, "source_servers"),
    _Quota("L-0588D03B", "Max number of launch actions per resource", 200, False, None),
    _Quota("L-1F3FAE4D", "Max number of launch configuration templates per AWS Account", 1, False, None),
    _Quota("L-4B0323BD", "Max number of source networks", 100, True, None),
)


class ServiceQuotas:
    """Service Quotas for the service code `drs`."""

    def __init__(self, world: World) -> None:
        self._quotas = {
            (account.id, region.name): region.quotas for account in world.accounts for region in account.regions
        }

    def answer(self, operation: Operation, account: str, region: str) -> Answer:
        """Answers an operation of Service Quotas. Raises AwsError."""
        applied = operation.name in ("ListServiceQuotas", "GetServiceQuota")
        quotas = self._quotas.get((account, region)) if applied else None
        if operation.name in ("ListServiceQuotas", "ListAWSDefaultServiceQuotas"):
            _check_service(operation)
            size = int(operation.parameters.get("MaxResults") or _PAGE_SIZE)
            start = _start(operation.parameters.get("NextToken"))
            page = [_described(quota, account, region, quotas) for quota in _QUOTAS[start : start + size]]
            token = {"NextToken": str(start + size)} if len(_QUOTAS) > start + size else {}
            return json_answer({"Quotas": page, **token}, content_type=_CONTENT_TYPE)
        if operation.name in ("GetServiceQuota", "GetAWSDefaultServiceQuota"):
            _check_service(operation)
            code = operation.parameters.get("QuotaCode")
            for quota in _QUOTAS:
                if quota.code == code:
                    described = _described(quota, account, region, quotas)
                    return json_answer({"Quota": described}, content_type=_CONTENT_TYPE)
            raise AwsError("NoSuchResourceException", f"The request failed because {code} does not exist")
        if operation.name == "ListServices":
            services = [{"ServiceCode": "drs", "ServiceName": _SERVICE_NAME}]
            return json_answer({"Services": services}, content_type=_CONTENT_TYPE)
        raise AwsError("NotImplemented", f"service-quotas {operation.name} is not simulated", 501)


def _check_service(operation: Operation) -> None:
    code = operation.parameters.get("ServiceCode")
    if code != "drs":
        raise AwsError(
            "NoSuchResourceException", f"The request failed because the specified service {code} does not exist"
        )


def _start(token: Any) -> int:
    try:
        return int(token or 0)
    except ValueError:
        raise AwsError("InvalidPaginationTokenException", "Invalid input was provided.") from None


def _described(quota: _Quota, account: str, region: str, quotas: Quotas | None) -> dict[str, Any]:
    return {
        "ServiceCode": "drs",
        "ServiceName": _SERVICE_NAME,
        "QuotaArn": f"arn:aws:servicequotas:{region}:{account}:drs/{quota.code}",
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Value": float(quota.value(quotas)),
        "Unit": "None",
        "Adjustable": quota.adjustable,
        "GlobalQuota": False,
        "QuotaAppliedAtLevel": "ACCOUNT",
    }
