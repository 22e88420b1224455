"""Adds source servers to an account and Region, each with its EC2 launch template."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from drs_sandbox.drs.launching import create_template
from drs_sandbox.drs.recovery_points import RecoveryPoints
from drs_sandbox.drs.simulation import Simulation
from drs_sandbox.drs.state import LaunchSettings, RegionState, Replication, SourceServer
from drs_sandbox.world import Origin, ReplicationState

DEFAULT_INSTANCE_TYPE = "m5.large"


def new_replication(
    simulation: Simulation, owner: str, state: ReplicationState, lag: timedelta = timedelta(0)
) -> Replication:
    """The replication of a new source; `owner` (account, Region and id) makes the ids of its recovery points."""
    replication = Replication(RecoveryPoints(owner), state, simulation.clock.timestamp(), lag)
    simulation.rounds.add(replication, owner)
    return replication


def add_server(
    simulation: Simulation,
    region: RegionState,
    server_id: str,
    hostname: str,
    tags: Mapping[str, str],
    replication: Replication,
    *,
    origin: Origin | None = None,
    staging: tuple[str, str] | None = None,
    direction: Literal["FAILOVER", "FAILBACK"] = "FAILOVER",
    instance_type: str | None = None,
    user_data: str | None = None,
) -> SourceServer:
    """Adds a source server and creates its launch template."""
    server = SourceServer(
        id=server_id,
        account=region.account,
        region=region.name,
        position=next(region.positions),
        hostname=hostname,
        tags=dict(tags),
        replication=replication,
        template_id="",
        launch_settings=LaunchSettings(name=hostname),
        instance_type=instance_type or DEFAULT_INSTANCE_TYPE,
        private_ip=next(region.addresses),
        added=simulation.clock.timestamp(),
        origin=origin,
        staging=staging,
        direction=direction,
    )
    server.template_id = create_template(simulation, server, user_data)
    region.servers[server.id] = server
    return server
