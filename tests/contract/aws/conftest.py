"""One simulated AWS for a module, with nothing left of faults and speed between two tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.aws.worlds import world
from tests.contract.simulated_aws import AwsServer, SimulatedAws


@pytest.fixture(scope="module")
def shared_aws(aws_server: AwsServer) -> SimulatedAws:
    """The process that the tests of a module share."""
    return aws_server(world())


@pytest.fixture
def aws(shared_aws: SimulatedAws) -> Iterator[SimulatedAws]:
    """The shared process; afterwards without faults, at speed 1, with sessions that last."""
    yield shared_aws
    shared_aws.clear()
    shared_aws.set_speed(1)
    shared_aws.renew_sessions()
