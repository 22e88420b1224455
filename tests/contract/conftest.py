"""`aws_server(world, **options)`: starts a process of the simulated AWS that ends with the test module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.contract.simulated_aws import AwsServer as AwsServer
from tests.contract.simulated_aws import SimulatedAws


@pytest.fixture(scope="module")
def aws_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsServer]:
    """Options: speed, signature_ttl, dynamodb_endpoint. Every call starts a process of its own."""
    with ExitStack() as running:

        def start(world: str | dict[str, Any], **options: Any) -> SimulatedAws:
            server = SimulatedAws(world, tmp_path_factory.mktemp("aws"), **options)
            running.callback(server.stop)
            return server

        yield start
