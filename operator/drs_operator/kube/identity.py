"""Which cluster this is."""

from __future__ import annotations

from drs_operator.kube.client import KubeClient
from drs_operator.ports import ReadFailed


async def cluster_identity(client: KubeClient) -> str:
    """The uid of namespace kube-system: it stays as long as the cluster does. Raises ReadFailed."""
    namespace = await client.request("GET", "/api/v1/namespaces/kube-system")
    if namespace is None:
        raise ReadFailed("NOT_FOUND", "this cluster has no namespace kube-system, by which clusters are told apart")
    return str(namespace["metadata"]["uid"])
