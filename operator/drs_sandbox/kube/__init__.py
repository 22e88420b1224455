"""A real Kubernetes API on this machine: etcd, kube-apiserver and the controllers that clean up."""

from drs_sandbox.kube.control_plane import ControlPlane
from drs_sandbox.kube.operator_access import OperatorAccess, operator_kubeconfig

__all__ = ["ControlPlane", "OperatorAccess", "operator_kubeconfig"]
