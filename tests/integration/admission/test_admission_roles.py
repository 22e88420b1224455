"""The roles that are shipped: who may do what, and what nobody gets with them."""

from __future__ import annotations

import pytest
import yaml

from drs_sandbox.kube.control_plane import ControlPlane
from tests.integration.admission.conftest import INSTALL
from tests.integration.admission.people import NAMESPACE, Person
from tests.integration.admission.world import COMMANDS, bind
from tests.integration.sandbox.waiting import until

LEADING = [command for command in COMMANDS if command != "force-delete"]
KINDS = ("protectiongroups", "recoveryplans", "drexecutions", "drschedules")
EVERYTHING = {
    *((verb, kind) for verb in ("get", "list", "watch", "create", "update", "patch", "delete") for kind in KINDS),
    *((verb, "recoveryplans") for verb in ("drill", "recover", "replace")),
    *((command, "drexecutions") for command in (*COMMANDS, "answer")),
    *((verb, "protectiongroups") for verb in ("release", "answer")),
    *((verb, f"{kind}/status") for verb in ("update", "patch") for kind in KINDS),
    *((verb, "targetaccounts") for verb in ("get", "list", "create", "update", "patch", "delete", "use")),
    ("patch", "targetaccounts/status"),
}


def _all(verbs: list[str], *kinds: str) -> set[tuple[str, str]]:
    return {(verb, kind) for verb in verbs for kind in kinds}


READING = _all(["get", "list", "watch"], *KINDS)
WRITING = ["create", "update", "patch", "delete"]
EDITING = READING | _all(WRITING, "protectiongroups", "recoveryplans") | {("release", "protectiongroups")}
DRILLING = READING | _all(WRITING, "drexecutions", "drschedules") | _all(LEADING, "drexecutions")
DRILLING |= {("drill", "recoveryplans")}
RESPONDING = DRILLING | {("recover", "recoveryplans")}
ACCOUNTS = _all(["get", "list", *WRITING, "use"], "targetaccounts") | _all(["get", "list", "watch"], "protectiongroups")
ROLES: dict[str, set[tuple[str, str]]] = {
    "drs-operator-viewer": READING,
    "drs-operator-editor": EDITING,
    "drs-operator-drill-operator": DRILLING,
    "drs-operator-responder": RESPONDING,
    "drs-operator-account-user": {("use", "targetaccounts")},
    "drs-operator-account-admin": ACCOUNTS,
    "view": READING,
    "edit": EDITING,
    "admin": EDITING,
}
"""By role, Kubernetes' own too: all that it allows of ours. Only the last of ours is meant for the whole cluster."""


@pytest.mark.parametrize("role", ROLES)
def test_a_role_allows_this_and_nothing_else(server: ControlPlane, role: str) -> None:
    person, namespace = Person(server, f"bound-{role}"), None if role == "drs-operator-account-admin" else NAMESPACE
    bind(server, f"bound-{role}", "ClusterRole", role, namespace)
    expected = ROLES[role]
    verb, resource = max(expected)
    until(lambda: person.may(verb, resource, namespace=namespace), f"{role} counts")
    if role in ("view", "edit", "admin"):
        until(lambda: person.may("get", "drschedules"), f"{role} has taken in ours")
    if expected >= EDITING:
        until(lambda: person.may("release", "protectiongroups") or role in ROLES, f"{role} has taken in ours")
    allowed = {(verb, kind) for verb, kind in EVERYTHING if person.may(verb, kind, namespace=namespace)}
    assert allowed == expected


def test_no_shipped_role_reaches_further_than_it_says() -> None:
    for file in sorted((INSTALL / "roles").glob("*.yaml")):
        document = yaml.safe_load(file.read_text())
        for rule in document.get("rules", []):
            assert rule["apiGroups"] == ["drs-operator.io"], file.name
            assert all("/" not in kind and kind != "*" for kind in rule["resources"]), file.name
            assert not {"*", "answer", "force-delete", "replace", "escalate", "bind"} & set(rule["verbs"]), file.name


def test_nobody_grants_a_verb_that_he_does_not_hold(server: ControlPlane) -> None:
    """A namespace's administrator writes Roles there, but cannot make a responder of himself."""
    bind(server, "namespace-admin", "ClusterRole", "admin", NAMESPACE)
    until(lambda: Person(server, "namespace-admin").may("get", "drschedules"), "admin counts")
    arguments = ("-n", NAMESPACE, "--dry-run=server", "--as=namespace-admin")
    refused = server.kubectl(
        "create",
        "rolebinding",
        "me",
        "--clusterrole=drs-operator-responder",
        "--user=namespace-admin",
        *arguments,
        check=False,
    )
    assert "attempting to grant RBAC permissions not currently held" in refused.stderr
    accepted = server.kubectl(
        "create",
        "rolebinding",
        "colleague",
        "--clusterrole=drs-operator-editor",
        "--user=colleague",
        *arguments,
        check=False,
    )
    assert accepted.returncode == 0, accepted.stderr
