"""A namespace that is deleted goes to its end, with everything in it in use, and without an operator."""

from __future__ import annotations

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan
from drs_sandbox.kube.control_plane import ControlPlane
from tests.integration.admission.people import Person
from tests.integration.crds.objects import drill, group, plan
from tests.integration.sandbox.waiting import until


def test_a_run_holds_its_namespace_until_its_end_and_everything_else_goes(server: ControlPlane) -> None:
    server.kubectl("create", "namespace", "doomed")
    admin = Person(server, namespace="doomed")
    assert admin.create(ProtectionGroup, "used", group(), keep=True).accepted
    assert admin.create(RecoveryPlan, "run", plan(), keep=True).accepted
    assert admin.create(DRExecution, "running", drill(), keep=True, finalizers=["drs-operator.io/operator"]).accepted
    statuses = (
        (ProtectionGroup, "used", {"usedByPlans": ["run"], "activeExecutions": ["running"]}),
        (RecoveryPlan, "run", {"activeExecutions": [{"name": "running"}]}),
        (DRExecution, "running", {"phase": "Running"}),
    )
    for kind, name, status in statuses:
        assert admin.patch(kind, name, {"status": status}, keep=True, sub="status").accepted
        assert admin.delete(kind, name).status == 403, "in use as long as the namespace stays"

    server.kubectl("delete", "namespace", "doomed", "--wait=false")
    until(lambda: admin.get(ProtectionGroup, "used").status == 404, "the group is gone")
    until(lambda: admin.get(RecoveryPlan, "run").status == 404, "the plan is gone")
    until(lambda: "deletionTimestamp" in admin.get(DRExecution, "running").body["metadata"], "the run is to go, too")
    assert admin.annotate(DRExecution, "running", {"drs-operator.io/cancel": "now"}, keep=True).message == ""
    assert admin.patch(DRExecution, "running", {"status": {"phase": "Cancelled"}}, keep=True, sub="status").accepted

    assert admin.patch(DRExecution, "running", {"metadata": {"finalizers": None}}, keep=True).message == ""
    server.kubectl("wait", "--for=delete", "namespace/doomed", "--timeout=60s")
