"""Whole lists of our kinds: at start, every ten minutes and after an outage, since a watch can lose deletions."""

from __future__ import annotations

from typing import Any

from drs_operator.api.v1alpha1 import KINDS, Resource
from drs_operator.kube.client import KubeClient, path_of


async def list_kind(client: KubeClient, kind: type[Resource], namespaces: tuple[str, ...]) -> list[dict[str, Any]]:
    """Every object of a kind, of some namespaces or of all. Raises ReadFailed."""
    if not namespaces or kind.definition.scope == "Cluster":
        return await client.list_all(path_of(kind, None))
    return [item for namespace in namespaces for item in await client.list_all(path_of(kind, namespace))]


async def missing_kinds(client: KubeClient) -> list[str]:
    """CRDs that the API server does not serve yet."""
    served = await client.request("GET", "/apis/drs-operator.io/v1alpha1")
    names = {resource["name"] for resource in (served or {}).get("resources", [])}
    return [kind.definition.plural for kind in KINDS if kind.definition.plural not in names]
