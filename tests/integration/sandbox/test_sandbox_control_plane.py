"""The control plane with the real programs."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from drs_sandbox.errors import SandboxError
from drs_sandbox.kube import ControlPlane, OperatorAccess, operator_kubeconfig
from tests.integration.sandbox.waiting import processes_of, refused, until

READER = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: drs-system}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: drs-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: drs-operator, namespace: drs-system}]
"""


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("control-plane")
    with ControlPlane(folder, audit_log=folder / "audit.log") as running:
        yield running


@pytest.fixture(scope="module")
def operator(control_plane: ControlPlane) -> Path:
    """The operator's kubeconfig."""
    control_plane.kubectl("create", "namespace", "drs-system")
    control_plane.kubectl("-n", "drs-system", "create", "serviceaccount", "drs-operator")
    return operator_kubeconfig(control_plane, control_plane.directory / "operator")


def test_version_is_the_pinned_one(control_plane: ControlPlane) -> None:
    versions = json.loads(control_plane.kubectl("version", "-o", "json").stdout)
    assert versions["serverVersion"]["gitVersion"].startswith("v1.36.")
    assert versions["serverVersion"]["minor"] == "36"


def test_namespace_goes_away_with_what_is_in_it(control_plane: ControlPlane) -> None:
    control_plane.kubectl("create", "namespace", "doomed")
    control_plane.kubectl("-n", "doomed", "create", "configmap", "inside")
    control_plane.kubectl("delete", "namespace", "doomed", "--timeout=60s")
    assert "NotFound" in control_plane.kubectl("get", "namespace", "doomed", check=False).stderr


def test_what_an_object_owns_goes_with_it(control_plane: ControlPlane) -> None:
    owner = json.loads(control_plane.kubectl("create", "configmap", "owner", "-o", "json").stdout)
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    owned = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "owned", "namespace": "default", "ownerReferences": [reference]},
    }
    control_plane.kubectl("create", "-f", "-", stdin=json.dumps(owned))
    control_plane.kubectl("delete", "configmap", "owner")
    control_plane.kubectl("wait", "--for=delete", "configmap/owned", "--timeout=60s")


def test_service_account_may_do_what_its_role_says_and_no_more(control_plane: ControlPlane, operator: Path) -> None:
    before = control_plane.kubectl("-n", "drs-system", "get", "configmaps", kubeconfig=operator, check=False)
    assert 'cannot list resource "configmaps"' in before.stderr
    control_plane.kubectl("apply", "-f", "-", stdin=READER)
    control_plane.kubectl("-n", "drs-system", "get", "configmaps", kubeconfig=operator)
    secrets = control_plane.kubectl("-n", "drs-system", "get", "secrets", kubeconfig=operator, check=False)
    assert 'cannot list resource "secrets"' in secrets.stderr


def test_tokens_are_given_on_request(control_plane: ControlPlane, operator: Path) -> None:
    token = control_plane.kubectl("-n", "drs-system", "create", "token", "drs-operator").stdout.strip()
    who = control_plane.kubectl("auth", "whoami", "-o", "json", f"--token={token}", kubeconfig=operator)
    assert json.loads(who.stdout)["status"]["userInfo"]["username"] == "system:serviceaccount:drs-system:drs-operator"


def test_without_a_credential_nobody_gets_in(control_plane: ControlPlane, tmp_path: Path) -> None:
    config = control_plane.kubeconfig.read_text().replace(control_plane.token, "another")
    stranger = tmp_path / "stranger"
    stranger.write_text(config)
    assert "You must be logged in" in control_plane.kubectl("get", "ns", kubeconfig=stranger, check=False).stderr


def test_aggregated_roles_have_rules(control_plane: ControlPlane) -> None:
    until(
        lambda: bool(json.loads(control_plane.kubectl("get", "clusterrole", "view", "-o", "json").stdout).get("rules")),
        "rules of ClusterRole view",
    )


def test_requests_are_counted_and_audited(control_plane: ControlPlane) -> None:
    control_plane.kubectl("create", "configmap", "audited")
    assert 'apiserver_request_total{code="201"' in control_plane.metrics()
    assert control_plane.audit_log is not None
    lines = [json.loads(line) for line in control_plane.audit_log.read_text().splitlines()]
    mine = [line for line in lines if line.get("objectRef", {}).get("name") == "audited"]
    assert [(line["verb"], line["user"]["username"], line["level"]) for line in mine] == [
        ("create", "drs-sandbox-admin", "Metadata")
    ]


def test_keys_and_tokens_are_their_owners_alone(control_plane: ControlPlane) -> None:
    secret = [*(control_plane.directory / "kube").glob("*.key"), control_plane.directory / "kube" / "tokens.csv"]
    for path in [*secret, control_plane.kubeconfig]:
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize("kill", [False, True])
def test_api_server_comes_back_as_it_was(control_plane: ControlPlane, kill: bool) -> None:
    name = f"kept-{kill}".lower()
    control_plane.kubectl("create", "configmap", name)
    url = control_plane.url
    control_plane.stop_apiserver(kill=kill)
    assert refused(url)
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", int(url.rpartition(":")[2])))
    control_plane.start_apiserver()
    assert control_plane.url == url
    control_plane.kubectl("get", "configmap", name)


def test_the_cluster_goes_back_to_what_was_saved(control_plane: ControlPlane, tmp_path: Path) -> None:
    def version() -> int:
        listed = control_plane.api.request("GET", "/api/v1/namespaces/default/configmaps")
        return int(listed["metadata"]["resourceVersion"])

    control_plane.kubectl("create", "configmap", "before")
    control_plane.save_etcd(tmp_path / "saved")
    control_plane.kubectl("create", "configmap", "after")
    later = version()
    control_plane.restore_etcd(tmp_path / "saved")
    control_plane.kubectl("get", "configmap", "before")
    assert version() < later, "versions go back"
    assert "NotFound" in control_plane.kubectl("get", "configmap", "after", check=False).stderr


def test_operators_access_follows_its_service_account(control_plane: ControlPlane, operator: Path) -> None:
    path = control_plane.directory / "followed"
    access = OperatorAccess(control_plane, path)
    access.start()
    until(path.exists, "the kubeconfig of an account that is there")
    first = path.read_text()
    control_plane.kubectl("-n", "drs-system", "delete", "serviceaccount", "drs-operator")
    until(lambda: not path.exists(), "its end with the account")
    control_plane.stop_apiserver()
    control_plane.start_apiserver()
    control_plane.kubectl("-n", "drs-system", "create", "serviceaccount", "drs-operator")
    until(path.exists, "a new one for the new account, after an outage")
    assert path.read_text() != first
    who = control_plane.kubectl("auth", "whoami", kubeconfig=path)
    assert "drs-operator" in who.stdout
    access.stop()


def test_operators_access_needs_the_account(control_plane: ControlPlane, tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="NotFound"):
        operator_kubeconfig(control_plane, tmp_path / "none", name="nobody")
    assert list(tmp_path.iterdir()) == []


def test_kubectls_words_are_in_its_error(control_plane: ControlPlane) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        control_plane.kubectl("get", "nonsense")
    assert "doesn't have a resource type" in caught.value.__notes__[0]


def test_nothing_is_left_of_one_that_ended(tmp_path: Path) -> None:
    with ControlPlane(tmp_path, controllers=False) as control_plane:
        url = control_plane.url
        assert len(processes_of(tmp_path)) == 2
    assert processes_of(tmp_path) == []
    assert refused(url)
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_failed_start_leaves_nothing_and_shows_the_log(tmp_path: Path) -> None:
    control_plane = ControlPlane(tmp_path, apiserver_flags=["--no-such-flag"])
    with pytest.raises(SandboxError, match="unknown flag: --no-such-flag") as caught:
        control_plane.start()
    assert caught.value.code == "ProcessEnded"
    assert processes_of(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_program_that_is_missing_stops_the_start_before_anything_runs(tmp_path: Path) -> None:
    def find(names: object) -> dict[str, Path]:
        raise SandboxError("ToolsMissing", "there are no pinned tools", "Run it from a checkout.")

    with pytest.raises(SandboxError, match="ToolsMissing"):
        ControlPlane(tmp_path, find_tools=find).start()
    assert list(tmp_path.iterdir()) == []
