"""Recovery instances: DescribeRecoveryInstances, TerminateRecoveryInstances, DisconnectRecoveryInstance,
DeleteRecoveryInstance.

An instance that DRS itself terminated is no longer listed. One that somebody terminated in EC2 stays listed, TERMINATED
and later NOT_FOUND, until DRS removes it.
"""

from __future__ import annotations

from typing import Any

from drs_sandbox.drs import times
from drs_sandbox.drs.errors import conflict, validation_error
from drs_sandbox.drs.paging import page
from drs_sandbox.drs.ports import Instance
from drs_sandbox.drs.recovery_points import RecoveryPoint
from drs_sandbox.drs.simulation import Call, Simulation
from drs_sandbox.drs.state import Job, RecoveryInstance, RegionState, SourceServer


def note_launched(
    simulation: Simulation,
    region: RegionState,
    job: Job,
    server: SourceServer,
    instance: Instance,
    point: RecoveryPoint | None,
) -> RecoveryInstance:
    """Lists an instance that a job has launched."""
    recovery_instance = RecoveryInstance(
        id=instance.instance_id,
        account=region.account,
        region=region.name,
        position=next(region.positions),
        server_id=server.id,
        job=job,
        point=point,
        is_drill=job.is_drill,
        availability_zone=instance.availability_zone,
        tags={},
    )
    region.instances.pop(recovery_instance.id, None)  # an instance that was launched into before comes last again
    region.instances[recovery_instance.id] = recovery_instance
    if server.direction == "FAILBACK" and server.origin is not None and not job.is_drill:
        complete_failback(simulation, server.origin.account_id, server.origin.region, server.origin.instance_id)
    return recovery_instance


def complete_failback(simulation: Simulation, account: str, region: str, instance_id: str) -> None:
    """The recovery instance that a source was failed back from is done with it."""
    source = simulation.region(account, region).instances.get(instance_id)
    if source is not None:
        source.failback_completed = True


def is_removable(simulation: Simulation, server: SourceServer, instance: RecoveryInstance) -> bool:
    """Whether a new launch of the server removes this earlier instance."""
    if instance.disconnected or instance.id == server.launch_settings.launch_into_instance_id:
        return False
    known = simulation.ec2.instance(instance.account, instance.region, instance.id)
    return known is None or not known.termination_protected


def remove(simulation: Simulation, region: RegionState, instance: RecoveryInstance) -> None:
    """Terminates an instance and forgets it."""
    simulation.ec2.terminate_instance(region.account, region.name, instance.id)
    region.instances.pop(instance.id, None)
    server = region.servers.get(instance.server_id)
    for launch in server.launches if server else ():
        if launch.job is instance.job:
            launch.terminated = True


def describe_recovery_instances(call: Call) -> dict[str, Any]:
    """DescribeRecoveryInstances: by ids of instances and of source servers."""
    filters = call.parameters.get("filters", {})
    ids, servers = set(filters.get("recoveryInstanceIDs", ())), set(filters.get("sourceServerIDs", ()))
    rows = [
        instance
        for instance in call.region.instances.values()
        if not instance.job.hidden(call.progress)
        and (not ids or instance.id in ids)
        and (not servers or instance.server_id in servers)
    ]
    return page(
        call.operation, call.parameters, rows, lambda row: row.position, lambda row: _show(call.simulation, row)
    )


def _show(simulation: Simulation, instance: RecoveryInstance) -> dict[str, Any]:
    server = simulation.find_server(instance.account, instance.region, instance.server_id)
    known = simulation.ec2.instance(instance.account, instance.region, instance.id)
    failback: dict[str, Any] = {"state": instance.failback_state}
    if instance.failback_started is not None:
        failback["failbackInitiationTime"] = times.zulu_form(instance.failback_started)
    if instance.failback_job_id:
        failback["failbackJobID"] = instance.failback_job_id
        failback["failbackLaunchType"] = "RECOVERY"
    shown: dict[str, Any] = {
        "recoveryInstanceID": instance.id,
        "ec2InstanceID": instance.id,
        "ec2InstanceState": known.state.upper() if known else "NOT_FOUND",
        "jobID": instance.job.id,
        "sourceServerID": instance.server_id,
        "arn": instance.arn,
        "tags": dict(instance.tags),
        "isDrill": instance.is_drill,
        "failback": failback,
        "dataReplicationInfo": {"dataReplicationState": _replication_state(instance)},
        "originEnvironment": "AWS" if server and server.origin else "ON_PREMISES",
    }
    if server:
        shown["recoveryInstanceProperties"] = {"identificationHints": {"hostname": server.hostname}}
    if known and known.private_ip and server:
        shown["recoveryInstanceProperties"]["networkInterfaces"] = [{"ips": [known.private_ip], "isPrimary": True}]
    if instance.point is not None and instance.point.taken is not None:
        shown["pointInTimeSnapshotDateTime"] = times.zulu_form(instance.point.taken)
    if server and server.origin:
        shown["originAvailabilityZone"] = f"{server.origin.region}a"
    return shown


def _replication_state(instance: RecoveryInstance) -> str:
    if instance.disconnected:
        return "DISCONNECTED"
    return instance.failback_replication.state if instance.failback_replication else "NOT_STARTED"


def disconnect_recovery_instance(call: Call) -> dict[str, Any]:
    """DisconnectRecoveryInstance: DRS lets go of the instance, which runs on in EC2."""
    instance = call.instance()
    _check_idle(call, instance)
    instance.disconnected = True
    return {}


def delete_recovery_instance(call: Call) -> dict[str, Any]:
    """DeleteRecoveryInstance: takes a disconnected one off the list."""
    instance = call.instance()
    _check_idle(call, instance)
    if not instance.disconnected:
        raise conflict(
            f"Recovery instance {instance.id} must be disconnected before it can be deleted", "RecoveryInstance",
            instance.id,
        )  # fmt: skip
    del call.region.instances[instance.id]
    return {}


def _check_idle(call: Call, instance: RecoveryInstance) -> None:
    if instance.server_id in call.region.busy:
        raise conflict(f"A job works on recovery instance {instance.id}", "RecoveryInstance", instance.id)


def named_instances(call: Call) -> list[RecoveryInstance]:
    """The recovery instances that the request names, each once. Raises ValidationException."""
    ids: list[str] = call.parameters["recoveryInstanceIDs"]
    found: list[RecoveryInstance] = []
    for instance_id in ids:
        instance = call.region.instances.get(instance_id)
        if instance is None or instance.job.hidden(call.progress):
            raise _refused(f"Recovery instance {instance_id} does not exist")
        if instance in found:
            raise _refused(f"Recovery instance {instance_id} is named more than once")
        found.append(instance)
    return found


def _refused(what: str) -> Exception:
    return validation_error(what, [("recoveryInstanceIDs", what)])
