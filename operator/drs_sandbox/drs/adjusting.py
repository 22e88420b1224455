"""`drs-sandbox set`: changes a source server from outside, as life does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from drs_sandbox.drs import times
from drs_sandbox.drs.failback import connect_failback_client
from drs_sandbox.drs.replication import set_state
from drs_sandbox.drs.simulation import Simulation
from drs_sandbox.drs.state import SourceServer
from drs_sandbox.world import ReplicationState, WorldError

_DURATION = TypeAdapter(timedelta)
_STATES: tuple[ReplicationState, ...] = get_args(ReplicationState)
_KEYS = "replicationState, lag, snapshots, tags.KEY, failbackClient"
Change = Callable[[], None]


def set_server(
    simulation: Simulation, account: str | None, server_id: str, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Makes all changes or none; returns the server as it is then. Raises WorldError."""
    server = _find(simulation, account, server_id)
    for change in [_parse(simulation, server, key, value) for key, value in changes.items()]:
        change()
    return _show(simulation, server)


def _find(simulation: Simulation, account: str | None, server_id: str) -> SourceServer:
    found = [server for server in simulation.servers() if server.id == server_id and account in (None, server.account)]
    if not found:
        where = f" in account {account}" if account else ""
        raise WorldError(f"{server_id}: expected a source server of the world{where}")
    if len(found) > 1:
        places = ", ".join(f"{server.account} {server.region}" for server in found)
        raise WorldError(f"{server_id}: expected an account with it, for it is in {places}")
    return found[0]


def _parse(simulation: Simulation, server: SourceServer, key: str, value: Any) -> Change:
    if not isinstance(value, str):
        raise WorldError(f"{server.id}: {key}: expected text, not {value!r}")
    if key == "replicationState":
        return _set_state(simulation, server, value)
    if key == "lag":
        lag = _duration(server, key, value)
        return lambda: setattr(server.replication, "lag", lag)
    if key == "snapshots":
        ages = [_duration(server, key, age.strip()).total_seconds() for age in value.split(",") if age.strip()]
        clock = simulation.clock
        return lambda: server.replication.points.replace(ages, clock.progress(), clock.timestamp())
    if key.startswith("tags.") and key != "tags.":
        return _set_tag(server, key.removeprefix("tags."), value)
    if key == "failbackClient" and value == "connected":
        return lambda: _connect(simulation, server)
    if key == "failbackClient":
        raise WorldError(f"{server.id}: failbackClient: expected connected, not {value!r}")
    raise WorldError(f"{server.id}: {key}: expected one of {_KEYS}")


def _set_state(simulation: Simulation, server: SourceServer, value: str) -> Change:
    state = next((known for known in _STATES if known == value), None)
    if state is None:
        raise WorldError(f"{server.id}: replicationState: expected one of {', '.join(_STATES)}, not {value!r}")

    def change() -> None:
        set_state(simulation, server.replication, state)
        if state == "STOPPED":  # as StopReplication
            server.replication.points.clear()

    return change


def _set_tag(server: SourceServer, tag: str, value: str) -> Change:
    def change() -> None:
        if value:
            server.tags[tag] = value
        else:
            server.tags.pop(tag, None)

    return change


def _connect(simulation: Simulation, server: SourceServer) -> None:
    if not connect_failback_client(simulation, server):
        raise WorldError(
            f"{server.id}: failbackClient: expected an on-premises server with a recovery instance that is no drill "
            "and does not replicate back yet"
        )


def _duration(server: SourceServer, key: str, text: str) -> timedelta:
    try:
        value = _DURATION.validate_python(text) if text.startswith("P") else None
    except ValidationError:
        value = None
    if value is None:
        raise WorldError(f"{server.id}: {key}: expected an ISO 8601 duration as in PT5M, not {text!r}")
    return value


def _show(simulation: Simulation, server: SourceServer) -> dict[str, Any]:
    clock, points = simulation.clock, server.replication.points
    taken = [point.taken for point in points.all(clock.progress()) if point.taken is not None]
    return {
        "account": server.account,
        "region": server.region,
        "id": server.id,
        "hostname": server.hostname,
        "tags": dict(server.tags),
        "replicationState": server.state,
        "lag": times.duration(server.replication.lag),
        "recoveryPoints": [times.zulu_form(moment) for moment in taken],
    }
