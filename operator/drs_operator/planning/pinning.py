"""What of a plan a run holds on to: waves, servers and places as they are when it starts. Edits touch later runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from drs_operator.api.v1alpha1.drexecution import DRExecution
from drs_operator.api.v1alpha1.enums import ExecutionType, PausePolicy
from drs_operator.api.v1alpha1.recoveryplan import RecoveryPlan, WaveSpec
from drs_operator.planning import scope, waves
from drs_operator.planning.facts import RecoveryInstance
from drs_operator.planning.ground import Candidate, Ground, place_of
from drs_operator.planning.run import Run, RunServer, RunWave
from drs_operator.planning.scope import Coverage


def plannable(execution: DRExecution, ground: Ground) -> bool:
    """Whether plan, groups and accounts are all there: without them there is nothing to pin."""
    if ground.plan is None:
        return False
    covered = scope.coverage(execution.spec.scope, ground.plan, ground)
    groups = [ground.groups.get(wave.protection_group_ref.name) for wave in covered.waves]
    return all(group is not None and place_of(group, ground) is not None for group in groups)


def pinned(run: Run, execution: DRExecution, ground: Ground, now: datetime) -> Run:
    """The run with plan version, wave graph, servers, accounts and Regions as they are now."""
    plan = ground.plan
    assert plan is not None
    objectives = plan.spec.objectives
    covered = scope.coverage(execution.spec.scope, plan, ground)
    return run.model_copy(
        update={
            "plan_version": plan.status.version or 0,
            "priority": plan.spec.priority,
            "rto_seconds": objectives.rto_seconds if objectives else None,
            "rpo_seconds": objectives.rpo_seconds if objectives else None,
            "waves": tuple(_wave(run, wave, execution, ground, covered, now) for wave in waves.in_order(covered.waves)),
        }
    )


def _wave(
    run: Run, wave: WaveSpec, execution: DRExecution, ground: Ground, covered: Coverage, now: datetime
) -> RunWave:
    plan: RecoveryPlan | None = ground.plan
    assert plan is not None
    group = ground.groups[wave.protection_group_ref.name]
    place = place_of(group, ground)
    assert place is not None
    skip_pauses = run.is_drill and execution.spec.pause_policy is PausePolicy.SKIP
    live = ground.real_recoveries
    servers = tuple(
        _server(run, candidate, live.get(candidate.server_id), candidate.server_id in wave.optional_server_ids)
        for candidate in covered.servers[group.metadata.name]
        if covered.launched_by[candidate.server_id] == wave.wave_number
    )
    nothing_to_do = bool(servers) and all(server.phase == "Kept" for server in servers)
    return RunWave(
        wave_number=wave.wave_number,
        name=wave.name,
        group_name=group.metadata.name,
        account_name=group.spec.target_account_ref.name,
        account_id=place.account_id,
        region=place.region,
        waits_for=scope.waits_for(wave, plan, covered),
        launch_order=waves.order(wave),
        pause_before_wave=wave.pause_before_wave and not skip_pauses,
        on_failure=wave.effective_on_failure(ExecutionType(run.execution_type)).value,
        ready_when=wave.ready_when.value,
        wait_after_seconds=wave.wait_after_seconds,
        timeout_seconds=wave.timeout_seconds,
        servers=servers,
        phase="Completed" if nothing_to_do else "Pending",
        end_time=now if nothing_to_do else None,
    )


def _server(run: Run, candidate: Candidate, live: RecoveryInstance | None, optional: bool) -> RunServer:
    server = RunServer(server_id=candidate.server_id, hostname=candidate.hostname[:64], optional=optional)
    if live is None or run.is_drill:
        return server
    if run.live_recovery_instances == "Keep":
        return kept(server, live)
    if run.live_recovery_instances == "Replace":
        return server.model_copy(update={"replaces": live.instance_id})
    return server


def kept(server: RunServer, instance: RecoveryInstance) -> RunServer:
    """The server left as it runs: nothing launches it."""
    return server.model_copy(
        update={
            "phase": "Kept",
            "recovery_instance_id": instance.instance_id,
            "private_ip": instance.private_ip,
            "recovery_point_time": instance.recovery_point_time,
        }
    )


def keeping(run: Run, number: int, instances: Mapping[str, RecoveryInstance]) -> Run:
    """The run with servers of a wave, by id, left as they run."""
    return run.with_servers(number, lambda s: kept(s, instances[s.server_id]) if s.server_id in instances else s)
