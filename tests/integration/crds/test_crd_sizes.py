"""The largest objects pass every rule on the real API server, within its cost budget, and come back whole."""

import pytest

from drs_operator.api.v1alpha1 import Resource
from tests.integration.crds.cluster import Cluster
from tests.unit.api.largest import LARGEST


@pytest.mark.parametrize("kind", LARGEST, ids=lambda kind: str(kind.definition.kind))
def test_largest_object(cluster: Cluster, kind: type[Resource]) -> None:
    name = kind.definition.kind
    wanted = LARGEST[kind]()
    created = cluster.create(name, wanted["spec"], lifted=True, dry_run=False)
    try:
        stored = cluster.change_status(name, "test", wanted["status"], lifted=True)
        read = kind.model_validate({**stored, "apiVersion": "drs-operator.io/v1alpha1"})
    finally:
        cluster.delete(name, "test", lifted=True)

    assert created["spec"] == wanted["spec"]
    assert stored["status"] == wanted["status"]
    assert read.status.to_json() == wanted["status"]
