"""One simulated AWS for all tests of the AWS adapter, with no fault left over from one test to the next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drs_operator.aws.sessions import Sessions
from tests.contract.operator_aws.setting import EAST, ONE, READ, WEST, WORLD, Setting
from tests.contract.simulated_aws import HUB_CREDENTIALS, SimulatedAws


@pytest.fixture(scope="session")
def operator_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedAws]:
    """The process of the simulated AWS, with the environment that an operator there has."""
    server = SimulatedAws(WORLD, tmp_path_factory.mktemp("operator-aws"))
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _environment(operator_aws: SimulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "AWS_ENDPOINT_URL": operator_aws.endpoint,
        "AWS_REGION": EAST,
        "AWS_CONFIG_FILE": "none",
        "AWS_SHARED_CREDENTIALS_FILE": "none",
        "AWS_EC2_METADATA_DISABLED": "true",
        **{name.upper(): value for name, value in HUB_CREDENTIALS.items()},
    }
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def _shared_sessions() -> Iterator[list[Sessions]]:
    made: list[Sessions] = []
    yield made
    for sessions in made:
        sessions.close()


@pytest.fixture
def setting(operator_aws: SimulatedAws, _environment: None, _shared_sessions: list[Sessions]) -> Iterator[Setting]:
    """The simulated AWS at speed 1; sessions that are shared until a test wants its own."""
    operator_aws.renew_sessions()
    operator_aws.client("sts", ONE, WEST)  # a person's session is made before the test begins to count calls
    if not _shared_sessions:
        _shared_sessions.append(Sessions(READ))
    made = Setting(operator_aws, _shared_sessions[0])
    yield made
    made.close()
    operator_aws.clear()
    operator_aws.set_speed(1)
