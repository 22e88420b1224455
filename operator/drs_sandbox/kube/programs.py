"""The command lines of etcd, kube-apiserver and kube-controller-manager."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from drs_sandbox.kube.credentials import Credentials
from drs_sandbox.ports import LOOPBACK

# Those that an API without nodes needs: what is deleted goes away with what it owns, namespaces get their
# ServiceAccount, aggregated roles (view, edit, admin) get their rules, admission policies their type check.
CONTROLLERS = (
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "clusterrole-aggregation-controller",
    "validatingadmissionpolicy-status-controller",
)
ISSUER = "https://kubernetes.default.svc"
AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
"""


def etcd(program: Path, *, data: Path, client_port: int, peer_port: int) -> list[str]:
    client, peer = f"http://{LOOPBACK}:{client_port}", f"http://{LOOPBACK}:{peer_port}"
    return [
        str(program),
        "--name=drs-sandbox",
        f"--data-dir={data}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=drs-sandbox={peer}",
        "--socket-reuse-port",
        "--unsafe-no-fsync",  # it lives as long as the sandbox: nothing to save from a power cut
        "--log-level=warn",
    ]


def kube_apiserver(
    program: Path,
    *,
    credentials: Credentials,
    directory: Path,
    port: int,
    etcd_port: int,
    audit_log: Path | None,
    extra_flags: Sequence[str],
) -> list[str]:
    flags = [
        f"--etcd-servers=http://{LOOPBACK}:{etcd_port}",
        f"--bind-address={LOOPBACK}",
        f"--advertise-address={LOOPBACK}",
        f"--secure-port={port}",
        "--permit-port-sharing=true",
        f"--cert-dir={directory}",
        f"--tls-cert-file={credentials.certificate}",
        f"--tls-private-key-file={credentials.key}",
        f"--token-auth-file={credentials.token_file}",
        "--authorization-mode=RBAC",
        "--allow-privileged=true",
        "--disable-admission-plugins=ServiceAccount",  # no pod runs here, so none needs a token put into it
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={credentials.service_account_public_key}",
        f"--service-account-signing-key-file={credentials.service_account_key}",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--endpoint-reconciler-type=none",
    ]
    if audit_log is not None:
        policy = directory / "audit-policy.yaml"
        policy.write_text(AUDIT_POLICY)
        flags += [f"--audit-policy-file={policy}", f"--audit-log-path={audit_log}"]
    return [str(program), *flags, *extra_flags]


def kube_controller_manager(
    program: Path, *, credentials: Credentials, kubeconfig: Path, directory: Path, port: int
) -> list[str]:
    return [
        str(program),
        f"--kubeconfig={kubeconfig}",
        # Each controller acts under its own role, as on a cluster.
        "--use-service-account-credentials=true",
        f"--controllers={','.join(CONTROLLERS)}",
        "--leader-elect=false",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        "--permit-port-sharing=true",
        f"--cert-dir={directory}",
        f"--tls-cert-file={credentials.certificate}",
        f"--tls-private-key-file={credentials.key}",
        f"--service-account-private-key-file={credentials.service_account_key}",
        f"--root-ca-file={credentials.authority}",
    ]
