"""One API server for all CRD tests of a session."""

from collections.abc import Iterator

import pytest

from drs_sandbox.kube.control_plane import ControlPlane
from tests.integration.crds.cluster import Cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An API server of its own with our CRDs, as they are and with the NOT_AVAILABLE rules lifted."""
    with ControlPlane(tmp_path_factory.mktemp("crds"), controllers=False) as server:
        cluster = Cluster(server)
        cluster.install()
        yield cluster
