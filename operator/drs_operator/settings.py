"""Settings of the operator: environment variables `DRS_OPERATOR_…`, each also a value of the chart."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def _own_namespace() -> str:
    return _POD_NAMESPACE.read_text().strip() if _POD_NAMESPACE.exists() else "drs-system"


class Settings(BaseSettings):
    """What an installation can be told. Errors name the variable."""

    model_config = SettingsConfigDict(env_prefix="DRS_OPERATOR_", extra="ignore")

    installation: str = Field(
        pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
        description="Name of this operator set-up, a DNS label: a rebuilt cluster of the same name finds its own.",
    )
    table_prefix: str = Field("drs", pattern=r"^[a-zA-Z0-9_.-]{1,64}$", description="Prefix of the DynamoDB tables.")
    ledger_region: str | None = Field(None, description="Region of the DynamoDB tables; default AWS_REGION.")
    namespaces: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Namespaces to look after, separated by commas; default all."
    )
    refresh_seconds: float = Field(60, gt=0, description="Age at which the inventory of a Region is read anew.")
    poll_seconds: float = Field(15, gt=0, le=15, description="Age at which jobs are read anew while a run waits.")
    settle_seconds: float = Field(360, ge=0, description="How long a launch with an unknown outcome is looked for.")
    observation_gap_seconds: float = Field(
        3600,
        gt=0,
        description="A run that nobody has observed for longer holds its next wave; well above the minute after which "
        "a run that is observed shows a sign of life.",
    )
    drill_reserve_jobs: int = Field(
        5, ge=0, description="Jobs of an account and Region that drills leave free for recoveries."
    )
    drill_reserve_servers: int = Field(
        100, ge=0, description="Servers in jobs of an account and Region that drills leave free for recoveries."
    )
    leader_election: bool = Field(
        True, description="Whether processes of a cluster elect their leader by a Lease; false: there is only one."
    )
    lease_namespace: str = Field(
        default_factory=_own_namespace,
        description="Namespace of the Lease, which also keeps what is known of the ledger; default the pod's own.",
    )
    lease_seconds: float = Field(15, ge=1, description="After so long without renewal another process leads.")
    lease_renew_seconds: float = Field(10, gt=0, description="After so long without renewal the leader stops.")
    lease_retry_seconds: float = Field(2, gt=0, description="Pause between two renewals, or two attempts to lead.")
    ledger_renew_seconds: float = Field(30, gt=0, description="Pause between two renewals of the lead in the ledger.")
    log_format: Literal["json", "text"] = "json"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    metrics_address: str = Field("127.0.0.1:0", description="HOST:PORT of /metrics, /healthz and /readyz.")

    @field_validator("namespaces", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _in_order(self) -> Settings:
        if not self.lease_retry_seconds < self.lease_renew_seconds < self.lease_seconds:
            raise ValueError("LEASE_RETRY_SECONDS must be below LEASE_RENEW_SECONDS, and that below LEASE_SECONDS")
        return self
