"""One real API server for a session: our CRDs and `manifests/install` are applied, the operator has its own way in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drs_sandbox.kube.control_plane import ControlPlane
from drs_sandbox.kube.operator_access import operator_kubeconfig
from tests.integration.admission.world import await_stamping

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """etcd, kube-apiserver and kube-controller-manager, set up as a cluster admin would before the operator starts."""
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as running:
        running.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        running.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
        running.kubectl("apply", "-k", str(ROOT / "manifests" / "install"))
        await_stamping(running)
        yield running


@pytest.fixture(scope="session")
def operator_config(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig of ServiceAccount drs-operator: what the installed role does not allow is refused."""
    return operator_kubeconfig(control_plane, tmp_path_factory.mktemp("operator") / "kubeconfig")
