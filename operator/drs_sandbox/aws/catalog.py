"""The names of AWS, from botocore's data: Regions, the services that are simulated, their operations, their pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.loaders import Loader

# The name in a signature's scope, and the service's name in boto3, in the call log and in faults.
SERVICES: Mapping[str, str] = {
    "drs": "drs",
    "sts": "sts",
    "dynamodb": "dynamodb",
    "servicequotas": "service-quotas",
    "iam": "iam",
    "ssm": "ssm",
    "sns": "sns",
    "monitoring": "cloudwatch",
    "ec2": "ec2",
}
_PARTITIONS = ("aws", "aws-us-gov", "aws-cn")
_loader = Loader()


@dataclass(frozen=True)
class Pages:
    """How an operation pages: names of the token's members and of what a page lists."""

    input_token: str
    output_token: str
    listed: tuple[str, ...]
    more_results: str | None


@cache
def regions() -> frozenset[str]:
    """The Regions of AWS: those that have EC2."""
    partitions: list[dict[str, Any]] = _loader.load_data("endpoints")["partitions"]
    return frozenset(
        name
        for partition in partitions
        if partition["partition"] in _PARTITIONS
        for name in partition["services"]["ec2"]["endpoints"]
        if name in partition["regions"]
    )


@cache
def operations(service: str) -> frozenset[str]:
    """The names of a service's operations."""
    return frozenset(_loader.load_service_model(service, "service-2")["operations"])


@cache
def pages_of(service: str, operation: str) -> Pages | None:
    """How an operation pages, as botocore's paginators do; None when it does not page by one plain token."""
    entry = _loader.load_service_model(service, "paginators-1")["pagination"].get(operation)
    if entry is None or not isinstance(entry["input_token"], str) or not isinstance(entry["output_token"], str):
        return None
    listed = entry["result_key"] if isinstance(entry["result_key"], list) else [entry["result_key"]]
    return Pages(entry["input_token"], entry["output_token"], tuple(listed), entry.get("more_results"))
