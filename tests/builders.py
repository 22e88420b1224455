"""Small makers of what tests talk about, with defaults that are valid and boring: name only what the test is about.

Facts and records take changes by their Python names; API objects are made of the dictionaries that the API server
would hand out, so changes to a spec have JSON names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, TargetAccount
from drs_operator.planning import ids
from drs_operator.planning.facts import (
    Inventory,
    Job,
    Jobs,
    JobServer,
    Observed,
    Place,
    RecoveryInstance,
    RecoveryPoint,
    RegionReport,
    SourceServer,
)
from drs_operator.planning.intents import LaunchIntent
from drs_operator.planning.run import Hold, Run, RunServer, RunWave

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
ACCOUNT = "123456789012"
REGION = "us-east-1"
ORIGIN = "eu-west-1"
PLACE = Place(ACCOUNT, REGION)
NAMESPACE = "dr"
INSTALLATION = "test"
EXECUTION_ID = ids.execution_id(INSTALLATION, f"{NAMESPACE}/drill-1")
TAGS = {"Environment": "production", "Tier": "web"}
TOKEN_TAG = "drs-operator.io/token"


def at(seconds: float = 0, *, minutes: float = 0, hours: float = 0) -> datetime:
    """A moment, counted from NOW; negative numbers are before it."""
    return NOW + timedelta(hours=hours, minutes=minutes, seconds=seconds)


def server_id(number: int) -> str:
    """`s-00000000000000001` for 1."""
    return f"s-{number:017}"


def job_id(number: int) -> str:
    """`drsjob-00000000000000001` for 1."""
    return f"drsjob-{number:017}"


def instance_id(number: int) -> str:
    """`i-00000000000000001` for 1."""
    return f"i-{number:017}"


# --- what is seen in AWS --------------------------------------------------------------------------------------------


def source_server(number: int = 1, **changes: Any) -> SourceServer:
    """A healthy source server with the tags that groups select by default."""
    defaults: dict[str, Any] = {
        "server_id": server_id(number),
        "hostname": f"host-{number}",
        "tags": dict(TAGS),
        "replication_state": "CONTINUOUS",
        "lag": timedelta(),
        "source_region": ORIGIN,
        "source_account_id": ACCOUNT,
    }
    return SourceServer(**{**defaults, **changes})


def inventory(*servers: SourceServer, place: Place = PLACE, taken_at: datetime = NOW) -> Inventory:
    """All source servers of a place."""
    return Inventory(place, tuple(servers), taken_at)


def region_report(name: str = REGION, state: str = "ACTIVE", **changes: Any) -> RegionReport:
    """What one Region answered."""
    return RegionReport(**{"name": name, "state": state, **changes})


def job(number: int = 1, servers: Mapping[str, str] | Iterable[str] = (), **changes: Any) -> Job:
    """A running launch job; `servers` are ids with their launch status (PENDING where none is given)."""
    statuses = servers if isinstance(servers, Mapping) else dict.fromkeys(servers, "PENDING")
    defaults: dict[str, Any] = {
        "job_id": job_id(number),
        "status": "STARTED",
        "type": "LAUNCH",
        "initiated_by": "START_DRILL",
        "created_at": NOW,
        "ended_at": None,
        "servers": tuple(JobServer(server, status) for server, status in statuses.items()),
        "tags": {},
    }
    return Job(**{**defaults, **changes})


def ended_job(number: int, servers: Mapping[str, str], ended_at: datetime | None = NOW, **changes: Any) -> Job:
    """A job that is COMPLETED, which says nothing of its servers."""
    return job(number, servers, status="COMPLETED", ended_at=ended_at, **changes)


def jobs(*seen: Job, place: Place = PLACE, aws_time: datetime = NOW, since: datetime | None = None) -> Jobs:
    """The job board of a place; reaches back a day unless told."""
    return Jobs(place, tuple(seen), aws_time, since or NOW - timedelta(days=1))


def instance(number: int = 1, of_job: str = "", **changes: Any) -> RecoveryInstance:
    """A running recovery instance of the source server of the same number."""
    defaults: dict[str, Any] = {
        "instance_id": instance_id(number),
        "server_id": server_id(number),
        "job_id": of_job or job_id(1),
        "is_drill": True,
        "state": "RUNNING",
        "private_ip": f"10.0.{number // 250}.{number % 250 + 1}",
        "recovery_point_time": at(minutes=-1),
    }
    return RecoveryInstance(**{**defaults, **changes})


def point(number: int = 1, time: datetime = NOW) -> RecoveryPoint:
    """A recovery point."""
    return RecoveryPoint(f"pit-{number:017}", time)


def observed(
    *seen: Job,
    instances: Iterable[RecoveryInstance] = (),
    healthy: Iterable[str] = (),
    raw_errors: Mapping[tuple[str, str], str] | None = None,
    progress: Mapping[tuple[str, str], str] | None = None,
    aws_time: datetime = NOW,
    place: Place = PLACE,
) -> Observed:
    """What one look at one place shows; `observed()` is a place without jobs, `Observed()` one that was not read."""
    return Observed(
        jobs={place: jobs(*seen, place=place, aws_time=aws_time)},
        instances={place: tuple(instances)},
        healthy_instances=frozenset(healthy),
        raw_errors=raw_errors or {},
        progress=progress or {},
    )


# --- a run as the ledger keeps it -----------------------------------------------------------------------------------


def run_server(number: int = 1, phase: str = "Pending", **changes: Any) -> RunServer:
    """A server of a wave."""
    return RunServer(**{"server_id": server_id(number), "hostname": f"host-{number}", "phase": phase, **changes})


def run_wave(number: int = 1, servers: Iterable[RunServer | int] | None = None, **changes: Any) -> RunWave:
    """A wave with one server of the same number, unless told; waits for nothing."""
    members = (number,) if servers is None else servers
    defaults: dict[str, Any] = {
        "wave_number": number,
        "name": f"Tier {number}",
        "group_name": f"group-{number}",
        "account_name": "production",
        "account_id": ACCOUNT,
        "region": REGION,
        "waits_for": (),
        "launch_order": number,
        "pause_before_wave": False,
        "on_failure": "Fail",
        "ready_when": "Launched",
        "wait_after_seconds": 0,
        "timeout_seconds": 14400,
        "servers": tuple(run_server(member) if isinstance(member, int) else member for member in members),
    }
    return RunWave(**{**defaults, **changes})


def intent(
    wave: int = 1, servers: Iterable[int] = (1,), state: str = "Planned", shard: int = 1, **changes: Any
) -> LaunchIntent:
    """A launch intent; from CALLING on with the times of the call, from STARTED on with a job of the shard's number."""
    defaults: dict[str, Any] = {
        "wave_number": wave,
        "attempt": 1,
        "shard": shard,
        "token": ids.launch_token(EXECUTION_ID, wave, 1, shard),
        "state": state,
        "server_ids": tuple(server_id(number) for number in servers),
    }
    if state != "Planned":
        defaults |= {"caller": "me", "called_at": NOW, "called_at_aws": NOW, "tries": 1}
    if state in ("Started", "Ended"):
        defaults |= {"job_id": job_id(shard), "job_status": "STARTED", "start_time": NOW}
    return LaunchIntent(**{**defaults, **changes})


def hold(id: str = "1.1", reason: str = "PauseBeforeWave", **changes: Any) -> Hold:
    """An open hold of the wave that its id names."""
    return Hold(**{"id": id, "wave_number": int(id.split(".")[0]), "reason": reason, "since": NOW, **changes})


def run(*waves: RunWave, **changes: Any) -> Run:
    """A running drill."""
    defaults: dict[str, Any] = {
        "execution_id": EXECUTION_ID,
        "run_id": f"{NAMESPACE}/drill-1",
        "digest": "0" * 64,
        "installation": INSTALLATION,
        "namespace": NAMESPACE,
        "name": "drill-1",
        "uid": "uid-drill-1",
        "version": 1,
        "epoch": 1,
        "state": "Running",
        "execution_type": "DRILL",
        "requested_by": "jane@example.com",
        "plan_name": "production",
        "plan_id": ids.plan_id(INSTALLATION, NAMESPACE, "production"),
        "plan_version": 1,
        "ambiguous_launch_policy": "Reissue",
        "claimed_time": NOW,
        "start_time": NOW,
        "waves": waves,
    }
    return Run(**{**defaults, **changes})


# --- API objects ----------------------------------------------------------------------------------------------------


def metadata(name: str, namespace: str | None = NAMESPACE, **changes: Any) -> dict[str, Any]:
    """Object metadata as the API server sets it."""
    defaults = {
        "name": name,
        "uid": f"uid-{name}",
        "generation": 1,
        "resourceVersion": "1",
        "creationTimestamp": NOW.isoformat(),
    }
    return {**defaults, **({"namespace": namespace} if namespace else {}), **changes}


def account(name: str = "production", meta: Mapping[str, Any] | None = None, **spec: Any) -> TargetAccount:
    """A managed account that every namespace may use."""
    defaults = {"accountId": ACCOUNT, "assumeRoleName": "DRSOrchestrationRole", "allowedNamespaces": {"from": "All"}}
    return TargetAccount.model_validate(
        {"metadata": metadata(name, None, **(meta or {})), "spec": {**defaults, **spec}}
    )


def group(
    name: str = "group-1",
    meta: Mapping[str, Any] | None = None,
    status: Mapping[str, Any] | None = None,
    **spec: Any,
) -> ProtectionGroup:
    """A group that selects by tags, never seen by the operator."""
    defaults: dict[str, Any] = {
        "targetAccountRef": {"name": "production"},
        "region": REGION,
        "serverSelectionMode": "tags",
    }
    if "sourceServerIds" in spec:
        defaults["serverSelectionMode"] = "explicit"
    else:
        defaults["serverSelectionTags"] = dict(TAGS)
    return ProtectionGroup.model_validate(
        {"metadata": metadata(name, **(meta or {})), "spec": {**defaults, **spec}, "status": dict(status or {})}
    )


def wave_spec(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A wave of a plan, with the group of the same number."""
    defaults = {"waveNumber": number, "name": f"Tier {number}", "protectionGroupRef": {"name": f"group-{number}"}}
    return {**defaults, **changes}


def plan(
    *waves: Mapping[str, Any],
    name: str = "production",
    meta: Mapping[str, Any] | None = None,
    status: Mapping[str, Any] | None = None,
    **spec: Any,
) -> RecoveryPlan:
    """A plan; with one wave unless told."""
    listed = [dict(wave) for wave in waves] if waves else [wave_spec()]
    return RecoveryPlan.model_validate(
        {"metadata": metadata(name, **(meta or {})), "spec": {"waves": listed, **spec}, "status": dict(status or {})}
    )


def execution(
    name: str = "drill-1",
    meta: Mapping[str, Any] | None = None,
    status: Mapping[str, Any] | None = None,
    **spec: Any,
) -> DRExecution:
    """A drill of the plan `production`; with `executionType="RECOVERY"` a recovery with what that needs."""
    defaults: dict[str, Any] = {"recoveryPlanRef": {"name": "production"}, "executionType": "DRILL"}
    if spec.get("executionType") == "RECOVERY":
        defaults |= {"reason": "eu-west-1 is down", "recoveryPoint": {"policy": "Latest"}}
    return DRExecution.model_validate(
        {"metadata": metadata(name, **(meta or {})), "spec": {**defaults, **spec}, "status": dict(status or {})}
    )
