"""Lookups that moto does by going through everything there is: with thousands of source servers they take minutes."""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import InvalidInstanceIdError
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, get_prefix


def mend_lookups() -> None:
    """Finds a resource's tags by its id, and an instance without copying all reservations."""
    TaggedEC2Resource.get_tags = _tags
    InstanceBackend.get_instance_by_id = _find_instance
    InstanceBackend.get_instance = _get_instance


def _tags(self: Any) -> list[dict[str, str]]:
    if not self.id:
        return []
    kind = EC2_PREFIX_TO_RESOURCE.get(get_prefix(self.id), "")
    return [
        {"resource_id": self.id, "key": key, "value": value, "resource_type": kind}
        for key, value in self.ec2_backend.tags.get(self.id, {}).items()
    ]


def _find_instance(self: Any, instance_id: str) -> Any:
    for reservation in self.reservations.values():
        for instance in reservation.instances:
            if instance.id == instance_id:
                return instance
    return None


def _get_instance(self: Any, instance_id: str) -> Any:
    instance = _find_instance(self, instance_id)
    if instance is None:
        raise InvalidInstanceIdError(instance_id)
    return instance
