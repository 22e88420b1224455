"""The simulated DRS as the HTTP server and the control commands see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drs_sandbox.clock import Clock
from drs_sandbox.drs.adjusting import set_server
from drs_sandbox.drs.building import build
from drs_sandbox.drs.errors import uninitialized, validation_error
from drs_sandbox.drs.operations import OPERATIONS, WITHOUT_INITIALIZATION
from drs_sandbox.drs.ports import Ec2Port, FaultPort
from drs_sandbox.drs.simulation import Call, Simulation
from drs_sandbox.drs.validation import parse_request, service_model
from drs_sandbox.world import World


class DrsService:
    """DRS in all accounts and Regions of a world.

    Everything is called under `clock.lock`, after `clock.run_due()`. The launch templates of the world's source servers
    are made in EC2 at once, so its accounts must be there.
    """

    def __init__(self, world: World, clock: Clock, ec2: Ec2Port, faults: FaultPort) -> None:
        self._simulation = Simulation(clock, ec2, faults)
        build(self._simulation, world)

    def route(
        self, method: str, path: str, query: Mapping[str, str | Sequence[str]], body: bytes
    ) -> tuple[str, dict[str, Any]]:
        """Operation and parameters of a request; `path` may be percent-encoded.

        Raises DrsError, a ValidationException, for what the service model does not allow.
        """
        return parse_request(method, path, query, body)

    def call(
        self,
        account: str,
        region: str,
        principal: str,
        operation: str,
        parameters: Mapping[str, Any],
        hide_job_seconds: float | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """HTTP status and body of an operation's answer. Raises DrsError.

        `hide_job_seconds`: for how much progress nobody sees the job that this call starts, although it runs.
        """
        state = self._simulation.region(account, region)
        function = OPERATIONS.get(operation)
        if function is None:
            raise validation_error(
                f"The sandbox does not simulate {operation} of DRS. It does: {', '.join(sorted(OPERATIONS))}",
                reason="unknownOperation",
            )
        if not state.initialized and operation not in WITHOUT_INITIALIZATION:
            raise uninitialized(account, region)
        body = function(Call(self._simulation, state, principal, operation, parameters, hide_job_seconds or 0.0))
        return service_model().operation_model(operation).http["responseCode"], body

    def set_server(self, account: str | None, server_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Changes a source server and returns it as it is then.

        Keys: `replicationState`, `lag` (`PT1S`), `snapshots` (`PT5M,PT1H`; empty: none), `tags.KEY` (empty: removed),
        `failbackClient` (`connected`: the server at home starts to replicate back from its recovery instance).
        Without an account the id must be there once. Raises WorldError.
        """
        return set_server(self._simulation, account, server_id, changes)

    def release_stuck(self) -> None:
        """Lets everything that a `stuck` fault holds go on."""
        self._simulation.release_stuck()
