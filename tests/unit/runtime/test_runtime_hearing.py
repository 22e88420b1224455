"""A watch that has gone deaf is noticed; one that is late, and an API server that is away, are not blamed."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup, TargetAccount
from drs_operator.runtime.hearing import DEAF_SECONDS, HeardCache
from tests.unit.runtime import raw

LONG = DEAF_SECONDS + 1


@dataclass
class Ear:
    """A cache, what the API server has, and a clock."""

    now: float = 0.0
    stored: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cache = HeardCache(lambda: self.now)

    def change(self, name: str, heard: bool) -> None:
        """A group changes, and the watch brings it or not."""
        self.stored[name] = self.stored.get(name, 0) + 1
        if heard:
            self.bring(name)

    def bring(self, name: str) -> None:
        """The watch brings a group as it is now."""
        self.cache.observe(ProtectionGroup, raw.group(name, self.stored[name]), gone=False)

    def pass_by(self, seconds: float) -> str | None:
        """Time passes, then there is a full list; returns what is thought of the watch."""
        self.now += seconds
        listed = [raw.group(name, version) for name, version in self.stored.items()]
        self.cache.replace(ProtectionGroup, listed, self.cache.known(ProtectionGroup))
        return self.cache.deaf()


@pytest.fixture
def ear() -> Ear:
    """A group that the watch has brought."""
    ear = Ear()
    ear.change("db", heard=True)
    return ear


def test_where_nothing_changes_nothing_is_concluded(ear: Ear) -> None:
    assert [ear.pass_by(600) for _ in range(10)] == [None] * 10


def test_a_change_that_only_the_lists_show_means_that_the_watch_is_deaf(ear: Ear) -> None:
    ear.change("db", heard=False)
    assert ear.pass_by(0) is None, "it may be under way"
    said = ear.pass_by(LONG)
    assert said is not None
    assert "the watch on protectiongroups is deaf: it has not brought drpg/dr/db" in said


def test_what_comes_late_is_heard(ear: Ear) -> None:
    ear.change("db", heard=False)
    ear.pass_by(0)
    ear.bring("db")
    assert ear.pass_by(LONG) is None


def test_a_newer_version_of_it_is_heard_too(ear: Ear) -> None:
    ear.change("db", heard=False)
    ear.pass_by(0)
    ear.change("db", heard=True)
    assert ear.pass_by(LONG) is None


def test_it_may_hear_again(ear: Ear) -> None:
    ear.change("db", heard=False)
    ear.pass_by(0)
    assert ear.pass_by(LONG) is not None
    ear.change("app", heard=True)
    assert ear.cache.deaf() is None, "a sign of life is one"


def test_an_outage_is_nobodys_deafness(ear: Ear) -> None:
    ear.change("db", heard=False)
    ear.pass_by(0)
    ear.now += 3600  # no list succeeds
    assert ear.cache.deaf() is None


def test_before_the_watch_has_begun_it_has_time_to(ear: Ear) -> None:
    fresh = Ear(stored={"db": 1})
    assert fresh.pass_by(0) is None
    assert fresh.pass_by(DEAF_SECONDS / 2) is None
    fresh.bring("db")
    assert fresh.pass_by(LONG) is None


def test_an_object_that_went_meanwhile_is_not_waited_for(ear: Ear) -> None:
    ear.change("db", heard=False)
    ear.pass_by(0)
    del ear.stored["db"]
    assert ear.pass_by(LONG) is None


def test_a_deleted_and_remade_object_counts_anew(ear: Ear) -> None:
    ear.cache.observe(ProtectionGroup, raw.group("db", 1), gone=True)
    ear.change("db", heard=False)
    ear.pass_by(0)
    assert ear.pass_by(LONG) is not None


def test_an_object_that_cannot_be_read_is_heard_all_the_same(ear: Ear) -> None:
    broken = raw.group("broken", 1)
    del broken["spec"]
    ear.cache.observe(ProtectionGroup, broken, gone=False)
    for _ in range(3):
        ear.now += LONG
        ear.cache.replace(ProtectionGroup, [raw.group("db", 1), broken], ear.cache.known(ProtectionGroup))
    assert ear.cache.deaf() is None


def test_kinds_are_judged_apart(ear: Ear) -> None:
    ear.change("db", heard=False)
    ear.pass_by(0)
    ear.pass_by(LONG)
    ear.cache.observe(TargetAccount, raw.account("production", 1), gone=False)
    assert ear.cache.deaf() is not None, "another kind's sign of life is no sign of this one"


def test_it_is_a_cache_like_the_other(ear: Ear) -> None:
    ear.change("db", heard=False)
    ear.pass_by(0)
    found = ear.cache.get(ProtectionGroup, "dr", "db")
    assert found is not None
    assert found.metadata.resource_version == "2", "the list repairs what was not heard"
