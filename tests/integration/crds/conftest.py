"""One API server for all CRD tests of a session."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.crds.cluster import Cluster
from tests.integration.crds.control_plane import ApiServer, running_api_server


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A real API server; KUBEBUILDER_ASSETS names the folder of etcd, kube-apiserver and kubectl."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if not assets:
        pytest.fail("set KUBEBUILDER_ASSETS to the folder that holds etcd, kube-apiserver and kubectl")
    with running_api_server(Path(assets), tmp_path_factory.mktemp("control-plane")) as server:
        yield server


@pytest.fixture(scope="session")
def cluster(api_server: ApiServer) -> Cluster:
    """The API server with our CRDs, as they are and with the NOT_AVAILABLE rules lifted."""
    cluster = Cluster(api_server)
    cluster.install()
    return cluster
