"""Requests to the API server as plain dictionaries, over the official client's pool and credentials.

Typed APIs would cost 25 MB of models (measured); paths are few, so they are written here once.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from drs_operator.api.v1alpha1 import GROUP, VERSION, Resource
from drs_operator.ports import AccessDenied, LostRace, ReadFailed

TIMEOUT_SECONDS = 10.0
POOL = 20
PAGE = 500
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"


class NoCluster(Exception):
    """Neither a kubeconfig nor a service account was found."""


@asynccontextmanager
async def connect(agent: str = "drs-operator") -> AsyncIterator[KubeClient]:
    """A client for the cluster of the pod, or of KUBECONFIG. The API server's audit log shows `agent` as userAgent."""
    configuration = Configuration()
    try:
        if "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ:
            load_incluster_config(client_configuration=configuration)
        else:
            # Named here, because the client looks at the variable when it is imported and never again.
            await load_kube_config(os.environ.get("KUBECONFIG"), client_configuration=configuration)
    except (ConfigException, OSError) as error:
        raise NoCluster(f"no Kubernetes cluster: {error}; set KUBECONFIG, or run in a pod") from error
    configuration.connection_pool_maxsize = POOL
    if "HTTPS_PROXY" not in os.environ:  # looking for netrc and proxies on every request costs half of its CPU
        configuration.client_session_kwargs = {"trust_env": False}
    async with ApiClient(configuration) as api:
        api.user_agent = agent
        yield KubeClient(api)


def path_of(kind: type[Resource], namespace: str | None, name: str | None = None, sub: str | None = None) -> str:
    """The path of a custom resource or of its collection."""
    parts = ["/apis", GROUP, VERSION]
    if namespace:
        parts += ["namespaces", namespace]
    parts += [part for part in (kind.definition.plural, name, sub) if part]
    return "/".join(parts)


class KubeClient:
    """Plain requests. Errors: ReadFailed (INTERNAL_ERROR; AccessDenied for 403), LostRace for 409."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api
        # Waiting for a connection would count as time that the API server takes, so requests wait here instead.
        self._connections = asyncio.Semaphore(POOL)

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        check: Callable[[], None] = lambda: None,
    ) -> dict[str, Any] | None:
        """One request; None for 404. `check` is called right before it leaves, and may raise."""
        parameters = await self._api.param_serialize(
            method=method,
            resource_path=path,
            query_params=list((query or {}).items()),
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            async with self._connections:
                check()
                response = await self._api.call_api(*parameters, _request_timeout=TIMEOUT_SECONDS)
                data = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError, ApiException) as error:
            raise ReadFailed("INTERNAL_ERROR", f"the API server does not answer: {error!r}") from error
        if response.status == 404:
            return None
        if response.status == 409:
            raise LostRace(f"{method} {path}: the object has changed meanwhile")
        if response.status == 403:
            text = f"{method} {path}: HTTP 403: {_reason(data)}"
            raise AccessDenied("INTERNAL_ERROR", f"{text}; give the operator's ServiceAccount this permission")
        if response.status >= 400:
            raise ReadFailed("INTERNAL_ERROR", f"{method} {path}: HTTP {response.status}: {_reason(data)}")
        answer: dict[str, Any] = json.loads(data)
        return answer

    async def list_all(self, path: str) -> list[dict[str, Any]]:
        """Every object of a collection, page by page. A collection that does not exist is an error."""
        items: list[dict[str, Any]] = []
        query = {"limit": str(PAGE)}
        while True:
            page = await self.request("GET", path, query=query)
            if page is None:
                raise ReadFailed("INTERNAL_ERROR", f"{path} does not exist: install the CRDs")
            items += page.get("items", [])
            if not (more := page.get("metadata", {}).get("continue")):
                return items
            query["continue"] = more


def _reason(data: bytes) -> str:
    try:
        return str(json.loads(data).get("message", ""))
    except ValueError:
        return data[:200].decode(errors="replace")
