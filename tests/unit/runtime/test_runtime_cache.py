"""The cache: what is taken in from events and lists, what is found in it, and who is told."""

from __future__ import annotations

import pytest

from drs_operator.api.v1alpha1 import DRExecution, ProtectionGroup, RecoveryPlan, Resource, TargetAccount
from drs_operator.runtime.cache import Cache, Key
from tests.unit.runtime import raw

DB = Key(ProtectionGroup, "dr", "db")
PRODUCTION = Key(TargetAccount, None, "production")


class Watched:
    """A cache and whom it has told of what: key, version before and version now."""

    def __init__(self) -> None:
        self.cache = Cache()
        self.told: list[tuple[Key, str | None, str | None]] = []
        self.cache.on_change(lambda key, before, now: self.told.append((key, _version(before), _version(now))))

    def version(self, name: str = "db") -> str | None:
        """Version of the group that is known."""
        return _version(self.cache.get(ProtectionGroup, "dr", name))


def _version(found: Resource | None) -> str | None:
    return found.metadata.resource_version if found else None


def test_what_is_new_changed_and_gone_is_told() -> None:
    watched = Watched()
    watched.cache.observe(ProtectionGroup, raw.group(version=1), gone=False)
    watched.cache.observe(ProtectionGroup, raw.group(version=2), gone=False)
    watched.cache.observe(ProtectionGroup, raw.group(version=2), gone=True)
    assert watched.told == [(DB, None, "1"), (DB, "1", "2"), (DB, "2", None)]
    assert watched.cache.get(ProtectionGroup, "dr", "db") is None
    assert watched.cache.all(ProtectionGroup, "dr") == []
    assert watched.cache.keys() == []


@pytest.mark.parametrize("version", [9, 10], ids=["an older one", "the same one"])
def test_a_version_that_is_not_newer_is_ignored(version: int) -> None:
    watched = Watched()
    watched.cache.observe(ProtectionGroup, raw.group(version=10), gone=False)
    watched.cache.observe(ProtectionGroup, raw.group(version=version), gone=False)
    assert watched.told == [(DB, None, "10")]


def test_versions_are_numbers_not_texts() -> None:
    watched = Watched()
    watched.cache.observe(ProtectionGroup, raw.group(version=9), gone=False)
    watched.cache.observe(ProtectionGroup, raw.group(version=10), gone=False)
    assert watched.version() == "10"


def test_an_object_of_the_same_name_with_another_uid_takes_its_place() -> None:
    watched = Watched()
    watched.cache.observe(ProtectionGroup, raw.group(uid="old", version=1), gone=False)
    watched.cache.observe(ProtectionGroup, raw.group(uid="new", version=5), gone=False)
    watched.cache.observe(ProtectionGroup, raw.group(uid="old", version=4), gone=True)
    found = watched.cache.get(ProtectionGroup, "dr", "db")
    assert found is not None, "the end of the old object is not the end of the new one"
    assert found.metadata.uid == "new"
    watched.cache.observe(ProtectionGroup, raw.group(uid="old", version=3), gone=False)
    assert watched.version() == "5", "a late event of the old object does not bring it back"


def test_an_object_that_cannot_be_read_does_not_hurt_others() -> None:
    watched = Watched()
    bad = raw.group("bad")
    del bad["spec"]["region"]
    known = watched.cache.known(ProtectionGroup)
    watched.cache.replace(ProtectionGroup, [bad, raw.group("db")], known)
    watched.cache.observe(ProtectionGroup, bad, gone=False)
    assert [found.metadata.name for found in watched.cache.all(ProtectionGroup)] == ["db"]


def test_managed_fields_are_not_kept() -> None:
    watched = Watched()
    group = raw.group()
    group["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    watched.cache.observe(ProtectionGroup, group, gone=False)
    assert watched.version() == "1"
    assert "managedFields" in group["metadata"], "what was handed in is not changed"


def test_kinds_and_namespaces_are_apart() -> None:
    cache = Cache()
    elsewhere = raw.group()
    elsewhere["metadata"]["namespace"] = "other"
    cache.observe(ProtectionGroup, raw.group(), gone=False)
    cache.observe(ProtectionGroup, elsewhere, gone=False)
    cache.observe(TargetAccount, raw.account("db"), gone=False)
    assert len(cache.all(ProtectionGroup)) == 2
    assert [found.metadata.namespace for found in cache.all(ProtectionGroup, "other")] == ["other"]
    assert [found.metadata.name for found in cache.all(TargetAccount)] == ["db"]


# --- whole lists ------------------------------------------------------------------------------------------------------


def test_a_list_drops_what_is_gone_and_brings_what_is_new() -> None:
    watched = Watched()
    watched.cache.observe(ProtectionGroup, raw.group("gone"), gone=False)
    watched.cache.observe(ProtectionGroup, raw.group("kept"), gone=False)
    watched.cache.observe(TargetAccount, raw.account(), gone=False)
    watched.told.clear()
    known = watched.cache.known(ProtectionGroup)
    watched.cache.replace(ProtectionGroup, [raw.group("kept"), raw.group("new")], known)
    assert watched.told == [
        (Key(ProtectionGroup, "dr", "gone"), "1", None),
        (Key(ProtectionGroup, "dr", "new"), None, "1"),
    ]
    assert watched.cache.get(TargetAccount, None, "production") is not None, "a list is about its own kind only"


def test_what_the_watch_brings_while_a_list_is_read_stands() -> None:
    watched = Watched()
    for name in ("deleted", "changed", "recreated", "renewed"):
        watched.cache.observe(ProtectionGroup, raw.group(name, version=1), gone=False)
    known = watched.cache.known(ProtectionGroup)
    listed = [raw.group(name, version=1) for name in ("deleted", "changed", "recreated")]
    watched.cache.observe(ProtectionGroup, raw.group("deleted", version=2), gone=True)
    watched.cache.observe(ProtectionGroup, raw.group("changed", version=3), gone=False)
    watched.cache.observe(ProtectionGroup, raw.group("created", version=4), gone=False)
    watched.cache.observe(ProtectionGroup, raw.group("recreated", version=5), gone=True)
    watched.cache.observe(ProtectionGroup, raw.group("recreated", version=6, uid="u2"), gone=False)
    watched.cache.observe(ProtectionGroup, raw.group("renewed", version=7, uid="u3"), gone=False)
    watched.cache.replace(ProtectionGroup, listed, known)
    assert {name: watched.version(name) for name in ("deleted", "changed", "created", "recreated", "renewed")} == {
        "renewed": "7",
        "deleted": None,
        "changed": "3",
        "created": "4",
        "recreated": "6",
    }


def test_an_object_that_came_and_went_while_a_list_was_read_stays_away() -> None:
    watched = Watched()
    known = watched.cache.known(ProtectionGroup)
    watched.cache.observe(ProtectionGroup, raw.group("short", version=1), gone=False)
    listed = [raw.group("short", version=1)]
    watched.cache.observe(ProtectionGroup, raw.group("short", version=2), gone=True)
    watched.cache.replace(ProtectionGroup, listed, known)
    assert watched.version("short") is None
    again = watched.cache.known(ProtectionGroup)
    watched.cache.replace(ProtectionGroup, listed, again)
    assert watched.version("short") == "1", "a later list that has it is right"


def test_a_list_decides_when_versions_went_back() -> None:
    """After etcd was restored from a backup every version is lower than before."""
    watched = Watched()
    watched.cache.observe(ProtectionGroup, raw.group(version=500), gone=False)
    known = watched.cache.known(ProtectionGroup)
    watched.cache.replace(ProtectionGroup, [raw.group(version=300)], known)
    assert watched.version() == "300"


def test_a_list_that_brings_nothing_new_tells_nobody() -> None:
    watched = Watched()
    watched.cache.observe(ProtectionGroup, raw.group(), gone=False)
    watched.told.clear()
    watched.cache.replace(ProtectionGroup, [raw.group()], watched.cache.known(ProtectionGroup))
    assert watched.told == []


# --- what refers to what ----------------------------------------------------------------------------------------------


def _using(cache: Cache, group: str, namespace: str = "dr") -> list[str]:
    return sorted(plan.metadata.name for plan in cache.plans_using(namespace, group))


def test_plans_are_found_by_their_groups() -> None:
    cache = Cache()
    cache.observe(RecoveryPlan, raw.plan("a", ("db", "web"), version=1), gone=False)
    cache.observe(RecoveryPlan, raw.plan("b", ("db", "db"), version=2), gone=False)
    assert (_using(cache, "db"), _using(cache, "web"), _using(cache, "app")) == (["a", "b"], ["a"], [])
    assert _using(cache, "db", "other") == [], "names are of a namespace"
    cache.observe(RecoveryPlan, raw.plan("a", ("app",), version=3), gone=False)
    assert (_using(cache, "db"), _using(cache, "web"), _using(cache, "app")) == (["b"], [], ["a"])
    cache.replace(RecoveryPlan, [raw.plan("a", ("app",), version=3)], cache.known(RecoveryPlan))
    assert (_using(cache, "db"), _using(cache, "app")) == ([], ["a"]), "a list takes b away"
    cache.observe(RecoveryPlan, raw.plan("a", ("app",), version=4), gone=True)
    assert _using(cache, "app") == []


def test_what_is_found_is_the_newest() -> None:
    cache = Cache()
    cache.observe(RecoveryPlan, raw.plan(version=1), gone=False)
    cache.observe(RecoveryPlan, raw.plan(version=2), gone=False)
    (found,) = cache.plans_using("dr", "db")
    assert found is cache.get(RecoveryPlan, "dr", "production")


def test_executions_are_found_by_their_plan() -> None:
    cache = Cache()
    for name, plan in (("x", "production"), ("y", "production"), ("z", "other")):
        cache.observe(DRExecution, raw.execution(name, plan), gone=False)
    cache.observe(DRExecution, raw.execution("y"), gone=True)
    assert [found.metadata.name for found in cache.executions_of("dr", "production")] == ["x"]
    assert [found.metadata.name for found in cache.executions_of("dr", "other")] == ["z"]


def test_keys_read_as_kubectl_writes_them() -> None:
    assert [str(DB), str(PRODUCTION)] == ["drpg/dr/db", "drta/production"]


def test_an_own_write_is_known_at_once_and_told_once() -> None:
    watched = Watched()
    watched.cache.observe(ProtectionGroup, raw.group(version=1), gone=False)
    watched.cache.wrote(ProtectionGroup, raw.group(version=2))
    watched.cache.observe(ProtectionGroup, raw.group(version=2), gone=False)
    assert watched.told == [(DB, None, "1"), (DB, "1", "2")]
    assert watched.version() == "2"


def test_the_answer_to_a_write_does_not_bring_back_what_is_gone() -> None:
    watched = Watched()
    watched.cache.observe(ProtectionGroup, raw.group(version=1), gone=False)
    watched.cache.observe(ProtectionGroup, raw.group(version=3), gone=True)
    watched.cache.wrote(ProtectionGroup, raw.group(version=2))
    assert watched.version() is None
    watched.cache.observe(ProtectionGroup, raw.group(version=4, uid="u2"), gone=False)
    watched.cache.wrote(ProtectionGroup, raw.group(version=2))
    assert watched.version() == "4"


def test_the_last_finalizer_taken_off_is_no_news_of_an_object() -> None:
    watched = Watched()
    watched.cache.observe(ProtectionGroup, raw.group(version=1), gone=False)
    ended = raw.group(version=2)
    ended["metadata"] |= {"deletionTimestamp": "2026-03-02T09:00:00Z", "finalizers": []}
    watched.cache.wrote(ProtectionGroup, ended)
    assert watched.version() == "1"
