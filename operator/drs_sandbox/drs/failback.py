"""The way back: ReverseReplication for sources in EC2, StartFailbackLaunch and StopFailback for those on premises.

A reversed source server lives in the origin's account and Region, replicates from the recovery instance, and is
launched by StartRecovery there. At an on-premises source the Failback Client must have connected first.
"""

from __future__ import annotations

from typing import Any

from drs_sandbox.drs.adding import add_server, new_replication
from drs_sandbox.drs.errors import DrsError, conflict, servers_in_a_job, uninitialized, validation_error
from drs_sandbox.drs.ids import hex_id
from drs_sandbox.drs.jobs import (
    START_SECONDS,
    check_not_busy,
    check_room_for_job,
    check_servers_per_job,
    create_job,
    run_job,
    show_job,
)
from drs_sandbox.drs.phases import Part, fail_back
from drs_sandbox.drs.recovery_instances import named_instances
from drs_sandbox.drs.recovery_points import RecoveryPoints
from drs_sandbox.drs.replication import begin_sync, set_state
from drs_sandbox.drs.simulation import Call, Simulation
from drs_sandbox.drs.state import Participant, RecoveryInstance, RegionState, Replication, SourceServer
from drs_sandbox.drs.tags import check_tags
from drs_sandbox.world import Origin


def reverse_replication(call: Call) -> dict[str, Any]:
    """ReverseReplication: replicates from a recovery instance to where its source server is, or was, in EC2."""
    instance = call.instance()
    server = _server_of(call.region, instance)
    if server.id in call.region.busy:
        raise servers_in_a_job()
    if server.origin is None:
        what = f"The source of {instance.id} is not in EC2: use the Failback Client and StartFailbackLaunch"
        raise validation_error(what, [("recoveryInstanceID", what)])
    known = call.simulation.ec2.instance(instance.account, instance.region, instance.id)
    if instance.disconnected or known is None or known.state != "running":
        raise conflict(
            f"Recovery instance {instance.id} must be running and connected", "RecoveryInstance", instance.id
        )
    if instance.replicating:
        raise conflict(f"Recovery instance {instance.id} replicates back already", "RecoveryInstance", instance.id)
    home = call.simulation.region(server.origin.account_id, server.origin.region)
    if not home.initialized:
        raise uninitialized(home.account, home.name)
    back = _reversed_server(call.simulation, home, server, instance)
    begin_sync(call.simulation, back.replication)
    server.reversed_arn = back.arn
    instance.failback_replication = back.replication
    instance.failback_started = call.now
    instance.failback_completed = False
    return {"reversedDirectionSourceServerArn": back.arn}


def _reversed_server(
    simulation: Simulation, home: RegionState, server: SourceServer, instance: RecoveryInstance
) -> SourceServer:
    """The server at the other end: the one that this server was reversed from or to before, or else a new one."""
    origin = Origin(instance_id=instance.id, region=server.region, account_id=server.account)
    back = next((other for other in home.servers.values() if other.reversed_arn == server.arn), None)
    if back is None:
        server_id = hex_id("s", server.arn, "reversed", instance.id)
        back = add_server(
            simulation,
            home,
            server_id,
            server.hostname,
            server.tags,
            new_replication(simulation, f"{home.account}/{home.name}/{server_id}", "INITIATING"),
            direction="FAILBACK" if server.direction == "FAILOVER" else "FAILOVER",
            instance_type=server.instance_type,
        )
        back.reversed_arn = server.arn
    elif back.id in home.busy:
        raise servers_in_a_job()
    back.origin = origin
    return back


def start_failback_launch(call: Call) -> dict[str, Any]:
    """StartFailbackLaunch: ends the failback of on-premises servers; each must be ready for it."""
    region, simulation = call.region, call.simulation
    tags = call.parameters.get("tags", {})
    check_tags(tags)
    instances = named_instances(call)
    servers = [_server_of(region, instance) for instance in instances]
    check_servers_per_job(region, len(instances))
    check_not_busy(region, [server.id for server in servers])
    for instance, server in zip(instances, servers, strict=True):
        if server.origin is not None:
            what = f"{instance.id} comes from EC2: use StartRecovery of its reversed source server"
            raise validation_error(what, [("recoveryInstanceIDs", what)])
        if instance.failback_state != "FAILBACK_READY_FOR_LAUNCH":
            raise conflict(
                f"Recovery instance {instance.id} is {instance.failback_state}, not FAILBACK_READY_FOR_LAUNCH",
                "RecoveryInstance",
                instance.id,
            )
    check_room_for_job(region, len(instances))
    participants = [Participant(instance.server_id, instance_id=instance.id) for instance in instances]
    job = create_job(simulation, region, "LAUNCH", "FAILBACK", participants, tags, call.hide_job_seconds)
    scripts = []
    for participant, instance, server in zip(participants, instances, servers, strict=True):
        instance.failback_job_id = job.id
        scripts.append(fail_back(Part(simulation, region, job, participant, server), instance))
    run_job(simulation, region, job, scripts, START_SECONDS)
    return {"job": show_job(job, call.progress)}


def stop_failback(call: Call) -> dict[str, Any]:
    """StopFailback: the failback state is FAILBACK_NOT_STARTED again, and what was on its way back stops."""
    instance = call.instance()
    if instance.failback_replication is not None:
        set_state(call.simulation, instance.failback_replication, "STOPPED")
        instance.failback_replication.points.clear()
    instance.failback_replication = None
    instance.failback_started = None
    instance.failback_completed = False
    return {}


def get_failback_replication_configuration(call: Call) -> dict[str, Any]:
    """GetFailbackReplicationConfiguration of a recovery instance."""
    instance = call.instance()
    server = call.region.servers.get(instance.server_id)
    defaults = {"name": server.hostname if server else instance.id, "bandwidthThrottling": 0, "usePrivateIP": False}
    return {**defaults, **instance.failback_settings, "recoveryInstanceID": instance.id}


def update_failback_replication_configuration(call: Call) -> dict[str, Any]:
    """UpdateFailbackReplicationConfiguration of a recovery instance."""
    instance = call.instance()
    changes = {name: value for name, value in call.parameters.items() if name != "recoveryInstanceID"}
    instance.failback_settings |= changes
    return {}


def connect_failback_client(simulation: Simulation, server: SourceServer) -> bool:
    """The Failback Client of an on-premises server starts to replicate from the newest instance that is no drill.

    False when there is none, or when its data is on the way back already.
    """
    region = simulation.region(server.account, server.region)
    instances = [instance for instance in region.instances_of(server.id) if not instance.is_drill]
    if server.origin is not None or not instances or instances[-1].replicating:
        return False
    instance = instances[-1]
    replication = Replication(RecoveryPoints(f"{instance.arn}/failback"), "INITIATING", simulation.clock.timestamp())
    begin_sync(simulation, replication)
    instance.failback_replication = replication
    instance.failback_started = simulation.clock.timestamp()
    instance.failback_completed = False
    return True


def _server_of(region: RegionState, instance: RecoveryInstance) -> SourceServer:
    server = region.servers.get(instance.server_id)
    if server is None:
        raise DrsError(
            "ConflictException",
            f"Source server {instance.server_id} of {instance.id} does not exist any more",
            extra={"resourceId": instance.server_id, "resourceType": "SourceServer"},
        )
    return server
