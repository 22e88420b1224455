"""From the world file to the state with which the simulated DRS starts."""

from __future__ import annotations

from drs_sandbox.drs.adding import add_server, new_replication
from drs_sandbox.drs.foreign_jobs import start_foreign_job
from drs_sandbox.drs.launching import start_right_sizing
from drs_sandbox.drs.simulation import Simulation, source_addresses
from drs_sandbox.drs.staging import STAGING_ROLE_PREFIX
from drs_sandbox.drs.state import RegionState, Replication
from drs_sandbox.world import Region, SourceServer, World


def build(simulation: Simulation, world: World) -> None:
    """Fills a new simulation."""
    listed = [(account.id, region) for account in world.accounts for region in account.regions]
    replications: dict[tuple[str, str, str], Replication] = {}
    for account, region in listed:
        for server in region.servers():
            if server.staging_account_id is None:
                replications[account, region.name, server.id] = _replication(simulation, account, region, server)
    for staging in world.accounts:
        for role in staging.roles:
            if role.name.startswith(STAGING_ROLE_PREFIX):
                simulation.staging_trust.add((staging.id, role.name.removeprefix(STAGING_ROLE_PREFIX)))
    for account, region in listed:
        subnet = region.subnets[0] if region.subnets else None
        state = RegionState(account, region.name, region.initialized, region.quotas, source_addresses(subnet))
        simulation.regions[account, region.name] = state
        for server in region.servers():
            _add(simulation, state, server, replications)
    start_right_sizing(simulation)
    for account, region in listed:
        # Those that are over come first: they are the older ones.
        for job in sorted(region.jobs, key=lambda job: job.status != "COMPLETED"):
            start_foreign_job(simulation, simulation.region(account, region.name), job)


def _replication(simulation: Simulation, account: str, region: Region, server: SourceServer) -> Replication:
    owner = f"{account}/{region.name}/{server.id}"
    replication = new_replication(simulation, owner, server.replication_state, server.lag)
    ages = [age.total_seconds() for age in server.snapshots]
    replication.points.replace(ages, simulation.clock.progress(), simulation.clock.timestamp())
    return replication


def _add(
    simulation: Simulation,
    region: RegionState,
    server: SourceServer,
    replications: dict[tuple[str, str, str], Replication],
) -> None:
    staging = None
    error = None
    if server.staging_account_id is None or server.staging_server_id is None:
        replication = replications[region.account, region.name, server.id]
    else:
        staging = (server.staging_account_id, server.staging_server_id)
        shared = replications.get((staging[0], region.name, staging[1]))
        if shared is None:
            error = f"The source server {staging[1]} in account {staging[0]} does not exist"
        replication = shared or new_replication(simulation, f"{region.account}/{region.name}/{server.id}", "STOPPED")
    added = add_server(
        simulation,
        region,
        server.id,
        server.hostname,
        server.tags,
        replication,
        origin=server.origin,
        staging=staging,
        instance_type=server.launch_template.instance_type,
        user_data=server.launch_template.user_data,
    )
    added.extension_error = error
