"""Staging accounts: ListStagingAccounts, ListExtensibleSourceServers, CreateExtendedSourceServer.

An extended source server launches in one account what another account, the staging account, replicates. The staging
account agrees by a role whose name ends with the account that may extend.
"""

from __future__ import annotations

from typing import Any

from drs_sandbox.drs.adding import add_server
from drs_sandbox.drs.errors import DrsError, conflict, not_found, quota_exceeded, validation_error
from drs_sandbox.drs.ids import hex_id, parse_arn
from drs_sandbox.drs.paging import page
from drs_sandbox.drs.simulation import Call
from drs_sandbox.drs.source_servers import show
from drs_sandbox.drs.state import RegionState, SourceServer
from drs_sandbox.drs.tags import check_tags

STAGING_ROLE_PREFIX = "DRSStagingAccountRole_"
QUOTA_SOURCE_SERVERS = "L-E28BE5E0"


def list_staging_accounts(call: Call) -> dict[str, Any]:
    """ListStagingAccounts: those of the extended source servers that there are."""
    accounts = sorted({server.staging[0] for server in call.region.servers.values() if server.staging})
    return page(
        call.operation, call.parameters, accounts, int, lambda account: {"accountID": account}, result="accounts"
    )


def list_extensible_source_servers(call: Call) -> dict[str, Any]:
    """ListExtensibleSourceServers: those of a staging account that this account does not extend yet."""
    staging = _staging_region(call, call.parameters["stagingAccountID"])
    extended = {server.staging for server in call.region.servers.values()}
    rows = [
        server
        for server in staging.servers.values()
        if server.staging is None and (server.account, server.id) not in extended
    ]
    return page(
        call.operation,
        call.parameters,
        rows,
        lambda server: server.position,
        lambda server: {"hostname": server.hostname, "arn": server.arn, "tags": dict(server.tags)},
    )


def create_extended_source_server(call: Call) -> dict[str, Any]:
    """CreateExtendedSourceServer: a server here that launches what the one with this ARN replicates."""
    wanted = call.parameters["sourceServerArn"]
    tags = call.parameters.get("tags", {})
    check_tags(tags)
    source = _source(call, wanted)
    if any(server.staging == (source.account, source.id) for server in call.region.servers.values()):
        raise conflict(f"{wanted} is extended into this account already", "SourceServer", wanted)
    most = call.region.quotas.source_servers
    if len(call.region.servers) >= most:
        raise quota_exceeded(QUOTA_SOURCE_SERVERS, f"Source servers: the limit is {most}")
    server = add_server(
        call.simulation,
        call.region,
        hex_id("s", call.region.account, call.region.name, source.arn, next(call.region.positions)),
        source.hostname,
        tags,
        source.replication,
        origin=source.origin,
        staging=(source.account, source.id),
        instance_type=source.instance_type,
    )
    return {"sourceServer": show(call, server)}


def _source(call: Call, wanted: str) -> SourceServer:
    parts = parse_arn(wanted)
    if parts is None or parts[0] != call.region.name:
        raise _refused(f"{wanted} is not a source server of {call.region.name}")
    _, account, _, server_id = parts
    if account == call.region.account:
        raise _refused(f"{wanted} is a source server of this very account")
    source = _staging_region(call, account).servers.get(server_id)
    if source is None:
        raise not_found("SourceServer", server_id)
    if source.staging is not None:
        raise _refused(f"{wanted} is an extended source server itself")
    return source


def _refused(what: str) -> DrsError:
    return validation_error(what, [("sourceServerArn", what)])


def _staging_region(call: Call, account: str) -> RegionState:
    """DRS in the staging account. Raises AccessDeniedException when that does not trust the caller's account."""
    target = call.region.account
    if (account, target) not in call.simulation.staging_trust:
        raise DrsError(
            "AccessDeniedException",
            f"User: {call.principal} is not authorized to extend source servers of account {account}: that account "
            f"has no role {STAGING_ROLE_PREFIX}{target}",
        )
    staging = call.simulation.region(account, call.region.name)
    if not staging.initialized:
        raise validation_error(f"Account {account} has not been initialized in {call.region.name}")
    return staging
