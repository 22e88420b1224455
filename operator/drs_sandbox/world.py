"""The world file: which simulated AWS accounts exist and what they hold (`kind: World`).

The models are the only source: the published JSON schema (`world.schema.json`) is made from them, and the loader names
file, path and expectation of whatever is wrong before anything starts.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from drs_sandbox.world_checks import check_faults, check_world
from drs_sandbox.world_text import WorldError as WorldError
from drs_sandbox.world_text import lines, read_yaml

SCHEMA_FILE = Path(__file__).with_name("world.schema.json")

ReplicationState = Literal[
    "STOPPED",
    "INITIATING",
    "INITIAL_SYNC",
    "BACKLOG",
    "CREATING_SNAPSHOT",
    "CONTINUOUS",
    "PAUSED",
    "RESCAN",
    "STALLED",
    "DISCONNECTED",
]
AccountId = Annotated[str, Field(pattern=r"^[0-9]{12}$")]
RegionName = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+){1,3}-[0-9]$")]
ServerId = Annotated[str, Field(pattern=r"^s-[0-9a-zA-Z]{17}$")]
Duration = Annotated[timedelta, Field(ge=timedelta(0))]
SERVER_ID_LENGTH = 19

M = TypeVar("M", bound=BaseModel)


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class Role(_Model):
    """An IAM role that trusts the hub account."""

    name: str = Field(min_length=1, max_length=64)
    external_id: str | None = Field(None, min_length=2, max_length=1224, description="Absent: none is asked for.")


class Quotas(_Model):
    """Quotas of DRS in an account and Region; the defaults are AWS's."""

    jobs_in_progress: int = Field(20, ge=0)
    servers_per_job: int = Field(100, ge=1)
    servers_in_all_jobs: int = Field(500, ge=0)
    replicating_servers: int = Field(300, ge=0)
    source_servers: int = Field(4000, ge=0)


class Subnet(_Model):
    """A subnet of a VPC; both come into being by being named."""

    id: str = Field(pattern=r"^subnet-[0-9a-f]{8,17}$")
    vpc_id: str = Field(pattern=r"^vpc-[0-9a-f]{8,17}$")
    cidr: str
    used_ips: list[str] = Field([], description="Addresses that network interfaces in EC2 hold already.")


class SecurityGroup(_Model):
    """A security group of a VPC."""

    id: str = Field(pattern=r"^sg-[0-9a-f]{8,17}$")
    vpc_id: str = Field(pattern=r"^vpc-[0-9a-f]{8,17}$")


class ForeignJob(_Model):
    """A DRS job that somebody else has started."""

    servers: list[ServerId] = Field(min_length=1)
    is_drill: bool = True
    status: Literal["PENDING", "STARTED", "COMPLETED"] = "STARTED"


class Origin(_Model):
    """The EC2 instance that a source server is."""

    instance_id: str = Field(pattern=r"^i-[0-9a-f]{8,17}$")
    region: RegionName
    account_id: AccountId
    tags: dict[str, str] = {}


class LaunchTemplate(_Model):
    """What the EC2 launch template of a source server holds already."""

    user_data: str | None = Field(None, description="Plain text; the template holds it in base64.")
    instance_type: str | None = None


class _ServerFields(_Model):
    tags: dict[str, str] = {}
    replication_state: ReplicationState = "CONTINUOUS"
    lag: Duration = Field(timedelta(0), description="ISO 8601 duration.")
    snapshots: list[Duration] = Field([], description="Ages of the recovery points, ISO 8601 durations.")
    origin: Origin | None = None
    launch_template: LaunchTemplate = LaunchTemplate()
    staging_account_id: AccountId | None = None
    staging_server_id: ServerId | None = None

    @model_validator(mode="after")
    def _staging_is_whole(self) -> _ServerFields:
        if (self.staging_account_id is None) != (self.staging_server_id is None):
            raise ValueError("expected stagingAccountId and stagingServerId together")
        return self


class SourceServer(_ServerFields):
    """One source server."""

    id: ServerId
    hostname: str = Field(min_length=1, max_length=256)

    def expand(self) -> list[SourceServer]:
        """Itself."""
        return [self]


class SourceServers(_ServerFields):
    """Many alike: ids are the prefix and a zero-padded counter from 1, 19 characters in all."""

    count: int = Field(ge=1, le=4000)
    id_prefix: str = Field(pattern=r"^s-[0-9a-zA-Z]{0,16}$")
    hostname_prefix: str = Field(min_length=1, max_length=200)

    def expand(self) -> list[SourceServer]:
        """The single servers that this entry stands for."""
        digits = SERVER_ID_LENGTH - len(self.id_prefix)
        shared = {name: getattr(self, name) for name in _ServerFields.model_fields}
        return [
            SourceServer(id=f"{self.id_prefix}{n:0{digits}d}", hostname=f"{self.hostname_prefix}{n}", **shared)
            for n in range(1, self.count + 1)
        ]

    @model_validator(mode="after")
    def _counter_fits(self) -> SourceServers:
        digits = SERVER_ID_LENGTH - len(self.id_prefix)
        if len(str(self.count)) > digits:
            raise ValueError(f"expected a count of at most {digits} digits after idPrefix {self.id_prefix}")
        return self


def _one_or_many(entry: Any) -> str:
    counted = "count" in entry if isinstance(entry, dict) else isinstance(entry, SourceServers)
    return "many" if counted else "one"


class Region(_Model):
    """One Region of an account."""

    name: RegionName
    initialized: bool = Field(True, description="false: DRS answers UninitializedAccountException.")
    quotas: Quotas = Quotas()
    subnets: list[Subnet] = []
    security_groups: list[SecurityGroup] = []
    instance_profiles: list[str] = []
    jobs: list[ForeignJob] = []
    source_servers: list[
        Annotated[
            Annotated[SourceServer, Tag("one")] | Annotated[SourceServers, Tag("many")], Discriminator(_one_or_many)
        ]
    ] = []

    def servers(self) -> list[SourceServer]:
        """All source servers, entries with a count expanded."""
        expanded: list[SourceServer] = []
        for entry in self.source_servers:
            expanded.extend(entry.expand())
        return expanded


class Account(_Model):
    """One AWS account."""

    id: AccountId
    roles: list[Role] = []
    regions: list[Region] = Field(min_length=1)


CALL_EFFECTS = ("error", "lostAnswer", "delay", "hang", "hideJob", "expireCredentials", "emptyPage")
PHASE_EFFECTS = ("launchFailed", "stuck", "lateStatus")
EffectName = Literal[
    "error",
    "lostAnswer",
    "delay",
    "hang",
    "hideJob",
    "expireCredentials",
    "emptyPage",
    "launchFailed",
    "stuck",
    "lateStatus",
]


class Fault(_Model):
    """One fault; the first that matches a call (or a server's phase) acts.

    Of calls (`operation`): error, lostAnswer, delay, hang, hideJob, expireCredentials, emptyPage.
    Of servers (`phase`): launchFailed, stuck, lateStatus.
    """

    operation: str | None = Field(
        None, description="Operation's name, as in the call log: StartRecovery, AssumeRole, …"
    )
    service: str | None = Field(None, description="Narrows `operation`: drs, ec2, sts, dynamodb, …")
    phase: Literal["CLEANUP", "SNAPSHOT", "CONVERSION", "LAUNCH", "TERMINATE"] | None = None
    account: AccountId | None = None
    region: RegionName | None = None
    server_id: ServerId | None = None
    effect: EffectName | list[EffectName]
    code: str | None = Field(None, description="Of error: the exception's name, e.g. ThrottlingException.")
    http_status: int | None = Field(None, ge=400, le=599)
    message: str | None = None
    seconds: float | None = Field(None, ge=0)
    raw_error: str | None = Field(None, description="Of launchFailed: what the job log says.")
    times: int | None = Field(None, ge=1, description="How often it acts; absent: always.")

    @property
    def effects(self) -> tuple[EffectName, ...]:
        """The effects, in order."""
        return tuple(self.effect) if isinstance(self.effect, list) else (self.effect,)

    @model_validator(mode="after")
    def _effect_fits(self) -> Fault:
        if (self.operation is None) == (self.phase is None):
            raise ValueError("expected either operation or phase")
        allowed = PHASE_EFFECTS if self.phase else CALL_EFFECTS
        for effect in self.effects:
            if effect not in allowed:
                raise ValueError(f"expected one of {', '.join(allowed)} with {'phase' if self.phase else 'operation'}")
            if effect == "error" and not self.code:
                raise ValueError("expected code with effect error")
            if effect in ("delay", "hideJob", "lateStatus") and self.seconds is None:
                raise ValueError(f"expected seconds with effect {effect}")
        return self


class World(_Model):
    """A whole world file."""

    api_version: Literal["sandbox.drs-operator.io/v1alpha1"]
    kind: Literal["World"]
    hub_account: AccountId = Field("111111111111", description="Where the operator's own credentials live.")
    accounts: list[Account] = Field(min_length=1)
    faults: list[Fault] = []

    @model_validator(mode="after")
    def _fits_together(self) -> World:
        check_world(self)
        return self


class Faults(_Model):
    """A document that only carries faults, as `inject` takes it."""

    faults: list[Fault]

    @model_validator(mode="after")
    def _can_act(self) -> Faults:
        check_faults(self.faults)
        return self


def load_world(path: Path) -> World:
    """Reads a world file. Raises WorldError with every finding, a line each."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise WorldError(f"{path}: expected a readable file ({error.strerror})") from None
    return _validated(World, text, str(path))


def load_faults(text: str, source: str) -> list[Fault]:
    """Reads a mapping with the key `faults`, as `drs-sandbox inject` takes it. Raises WorldError."""
    return _validated(Faults, text, source).faults


def _validated(model: type[M], text: str, source: str) -> M:
    document = read_yaml(text, source)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise WorldError("\n".join(lines(source, error.errors()))) from None


def json_schema() -> dict[str, Any]:
    """The schema of the world file, as published beside this module."""
    schema = World.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def main() -> int:
    """Writes the schema; with `--check` it only says whether the published one is up to date (exit code 1: not)."""
    parser = argparse.ArgumentParser(prog="python -m drs_sandbox.world", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    text = json.dumps(json_schema(), indent=2) + "\n"
    if not options.check:
        SCHEMA_FILE.write_text(text, encoding="utf-8")
    elif not SCHEMA_FILE.is_file() or SCHEMA_FILE.read_text(encoding="utf-8") != text:
        print(f"{SCHEMA_FILE.name} is not what the models say; run: python -m drs_sandbox.world", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
