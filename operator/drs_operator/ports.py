"""What the reconcilers need of the world: Protocols that adapters and the tests' fakes implement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from drs_operator.api.v1alpha1 import DRExecution, RecoveryPlan, Resource
from drs_operator.planning.claims import Mirror, MirrorHead, Owner, Standing
from drs_operator.planning.facts import (
    Inventory,
    Jobs,
    LogItem,
    Place,
    RecoveryInstance,
    RecoveryPoint,
    RegionReport,
    SourceServer,
)
from drs_operator.planning.intents import LaunchIntent, TerminateIntent
from drs_operator.planning.launch_checks import Question, Terrain
from drs_operator.planning.launch_settings import Actual, DrsSettings, SettingsRecord, TemplateSettings
from drs_operator.planning.launching import Refused, Unknown
from drs_operator.planning.run import Answer, Run

R = TypeVar("R", bound=Resource)


class ReadFailed(Exception):
    """A read of AWS, the ledger or the API server failed; `code` is of the vocabulary. Nothing is concluded from it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class AccessDenied(ReadFailed):
    """The account cannot be entered: role, external id or permission."""


class Throttled(ReadFailed):
    """AWS asks to slow down; nothing was done."""


class LostRace(Exception):
    """Somebody else has moved the item meanwhile: read it again."""


class Fenced(Exception):
    """Another leader has moved the epoch on: this process must not write runs any more."""


# --- AWS ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Access:
    """How to enter a target account. The external id never appears in `repr`."""

    account_name: str
    account_id: str
    role_name: str | None
    external_id: str | None = field(default=None, repr=False)
    session_name: str = "drs-operator"

    @property
    def role_arn(self) -> str | None:
        """ARN of the role; None: the operator's own credentials."""
        return f"arn:aws:iam::{self.account_id}:role/{self.role_name}" if self.role_name else None


@dataclass(frozen=True, slots=True)
class Started:
    """AWS has taken the launch: its job."""

    job_id: str
    status: str
    created_at: datetime


class Cloud(Protocol):
    """AWS, as seen from one hub through assumed roles. Reads raise ReadFailed."""

    async def report(self, access: Access, region: str, newer_than: datetime | None = None) -> RegionReport:
        """One Region of an account: state, inventory, quotas. Never raises for what the Region answers."""

    async def inventory(self, access: Access, region: str, newer_than: datetime | None = None) -> Inventory:
        """The shared inventory of a place; swept anew when it is older than the refresh, or than `newer_than`."""

    def known_inventory(self, place: Place) -> Inventory | None:
        """The newest inventory that anybody has read of a place, however old. Never calls AWS."""

    async def source_servers(self, access: Access, region: str, server_ids: Iterable[str]) -> tuple[SourceServer, ...]:
        """These source servers, read now; those that do not exist are left out."""

    async def jobs(self, access: Access, region: str, since: datetime) -> Jobs:
        """The jobs of a place, shared by every run within one tick; covers at least what was created since then."""

    async def job_log(self, access: Access, region: str, job_id: str) -> tuple[LogItem, ...]:
        """The log of a job, oldest first."""

    async def recovery_instances(
        self, access: Access, region: str, server_ids: Iterable[str]
    ) -> tuple[RecoveryInstance, ...]:
        """Recovery instances of these servers, read now."""

    async def recovery_points(self, access: Access, region: str, server_id: str) -> tuple[RecoveryPoint, ...]:
        """Recovery points of a server, newest first, read now."""

    async def healthy_instances(self, access: Access, region: str, instance_ids: Iterable[str]) -> frozenset[str]:
        """Those of the instances whose EC2 status checks are ok."""

    def aws_time(self, access: Access, region: str) -> datetime:
        """AWS's clock, as near as it is known."""

    async def start_recovery(
        self, access: Access, region: str, intent: LaunchIntent, is_drill: bool, tags: Mapping[str, str]
    ) -> Started | Refused | Unknown:
        """Calls StartRecovery once, signed with the time of the intent. Never raises, never repeats."""

    async def terminate_recovery_instances(
        self, access: Access, intent: TerminateIntent
    ) -> Started | Refused | Unknown:
        """Calls TerminateRecoveryInstances once, signed with the time of the intent. Never raises, never repeats.

        The job cannot be tagged: the API takes no tags.
        """


class LaunchSettings(Protocol):
    """Launch settings of source servers in DRS and in their EC2 launch templates. Raises ReadFailed.

    The three writes are calls of one attempt. One whose outcome is unknown raises ReadFailed, too; it may be repeated.
    """

    async def default_versions(self, access: Access, region: str) -> Mapping[str, int]:
        """Default version of every launch template of a place, by template id: one sweep shared for a refresh."""

    async def actual(self, access: Access, region: str, server_id: str) -> Actual:
        """The settings of a server, read now."""

    async def terrain(self, access: Access, region: str, question: Question) -> Terrain:
        """What EC2 and IAM have of what the settings name; remembered for some minutes."""

    async def change_drs(self, access: Access, region: str, server_id: str, change: DrsSettings) -> None:
        """UpdateLaunchConfiguration with the keys that are set; it writes a template version itself."""

    async def add_version(
        self, access: Access, region: str, actual: Actual, change: TemplateSettings, token: str
    ) -> int:
        """A template version based on `actual.default_version` with the keys that are set; returns its number.

        The same `token` again makes no second version.
        """

    async def move_default(self, access: Access, region: str, template_id: str, version: int) -> None:
        """Makes a version the template's default: DRS launches with it from then on."""


# --- ledger ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunIdClaim:
    """Who has used a run id, for ever."""

    run_id: str
    execution_id: str
    digest: str
    installation: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Holder:
    """The run that holds a plan or a server."""

    execution_id: str
    execution: str
    """`namespace/name`, as it was when it took it."""


class Ledger(Protocol):
    """Claims, locks and runs in DynamoDB. Raises ReadFailed (DYNAMODB_ERROR, LEDGER_UNREACHABLE), LostRace, Fenced."""

    async def claim_run_id(self, claim: RunIdClaim) -> RunIdClaim:
        """Takes the run id, or returns who has it."""

    async def create_run(self, run: Run) -> Run:
        """Writes a new run, or returns the one that exists under this execution id."""

    async def load_run(self, execution_id: str) -> Run | None:
        """The run, by a consistent read."""

    async def read_run(self, execution_id: str) -> Run | None:
        """The run by a consistent read, left to whoever leads it: it may be another installation's."""

    async def save_run(self, run: Run, before: Run) -> Run:
        """Writes a transition; returns the run with its new version."""

    async def lock_plan(self, plan_id: str, execution_id: str, execution: str) -> str | None:
        """Takes the plan for a run; returns None, or the `namespace/name` of the execution that holds it."""

    async def plan_holder(self, plan_id: str) -> Holder | None:
        """Who has taken the plan, by a consistent read; None: it is free."""

    async def unlock_plan(self, plan_id: str, execution_id: str) -> None:
        """Lets go of the plan, if this run holds it."""

    async def hold_servers(
        self, place: Place, server_ids: Iterable[str], execution_id: str, execution: str
    ) -> dict[str, str]:
        """Holds servers for a run, `namespace/name`; returns the executions that hold those it could not get."""

    async def server_holders(self, place: Place, server_ids: Iterable[str]) -> dict[str, Holder]:
        """Who holds which of these servers, by consistent reads; those that are free are left out."""

    async def release_servers(self, place: Place, server_ids: Iterable[str], execution_id: str) -> None:
        """Lets go of the servers that this run holds."""

    async def record_answer(self, run: Run, answer: Answer) -> None:
        """Keeps the answer to a command under its own key, for the record."""

    async def active_runs(self, installation: str) -> list[str]:
        """Execution ids of this installation's runs that have not ended, a moment old."""


class ClaimStore(Protocol):
    """Claims and mirrors, each write a conditional one on a single item. Raises ReadFailed, LostRace."""

    async def standings(self) -> list[Standing]:
        """Every claim of every installation in the ledger, by one consistent scan."""

    async def standing(self, key: str) -> Standing | None:
        """One claim, by a consistent read; None: it is free."""

    async def take(self, key: str, owner: Owner) -> Standing | None:
        """Takes a claim that is free or the owner's own already. Returns None, or what stands against it."""

    async def let_go(self, key: str, owner_id: str) -> Standing | None:
        """Releases an own claim. Returns None when it is gone or never was ours, or what holds it (a run)."""

    async def mirrors(self, installation: str) -> list[MirrorHead]:
        """The heads of all rows of this installation's groups and plans, by consistent scans."""

    async def save_mirror(self, mirror: Mirror, version: int | None, now: datetime) -> int:
        """Writes a row over the one at `version` (None: there is none); returns the new version. Raises LostRace."""

    async def delete_mirror(self, owner_id: str) -> None:
        """Deletes the row of a group or plan that is gone."""


class SettingsStore(Protocol):
    """What the ledger remembers of launch settings. Raises ReadFailed."""

    async def settings_records(self, installation: str) -> list[SettingsRecord]:
        """All records of this installation, by a consistent scan."""

    async def save_settings(self, record: SettingsRecord) -> None:
        """Writes a record; `earlier_version` of the one that stands is kept."""


# --- Kubernetes -----------------------------------------------------------------------------------------------------


class Objects(Protocol):
    """The cache of our objects, fed by the watch. Never the ground for a mutation: see `Cluster.fresh`."""

    def get(self, kind: type[R], namespace: str | None, name: str) -> R | None:
        """One object."""

    def all(self, kind: type[R], namespace: str | None = None) -> list[R]:
        """All objects of a kind, of one namespace or of all."""

    def plans_using(self, namespace: str | None, group: str) -> list[RecoveryPlan]:
        """The plans of a namespace that have a wave with this group."""

    def executions_of(self, namespace: str | None, plan: str) -> list[DRExecution]:
        """The executions of a plan, ended ones included."""


class Cluster(Protocol):
    """The API server. Raises ReadFailed, LostRace."""

    async def fresh(self, kind: type[R], namespace: str | None, name: str) -> R | None:
        """An object as the API server has it now."""

    async def write_status(self, resource: Resource, status: dict[str, Any]) -> None:
        """The one status write: guarded by resourceVersion, left out when nothing has changed."""

    async def add_finalizer(self, resource: Resource) -> None:
        """Puts our finalizer on an object."""

    async def remove_finalizer(self, resource: Resource) -> None:
        """Takes our finalizer off."""

    async def take_off(self, resource: Resource, annotations: Iterable[str]) -> None:
        """Takes answered commands off, unless they were changed since they were read."""

    async def remove(self, resource: Resource) -> None:
        """Deletes an object, if it is still the one that was read. Raises LostRace."""

    async def event(self, resource: Resource, warning: bool, reason: str, message: str) -> None:
        """Tells of a transition. Never fails the caller."""

    async def secret_value(self, namespace: str, name: str, key: str, fresh: bool = False) -> str | None:
        """A value of a Secret, None if there is none; at most a refresh old, or `fresh`: read now."""

    async def namespace_labels(self, name: str, fresh: bool = False) -> dict[str, str]:
        """Labels of a namespace, as they were last seen, or `fresh`: read now."""


class Clock(Protocol):
    """The operator's clock."""

    def now(self) -> datetime:
        """Now, in UTC."""
