"""Who is looked at when something has changed."""

from __future__ import annotations

from collections.abc import Callable

from drs_operator.api.v1alpha1 import ProtectionGroup, RecoveryPlan, Resource, TargetAccount
from drs_operator.planning.claims import Owner
from drs_operator.planning.facts import Inventory, Place
from drs_operator.runtime.cache import Cache, Key
from drs_operator.runtime.concerns import concerned, plans_concerned
from drs_operator.runtime.queue import WorkQueue

GROUPS_SECONDS = 2.0
"""How long an account waits for more of its groups to come or go: it counts them, and not one by one."""


class Wakeups:
    """Puts keys into the queue."""

    def __init__(self, cache: Cache, queue: WorkQueue) -> None:
        self._cache = cache
        self._queue = queue
        self._inventories: dict[Place, Inventory] = {}

    def changed(self, key: Key, before: Resource | None, now: Resource | None) -> None:
        """An object is new, different or gone: it, and whom it concerns."""
        self._queue.add(key)
        for other in concerned(key, before, now, self._cache):
            if other.kind is TargetAccount and not self._leaving(other):
                self._queue.add_after(other, GROUPS_SECONDS)
            else:
                self._queue.add(other)
        if key.kind is TargetAccount and _generation(before) != _generation(now):
            self._account(key, before, now)

    def _leaving(self, key: Key) -> bool:
        """Whether an account is being deleted: the end of its last group lets it go at once."""
        account = self._cache.get(TargetAccount, None, key.name)
        return account is not None and account.metadata.deletion_timestamp is not None

    def _account(self, key: Key, *standings: Resource | None) -> None:
        """The groups of an account, and other objects for the same account with theirs: only the oldest is used."""
        ids = {account.spec.account_id for account in standings if isinstance(account, TargetAccount)}
        names = {account.metadata.name for account in self._cache.all(TargetAccount) if account.spec.account_id in ids}
        for name in names - {key.name}:
            self._queue.add(Key(TargetAccount, None, name))
        self._groups(lambda group: group.spec.target_account_ref.name in {key.name, *names})

    def refreshed(self, inventory: Inventory) -> None:
        """A new inventory: the groups of its place, and the plans with a server that a job has taken or let go."""
        place = inventory.place
        accounts = {
            account.metadata.name
            for account in self._cache.all(TargetAccount)
            if account.spec.account_id == place.account_id
        }
        self._groups(lambda group: group.spec.region == place.region and group.spec.target_account_ref.name in accounts)
        before = self._inventories.get(place)
        self._inventories[place] = inventory
        for key in plans_concerned(before, inventory, self._cache):
            self._queue.add(key)

    def relabelled(self, namespace: str) -> None:
        """Labels of a namespace have changed, by which accounts let groups in."""
        self._groups(lambda group: group.metadata.namespace == namespace)

    def owner(self, owner: Owner) -> None:
        """A claim that a group or plan wanted is free, or one that it has is wanted."""
        kind: type[Resource] = ProtectionGroup if owner.id.startswith("pg-") else RecoveryPlan
        self._queue.add(Key(kind, owner.namespace, owner.name))

    def everything(self) -> None:
        """Who leads has changed, or what holds for all."""
        known = self._cache.keys()
        for key in known:
            self._queue.add(key)

    def _groups(self, concerns: Callable[[ProtectionGroup], bool]) -> None:
        for group in self._cache.all(ProtectionGroup):
            if concerns(group):
                self._queue.add(Key(ProtectionGroup, group.metadata.namespace, group.metadata.name))


def _generation(resource: Resource | None) -> int | None:
    return resource.metadata.generation if resource else None
