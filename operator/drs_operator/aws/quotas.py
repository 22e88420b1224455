"""DRS quotas of an account and Region, with the published values where Service Quotas does not answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PUBLISHED = {
    "jobsInProgress": 20,
    "serversPerJob": 100,
    "serversInAllJobs": 500,
    "replicatingServers": 300,
    "sourceServers": 4000,
}
CODES = {
    "L-D88FAC3A": "jobsInProgress",
    "L-B827C881": "serversPerJob",
    "L-05AFA8C6": "serversInAllJobs",
    "L-C1D14A2B": "replicatingServers",
    "L-E28BE5E0": "sourceServers",
}
"""Quota codes of service `drs`; source: AWS General Reference, Elastic Disaster Recovery endpoints and quotas."""


@dataclass(frozen=True, slots=True)
class Quotas:
    """Quotas by name. `note` says why they are the published ones; empty where AWS was asked."""

    values: dict[str, int]
    note: str = ""


def published(why: str) -> Quotas:
    """The published values, for want of an answer."""
    return Quotas(dict(PUBLISHED), f"quotas shown are AWS's published ones, since Service Quotas was not read: {why}")


def read(client: Any) -> dict[str, int]:
    """The quotas in force. Blocking; raises what botocore raises."""
    quotas = dict(PUBLISHED)
    for page in client.get_paginator("list_service_quotas").paginate(ServiceCode="drs"):
        for quota in page.get("Quotas", []):
            name, value = CODES.get(quota.get("QuotaCode", "")), quota.get("Value")
            if name is not None and value is not None:
                quotas[name] = int(value)
    return quotas
