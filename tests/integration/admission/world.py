"""What these tests stand on: users with one permission each, and objects in every state that a policy looks at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drs_operator.api.crd import crd
from drs_operator.api.v1alpha1 import (
    GROUP,
    KINDS,
    DRExecution,
    DRSchedule,
    ProtectionGroup,
    RecoveryPlan,
    Resource,
    TargetAccount,
)
from drs_sandbox.kube.control_plane import ControlPlane
from tests.integration.admission.people import NAMESPACE, Answer, Object, Person
from tests.integration.crds.objects import account, drill, group, plan, schedule
from tests.integration.sandbox.waiting import until

COMMANDS = ("pause", "resume", "cancel", "retry", "skip", "adopt", "terminate-instances", "force-delete")
"""Keys of DRExecution, each its own verb."""
RBAC = "rbac.authorization.k8s.io"
NOON = "2026-01-31T12:00:00Z"
NAMESPACED = ["protectiongroups", "recoveryplans", "drexecutions", "drschedules"]
ORDINARY: Object = {
    "apiGroups": [GROUP],
    "resources": NAMESPACED,
    "verbs": ["get", "create", "update", "patch", "delete"],
}
"""What every user of these tests has: Kubernetes' own verbs, and none of ours."""


def verbs(resource: str, *names: str, only: str | None = None) -> Object:
    """A rule with verbs of ours, of all objects or of one."""
    rule: Object = {"apiGroups": [GROUP], "resources": [resource], "verbs": list(names)}
    return rule | ({"resourceNames": [only]} if only else {})


USERS: dict[str, list[Object]] = {
    "ordinary": [],
    "drill": [verbs("recoveryplans", "drill")],
    "drill-idle": [verbs("recoveryplans", "drill", only="idle")],
    "recover": [verbs("recoveryplans", "recover")],
    "recover-replace": [verbs("recoveryplans", "recover", "replace")],
    "use": [verbs("targetaccounts", "use")],
    "use-production": [verbs("targetaccounts", "use", only="production")],
    "release": [verbs("protectiongroups", "release")],
    "answer": [verbs("drexecutions", "answer"), verbs("protectiongroups", "answer")],
    "pause-cancel": [verbs("drexecutions", "pause", "cancel")],
    "cancel-running": [verbs("drexecutions", "cancel", only="running")],
    **{command: [verbs("drexecutions", command)] for command in COMMANDS},
}
"""In namespace `dr`, each bound with a RoleBinding there."""
ACCOUNT_DELETER = "account-deleter"

ACTIVE = [{"name": "running", "executionId": "exec-1", "type": "DRILL", "phase": "Running"}]
ACCOUNTS: dict[str, Object | None] = {"production": {"usedByCount": 2}, "free": {"usedByCount": 0}, "unseen": None}
GROUPS: dict[str, Object | None] = {
    "in-plan": {"usedByPlans": ["production"]},
    "in-run": {"activeExecutions": ["running"]},
    "free": {"usedByPlans": [], "activeExecutions": []},
    "unseen": None,
}
PLANS: dict[str, Object | None] = {"production": {"activeExecutions": ACTIVE}, "idle": {"activeExecutions": []}}
EXECUTIONS: dict[str, Object | None] = {
    "unseen": None,
    "pending": {"phase": "Pending"},
    "validating": {"phase": "Validating"},
    "running": {"phase": "Running"},
    "paused": {"phase": "Paused"},
    "of-a-newer-version": {"phase": "Hibernating"},
    "completed": {"phase": "Completed", "finishTime": NOON},
    "failed": {"phase": "Failed", "finishTime": NOON},
    "ended-in-a-newer-version": {"phase": "Evaporated", "finishTime": NOON},
}
"""By name, with their status; None: the operator has not seen it."""


def crds() -> list[Object]:
    """The CRDs without NOT_AVAILABLE and with a mutable account reference: behind these rules no policy is reached."""
    documents = [crd(kind, lift_not_available=True) for kind in KINDS]
    for document in documents:
        if document["spec"]["names"]["kind"] == "ProtectionGroup":
            spec = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
            del spec["properties"]["targetAccountRef"]["x-kubernetes-validations"]
    return documents


def await_stamping(server: ControlPlane) -> None:
    """Returns when new executions are stamped: policies that change objects learn of new types every 10 seconds."""
    admin = Person(server, namespace="default")

    def stamped() -> bool:
        answer = admin.create(DRExecution, "probe", drill())
        return answer.accepted and f"{GROUP}/requested-by" in answer.annotations

    until(stamped, "new executions are stamped", seconds=30)


def populate(server: ControlPlane) -> None:
    """Creates the namespace, the users and the objects; returns when the users have their permissions."""
    await_stamping(server)
    admin = Person(server)
    _must(admin.request("POST", "/api/v1/namespaces", _named("v1", "Namespace", NAMESPACE), keep=True))
    for user, rules in USERS.items():
        grant(server, user, [ORDINARY, *rules])
    grant(server, ACCOUNT_DELETER, [verbs("targetaccounts", "delete")], namespace=None)
    _fill(admin, TargetAccount, ACCOUNTS, account())
    _fill(admin, ProtectionGroup, GROUPS, group())
    _fill(admin, RecoveryPlan, PLANS, plan())
    _fill(admin, DRExecution, EXECUTIONS, drill())
    _fill(admin, DRSchedule, {"weekly": None}, schedule())


def _fill(admin: Person, kind: type[Resource], objects: dict[str, Object | None], spec: Object) -> None:
    for name, status in objects.items():
        _must(admin.create(kind, name, spec, keep=True))
        if status is not None:
            _must(admin.patch(kind, name, {"status": status}, keep=True, sub="status"))


def grant(server: ControlPlane, user: str, rules: list[Object], namespace: str | None = NAMESPACE) -> None:
    """Gives a user these rules in a namespace, None: in the cluster. Returns when they count."""
    admin = Person(server)
    prefix = "" if namespace else "Cluster"
    root = f"/apis/{RBAC}/v1" + (f"/namespaces/{namespace}" if namespace else "")
    role = {**_named(f"{RBAC}/v1", f"{prefix}Role", user), "rules": rules}
    _must(admin.request("POST", f"{root}/{prefix.lower()}roles", role, keep=True))
    bind(server, user, f"{prefix}Role", user, namespace)
    last = rules[-1]
    only = last.get("resourceNames", [""])[0]
    person = Person(server, user)
    until(lambda: person.may(last["verbs"][-1], last["resources"][-1], only, namespace), f"permissions of {user}")


def bind(server: ControlPlane, user: str, kind: str, role: str, namespace: str | None) -> None:
    """Binds a role to a user."""
    prefix = "" if namespace else "Cluster"
    root = f"/apis/{RBAC}/v1" + (f"/namespaces/{namespace}" if namespace else "")
    binding = {
        **_named(f"{RBAC}/v1", f"{prefix}RoleBinding", user),
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": role},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": user}],
    }
    _must(Person(server).request("POST", f"{root}/{prefix.lower()}rolebindings", binding, keep=True))


def probes(server: ControlPlane) -> dict[str, Callable[[], bool]]:
    """By policy: whether it is enforced, which it is a moment after it was stored."""
    admin, nobody = Person(server), Person(server, "ordinary")
    command, release = {f"{GROUP}/cancel": ""}, {f"{GROUP}/release-servers": ""}

    def says(policy: str, ask: Callable[[], Answer]) -> Callable[[], bool]:
        def told() -> bool:
            answer = ask()
            return policy in answer.message or any(policy in warning for warning in answer.warnings)

        return told

    asked: dict[str, Callable[[], Answer]] = {
        "targetaccount-deletion": lambda: admin.delete(TargetAccount, "production"),
        "protectiongroup-deletion": lambda: admin.delete(ProtectionGroup, "in-plan"),
        "recoveryplan-deletion": lambda: admin.delete(RecoveryPlan, "production"),
        "drexecution-deletion": lambda: admin.delete(DRExecution, "running"),
        "protectiongroup-edit": lambda: admin.edit(ProtectionGroup, "in-run", {"description": "probe"}),
        "recoveryplan-edit": lambda: admin.edit(RecoveryPlan, "production", {"description": "probe"}),
        "drexecution-verbs": lambda: nobody.create(DRExecution, "probe", drill()),
        "drschedule-verbs": lambda: nobody.create(DRSchedule, "probe", schedule()),
        "protectiongroup-verbs": lambda: nobody.create(ProtectionGroup, "probe", group()),
        "drexecution-commands": lambda: admin.create(DRExecution, "probe", drill(), annotations=command),
        "protectiongroup-commands": lambda: admin.create(ProtectionGroup, "probe", group(), annotations=release),
    }
    return {name: says(f"{name}.{GROUP}", ask) for name, ask in asked.items()}


def stamping(server: ControlPlane) -> tuple[bool, bool]:
    """Whether requests are stamped now: creations, and commands."""
    admin = Person(server)
    made = admin.create(DRExecution, "probe", drill()).annotations
    asked = admin.annotate(DRExecution, "running", {f"{GROUP}/pause": "probe"}).annotations
    return f"{GROUP}/requested-by" in made, f"requested-by.{GROUP}/pause" in asked


def _named(version: str, kind: str, name: str) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}


def _must(answer: Answer) -> dict[str, Any]:
    assert answer.accepted, answer.message
    return answer.body
