"""RunInstances: without a subnet it goes to the default one, and when it is refused it leaves nothing behind.

moto gives an instance without a subnet an address of no network, and keeps an empty reservation and half an instance of
what it refuses.
"""

from __future__ import annotations

import functools
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ec2.exceptions import VPCIdNotSpecifiedError
from moto.ec2.models.instances import InstanceBackend


def mend_launches() -> None:
    """Mends RunInstances, for clients and for the simulator alike."""
    InstanceBackend.run_instances = _all_or_nothing(InstanceBackend.run_instances)


def _all_or_nothing(original: Any) -> Any:
    @functools.wraps(original)
    def run_instances(self: Any, *args: Any, **kwargs: Any) -> Any:
        placed = any("SubnetId" in nic or "NetworkInterfaceId" in nic for nic in kwargs.get("nics") or [])
        if not placed and not kwargs.get("subnet_id"):
            kwargs["subnet_id"] = _default_subnet(self, kwargs.get("placement"))
        reservations, interfaces = set(self.reservations), set(self.enis)
        try:
            return original(self, *args, **kwargs)
        except ServiceException:
            for reservation_id in set(self.reservations) - reservations:
                for instance in self.reservations.pop(reservation_id).instances:
                    instance.teardown_defaults()
            for interface_id in set(self.enis) - interfaces:
                del self.enis[interface_id]
            raise

    return run_instances


def _default_subnet(backend: Any, zone: str | None) -> str:
    subnets = backend.get_default_subnets()
    subnet = subnets.get(zone) if zone else next(iter(subnets.values()), None)
    if subnet is None:
        raise VPCIdNotSpecifiedError()
    return str(subnet.id)
