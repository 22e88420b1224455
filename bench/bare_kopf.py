"""The yardstick: kopf with one handler that does nothing, until it has seen so many groups."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import kopf

from drs_operator.handlers.watch import settings


def main(count: int) -> None:
    """Prints the seconds from the start of kopf until `count` ProtectionGroups were seen."""
    registry, stop, seen = kopf.OperatorRegistry(), asyncio.Event(), set[str]()
    kopf.on.login(registry=registry)(kopf.login_with_kubeconfig)

    @kopf.on.event("drs-operator.io", "v1alpha1", "protectiongroups", registry=registry)  # type: ignore[untyped-decorator,unused-ignore]
    async def look(name: str, **_: Any) -> None:
        seen.add(name)
        if len(seen) >= count:
            stop.set()

    began = time.monotonic()
    asyncio.run(
        kopf.operator(registry=registry, settings=settings(), standalone=True, clusterwide=True, stop_flag=stop)
    )
    print(f"{time.monotonic() - began:.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
