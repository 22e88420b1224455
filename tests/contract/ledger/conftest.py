"""A real DynamoDB for ledgers: DynamoDB Local behind the simulated AWS, whose faults can break every call.

Where DynamoDB Local cannot be had (no Maven), moto's DynamoDB answers instead.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from drs_sandbox.dynamodb import DynamoDbLocal
from drs_sandbox.processes import Processes
from drs_sandbox.toolchain.java import dynamodb_program
from drs_sandbox.toolchain.lookup import Toolchain
from tests.contract.ledger.opened import InDynamo, InMemory, Opened
from tests.contract.ledger.setting import REGION, WORLD, Setting
from tests.contract.simulated_aws import HUB_CREDENTIALS, SimulatedAws

_PREFIXES = (f"t{number:04d}" for number in itertools.count(1))


@pytest.fixture(scope="session")
def dynamodb_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of DynamoDB Local; empty where there is none."""
    program = dynamodb_program(Toolchain())
    if program is None:
        yield ""
        return
    folder = tmp_path_factory.mktemp("dynamodb")
    with Processes(folder / "logs") as processes:
        local = DynamoDbLocal(program, processes, folder / "native")
        local.await_ready()
        yield local.url


@pytest.fixture(scope="session")
def ledger_aws(dynamodb_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedAws]:
    """The simulated AWS in front of it."""
    server = SimulatedAws(WORLD, tmp_path_factory.mktemp("ledger-aws"), dynamodb_endpoint=dynamodb_endpoint)
    yield server
    server.stop()


@pytest.fixture
def aws(ledger_aws: SimulatedAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedAws]:
    """The simulated AWS, which the environment points to; afterwards without faults."""
    variables = {
        "AWS_ENDPOINT_URL": ledger_aws.endpoint,
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": "none",
        "AWS_SHARED_CREDENTIALS_FILE": "none",
        **{name.upper(): value for name, value in HUB_CREDENTIALS.items()},
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    yield ledger_aws
    ledger_aws.clear()


@pytest.fixture
def bare(aws: SimulatedAws) -> Iterator[Setting]:
    """A prefix that nobody has used yet."""
    setting = Setting(aws, next(_PREFIXES))
    yield setting
    setting.close()


@pytest.fixture
def fresh(bare: Setting) -> Setting:
    """Tables of the test's own."""
    bare.make()
    return bare


@pytest.fixture(scope="session")
def _shared() -> Iterator[list[Setting]]:
    made: list[Setting] = []
    yield made
    for setting in made:
        setting.close()


@pytest.fixture
def setting(aws: SimulatedAws, _shared: list[Setting]) -> Setting:
    """Tables that tests share, each with ids of its own (`setting.new`)."""
    if not _shared:
        _shared.append(Setting(aws, next(_PREFIXES)))
        _shared[0].make()
    return _shared[0]


@pytest.fixture(params=[InMemory, InDynamo], ids=["memory", "dynamodb"])
def opened(setting: Setting, request: pytest.FixtureRequest) -> Opened:
    """A ledger, once in memory and once in DynamoDB."""
    opened: Opened = request.param(setting)
    return opened
