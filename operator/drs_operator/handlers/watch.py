"""Watches through kopf: every event goes into the cache at once; kopf keeps no state and writes nothing.

Settings are measured ones: `initial_streaming` loses objects silently when its first stream is cut, bookmarks come
once a minute (so 70 seconds of silence mean a dead connection), and the short back-offs bound the blind time after an
outage of the API server.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from typing import Any

import kopf

from drs_operator.api.v1alpha1 import GROUP, VERSION, Resource
from drs_operator.runtime.cache import Cache
from drs_operator.runtime.namespaces import Namespaces

INACTIVITY_SECONDS = 70
REQUEST_SECONDS = 30
BACKOFFS = (1, 1, 2, 3, 5, 5, 5, 5)


def registry_of(
    cache: Cache, kinds: Sequence[type[Resource]], labels: Namespaces | None = None
) -> kopf.OperatorRegistry:
    """A registry with one event handler for each kind, and one for the labels of namespaces if they are wanted."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(_login)
    for kind in kinds:
        _register(registry, cache, kind)
    if labels is not None:
        _register_namespaces(registry, labels)
    return registry


def _login(**kwargs: Any) -> Any:
    """The same way in as `kube.client.connect`: KUBECONFIG before the pod's service account."""
    if "KUBECONFIG" in os.environ:
        return kopf.login_with_kubeconfig(**kwargs)
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)


def _register(registry: kopf.OperatorRegistry, cache: Cache, kind: type[Resource]) -> None:
    plural = kind.definition.plural

    @kopf.on.event(GROUP, VERSION, plural, registry=registry, id=f"watch-{plural}")  # type: ignore[untyped-decorator,unused-ignore]
    async def watch(type: str | None, body: kopf.Body, **_: Any) -> None:
        cache.observe(kind, body, gone=type == "DELETED")
        if type is None:  # from a list: kopf has begun anew and does not tell what was deleted in between
            cache.doubt.set()


def _register_namespaces(registry: kopf.OperatorRegistry, labels: Namespaces) -> None:
    @kopf.on.event("", "v1", "namespaces", registry=registry, id="watch-namespaces")  # type: ignore[untyped-decorator,unused-ignore]
    async def watch(type: str | None, body: kopf.Body, **_: Any) -> None:
        labels.observe(body, gone=type == "DELETED")


def settings() -> kopf.OperatorSettings:
    """kopf, told to watch and do nothing else."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.scanning.disabled = True
    chosen.watching.inactivity_timeout = INACTIVITY_SECONDS
    chosen.networking.request_timeout = REQUEST_SECONDS
    chosen.networking.connect_timeout = 10
    chosen.networking.error_backoffs = BACKOFFS
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    return chosen


async def watch(
    cache: Cache,
    kinds: Sequence[type[Resource]],
    namespaces: Sequence[str],
    ready: asyncio.Event,
    stop: asyncio.Event,
    labels: Namespaces | None = None,
) -> None:
    """Watches until `stop` is set; labels of namespaces only where all are looked after: it needs that right."""
    await kopf.operator(
        registry=registry_of(cache, kinds, None if namespaces else labels),
        settings=settings(),
        standalone=True,
        clusterwide=not namespaces,
        namespaces=list(namespaces),
        ready_flag=ready,
        stop_flag=stop,
    )
