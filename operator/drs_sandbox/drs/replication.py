"""Data replication: how it starts and what it looks like.

StartReplication, StopReplication, GetReplicationConfiguration and UpdateReplicationConfiguration are in
`replication_calls`.
"""

from __future__ import annotations

from typing import Any

from drs_sandbox.drs import times
from drs_sandbox.drs.simulation import Simulation
from drs_sandbox.drs.state import Replication, SourceServer
from drs_sandbox.world import ReplicationState

_GIB = 1024**3
_DISK_BYTES = 32 * _GIB
_BACKLOG_BYTES_PER_SECOND = 4 * 1024**2
INITIATING_SECONDS = 300.0
INITIAL_SYNC_SECONDS = 1200.0
CREATING_SNAPSHOT_SECONDS = 60.0
_INITIATION_STEPS = (
    "WAIT",
    "CREATE_SECURITY_GROUP",
    "LAUNCH_REPLICATION_SERVER",
    "BOOT_REPLICATION_SERVER",
    "AUTHENTICATE_WITH_SERVICE",
    "DOWNLOAD_REPLICATION_SOFTWARE",
    "CREATE_STAGING_DISKS",
    "ATTACH_STAGING_DISKS",
    "PAIR_REPLICATION_SERVER_WITH_AGENT",
    "CONNECT_AGENT_TO_REPLICATION_SERVER",
    "START_DATA_TRANSFER",
)


def set_state(simulation: Simulation, replication: Replication, state: ReplicationState) -> None:
    """Sets the state from outside: whatever was under way is void."""
    replication.generation += 1
    replication.state = state
    replication.state_set = simulation.clock.timestamp()


def begin_sync(simulation: Simulation, replication: Replication) -> None:
    """Starts from nothing: INITIATING, INITIAL_SYNC, CREATING_SNAPSHOT, and CONTINUOUS with a first recovery point."""
    replication.points.clear()
    set_state(simulation, replication, "INITIATING")
    generation = replication.generation

    def later(seconds: float, state: ReplicationState) -> None:
        def turn() -> None:
            if replication.generation != generation:
                return
            if state == "CONTINUOUS":
                now = simulation.clock.timestamp()
                replication.points.begin(simulation.clock.progress(), now).taken = now
            replication.state = state

        simulation.clock.call_later(seconds, turn)

    later(INITIATING_SECONDS, "INITIAL_SYNC")
    later(INITIATING_SECONDS + INITIAL_SYNC_SECONDS, "CREATING_SNAPSHOT")
    later(INITIATING_SECONDS + INITIAL_SYNC_SECONDS + CREATING_SNAPSHOT_SECONDS, "CONTINUOUS")


def show_replication(server: SourceServer) -> dict[str, Any]:
    """The `DataReplicationInfo` structure of the service model."""
    state, replication = server.state, server.replication
    backlog = int(replication.lag.total_seconds() * _BACKLOG_BYTES_PER_SECOND)
    missing = state in ("INITIATING", "INITIAL_SYNC", "STOPPED", "DISCONNECTED")
    shown: dict[str, Any] = {
        "dataReplicationState": state,
        "replicatedDisks": [
            {
                "deviceName": "/dev/nvme0n1",
                "totalStorageBytes": _DISK_BYTES,
                "replicatedStorageBytes": 0 if missing else _DISK_BYTES,
                "rescannedStorageBytes": 0,
                "backloggedStorageBytes": backlog,
                "volumeStatus": "REGULAR",
            }
        ],
        "stagingAvailabilityZone": f"{server.region}a",
    }
    if state not in ("INITIATING", "STOPPED", "DISCONNECTED"):
        shown["lagDuration"] = times.duration(replication.lag)
    if state == "STALLED":
        shown["dataReplicationError"] = {"error": "AGENT_NOT_SEEN"}
    if state == "INITIATING":
        shown["dataReplicationInitiation"] = {
            "startDateTime": times.zulu_form(replication.state_set),
            "steps": [
                {"name": name, "status": "NOT_STARTED" if position else "IN_PROGRESS"}
                for position, name in enumerate(_INITIATION_STEPS)
            ],
        }
    return shown
