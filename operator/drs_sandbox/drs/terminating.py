"""TerminateRecoveryInstances: a job of its own, which counts like any other."""

from __future__ import annotations

from typing import Any

from drs_sandbox.drs.errors import conflict, validation_error
from drs_sandbox.drs.jobs import (
    START_SECONDS,
    check_not_busy,
    check_room_for_job,
    check_servers_per_job,
    create_job,
    run_job,
    show_job,
)
from drs_sandbox.drs.phases import Part, terminate
from drs_sandbox.drs.recovery_instances import named_instances
from drs_sandbox.drs.simulation import Call
from drs_sandbox.drs.state import Participant


def terminate_recovery_instances(call: Call) -> dict[str, Any]:
    """TerminateRecoveryInstances: all or none; not those that a job works on or that still replicate back."""
    region, simulation = call.region, call.simulation
    instances = named_instances(call)
    check_servers_per_job(region, len(instances))
    for instance in instances:
        if instance.server_id not in region.servers:
            what = f"Source server {instance.server_id} of {instance.id} does not exist any more: terminate it in EC2"
            raise validation_error(what, [("recoveryInstanceIDs", what)])
        if instance.replicating:
            raise conflict(
                f"Recovery instance {instance.id} replicates back to its source: stop its replication first",
                "RecoveryInstance",
                instance.id,
            )
    check_not_busy(region, [instance.server_id for instance in instances])
    check_room_for_job(region, len(instances))
    participants = [Participant(instance.server_id, instance_id=instance.id) for instance in instances]
    job = create_job(
        simulation,
        region,
        "TERMINATE",
        "TERMINATE_RECOVERY_INSTANCES",
        participants,
        hide_seconds=call.hide_job_seconds,
    )
    scripts = [
        terminate(Part(simulation, region, job, participant, region.servers[instance.server_id]), instance)
        for participant, instance in zip(participants, instances, strict=True)
    ]
    run_job(simulation, region, job, scripts, START_SECONDS)
    return {"job": show_job(job, call.progress)}
