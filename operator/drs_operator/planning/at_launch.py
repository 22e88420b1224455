"""What a run notes of its servers when it calls for their launch: recovery points and launch settings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping
from datetime import datetime, timedelta

from drs_operator.api.v1alpha1.limits import LISTED_SERVERS_PER_FINDING
from drs_operator.planning.facts import Failure
from drs_operator.planning.naming import few
from drs_operator.planning.record import ErrorRecord
from drs_operator.planning.run import FindingRecord, Run, RunServer, RunWave

_TOLD = "launched with the settings that AWS has: "


def noted(
    run: Run, number: int, called: Container[str], point_times: Mapping[str, datetime], settings: Mapping[str, int]
) -> Run:
    """The run with the recovery points and the launch settings that the servers of a call are launched with."""

    def note(server: RunServer) -> RunServer:
        if server.server_id not in called or server.decided:
            return server
        update = {
            "launch_settings_version": settings.get(server.server_id),
            "recovery_point_time": point_times.get(server.server_id),
        }
        return server.model_copy(update=update)

    return run.with_servers(number, note)


def stopped(run: Run, failures: Mapping[str, Failure]) -> dict[str, ErrorRecord]:
    """Servers that are not launched because their settings are not what the group asks for: in a drill only."""
    if not run.is_drill:
        return {}
    return {i: ErrorRecord(code=failure.code, message=failure.message) for i, failure in failures.items()}


def warned(run: Run, number: int, failures: Mapping[str, Failure]) -> Run:
    """A RECOVERY launches all the same, with a Warning for each kind of failure; those of an earlier call go."""
    if run.is_drill:
        return run
    by_code: dict[str, list[str]] = defaultdict(list)
    for server_id in sorted(failures):
        by_code[failures[server_id].code].append(server_id)
    names = {server.server_id: server.hostname or server.server_id for server in run.wave(number).servers}
    new = tuple(
        FindingRecord(
            severity="Warning",
            code=code,
            wave_number=number,
            server_ids=tuple(server_ids[:LISTED_SERVERS_PER_FINDING]),
            count=len(server_ids),
            message=f"{_TOLD}{few([names[i] for i in server_ids])}: {failures[server_ids[0]].message}",
        )
        for code, server_ids in by_code.items()
    )
    again = set(failures)
    old = tuple(f for f in run.findings if not (f.message.startswith(_TOLD) and again.issuperset(f.server_ids)))
    return run.model_copy(update={"findings": (*old, *new)})


def points_told(run: Run, wave: RunWave) -> str:
    """How far the chosen recovery points of a wave are from what was asked for; empty: there is nothing to tell."""
    called = [server for server in wave.servers if server.attempt == wave.attempt and not server.decided]
    chosen = {s.hostname or s.server_id: s.recovery_point_time for s in called if s.recovery_point_time is not None}
    if not chosen:
        return ""
    if run.recovery_point_policy == "At" and run.recovery_point_time is not None:
        asked = run.recovery_point_time
        far = max(chosen, key=lambda name: asked - chosen[name])
        near = asked - max(chosen.values())
        return (
            f"recovery points {_span(near)} to {_span(asked - chosen[far])} before {asked:%Y-%m-%dT%H:%M:%SZ}, "
            f"the farthest of {far}"
        )
    if run.recovery_point_policy == "Latest":
        named = [f"{name} of {time:%Y-%m-%dT%H:%M:%SZ}" for name, time in sorted(chosen.items())]
        return f"from the newest point, since the source is silent: {few(named)}"
    return f"recovery points of {min(chosen.values()):%Y-%m-%dT%H:%M:%SZ} and later"


def _span(length: timedelta) -> str:
    minutes, seconds = divmod(max(0, round(length.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
