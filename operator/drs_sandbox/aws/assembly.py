"""Puts the simulated AWS together from a world."""

from __future__ import annotations

from pathlib import Path

from drs_sandbox.aws.admission import Admission
from drs_sandbox.aws.calls import CallLog
from drs_sandbox.aws.control import Control
from drs_sandbox.aws.door import Door, Services
from drs_sandbox.aws.dynamodb import DynamoDb
from drs_sandbox.aws.ec2 import MotoEc2
from drs_sandbox.aws.faults import FaultBook
from drs_sandbox.aws.mends import mend_moto
from drs_sandbox.aws.moto_services import MotoServices, find_access_key, find_role
from drs_sandbox.aws.server import AwsServer
from drs_sandbox.aws.service_quotas import ServiceQuotas
from drs_sandbox.aws.sessions import Sessions
from drs_sandbox.aws.sts import Sts
from drs_sandbox.aws.world_loader import load_into_moto
from drs_sandbox.clock import Clock
from drs_sandbox.drs.service import DrsService
from drs_sandbox.world import World


def build_server(
    world: World,
    *,
    speed: float,
    signature_ttl_seconds: float,
    dynamodb_endpoint: str | None,
    state: Path,
) -> AwsServer:
    """A server that is bound and ready to serve the world.

    moto's state is this process's, so one process has one such server.
    """
    clock = Clock(speed)
    faults = FaultBook(world.faults)
    mend_moto(clock)
    load_into_moto(world)
    state.mkdir(parents=True, exist_ok=True)
    calls = CallLog(clock, state / "calls.jsonl")
    with calls.muted():
        drs = DrsService(world, clock, MotoEc2(calls), faults)
    sessions = Sessions(clock, world.hub_account, find_access_key)
    services = Services(
        drs=drs,
        sts=Sts(sessions, find_role),
        quotas=ServiceQuotas(world),
        moto=MotoServices(),
        dynamodb=DynamoDb(dynamodb_endpoint, clock) if dynamodb_endpoint else None,
    )
    admission = Admission(sessions, drs, signature_ttl_seconds)
    door = Door(clock, admission, sessions, faults, calls, services)
    return AwsServer(clock, door, Control(clock, faults, calls, drs))
