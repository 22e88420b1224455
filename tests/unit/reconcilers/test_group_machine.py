"""Whatever happens to groups, servers, accounts, the ledger and the operators: once it is quiet, all is in step."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from drs_operator.api.v1alpha1 import ProtectionGroup, TargetAccount
from drs_operator.ports import ReadFailed
from tests.unit.reconcilers.groups import assert_in_step, create, group_world, refresh, server_id, settle
from tests.unit.reconcilers.world import NAMESPACE, PLACE, World

NAMES = st.sampled_from(["alpha", "beta", "gamma"])
DISPLAY_NAMES = st.sampled_from(["Databases", "DATABASES", "Web"])
SERVERS = st.integers(1, 4)
TAGS = st.fixed_dictionaries(
    {}, optional={"Tier": st.sampled_from(["db", "DB ", "web"]), "Site": st.sampled_from(["a", "b"])}
)
SELECTIONS = TAGS.filter(bool).map(lambda tags: {"serverSelectionTags": tags}) | st.sets(SERVERS, min_size=1).map(
    lambda numbers: {"sourceServerIds": [server_id(number) for number in sorted(numbers)]}
)
WORLDS = st.sampled_from([0, 1])
OUTAGE = ReadFailed("LEDGER_UNREACHABLE", "the ledger does not answer")


class Groups(RuleBasedStateMachine):
    """Two installations, each with a cluster of its own, on one ledger and over the same servers."""

    @initialize()
    def begin(self) -> None:
        first = group_world("east", servers=3)
        self.worlds = [first, group_world("west", beside=first, servers=3)]

    def groups(self, world: World) -> dict[str, ProtectionGroup]:
        """Groups of a world by name."""
        return {g.metadata.name: g for g in world.cluster.everything() if isinstance(g, ProtectionGroup)}

    @rule(at=WORLDS, name=NAMES, selection=SELECTIONS, display=st.none() | DISPLAY_NAMES, suspend=st.booleans())
    def create(self, at: int, name: str, selection: dict[str, Any], display: str | None, suspend: bool) -> None:
        """kubectl create, if there is none."""
        world = self.worlds[at]
        if name not in self.groups(world):
            named = {"displayName": display} if display else {}
            create(world, name, **selection, **named, suspend=suspend)

    @rule(at=WORLDS, name=NAMES, selection=SELECTIONS)
    def select(self, at: int, name: str, selection: dict[str, Any]) -> None:
        """The selection is edited; its mode is immutable."""
        found = self.groups(self.worlds[at]).get(name)
        if found is not None and set(selection) <= set(found.spec.to_json()) - _empty(found):
            self.worlds[at].cluster.edit(ProtectionGroup, NAMESPACE, name, **selection)

    @rule(at=WORLDS, name=NAMES, display=DISPLAY_NAMES)
    def rename(self, at: int, name: str, display: str) -> None:
        """The display name is edited."""
        if name in self.groups(self.worlds[at]):
            self.worlds[at].cluster.edit(ProtectionGroup, NAMESPACE, name, displayName=display)

    @rule(at=WORLDS, name=NAMES, suspend=st.booleans(), leave=st.sampled_from(["Hold", "Follow"]))
    def policy(self, at: int, name: str, suspend: bool, leave: str) -> None:
        """It is suspended or not, and holds or follows."""
        if name in self.groups(self.worlds[at]):
            changes = {"suspend": suspend, "membership": {"onLeave": leave, "minServers": 1}}
            self.worlds[at].cluster.edit(ProtectionGroup, NAMESPACE, name, **changes)

    @rule(at=WORLDS, name=NAMES)
    def delete(self, at: int, name: str) -> None:
        """kubectl delete."""
        if name in self.groups(self.worlds[at]):
            self.worlds[at].cluster.delete(ProtectionGroup, NAMESPACE, name)

    @rule(at=WORLDS, name=NAMES)
    def lose_status(self, at: int, name: str) -> None:
        """The object is restored from a backup."""
        if name in self.groups(self.worlds[at]):
            self.worlds[at].cluster.lose_status(ProtectionGroup, NAMESPACE, name)

    @rule(at=WORLDS, name=NAMES, value=st.sampled_from(["all", server_id(1), "nonsense"]))
    def release(self, at: int, name: str, value: str) -> None:
        """kubectl annotate."""
        if name in self.groups(self.worlds[at]):
            key = "drs-operator.io/release-servers"
            self.worlds[at].cluster.annotate(ProtectionGroup, NAMESPACE, name, key, value)

    @rule(number=SERVERS, tags=TAGS)
    def tag(self, number: int, tags: dict[str, Any]) -> None:
        """A server gets other tags, or is new."""
        for world in self.worlds:
            world.cloud.server(PLACE, server_id(number), **tags)

    @rule(number=SERVERS)
    def disconnect(self, number: int) -> None:
        """A server is deleted in DRS."""
        for world in self.worlds:
            if any(server_id(number) == s for s in world.cloud._servers.get(PLACE, {})):
                world.cloud.remove(PLACE, server_id(number))

    @rule(at=WORLDS, ahead=st.integers(0, 8), applied=st.booleans())
    def crash(self, at: int, ahead: int, applied: bool) -> None:
        """The operator dies soon."""
        effects = self.worlds[at].effects
        effects.kill_at(len(effects.done) + ahead, applied)

    @rule(at=WORLDS, write=st.sampled_from(["take claim", "let go claim", "save mirror", "delete mirror"]))
    def unanswered(self, at: int, write: str) -> None:
        """The next write of this kind is done, and its answer is lost."""

        def lose() -> None:
            raise OUTAGE

        self.worlds[at].effects.meanwhile[write] = lose

    @rule(down=st.booleans())
    def ledger(self, down: bool) -> None:
        """The ledger goes or comes back."""
        self.worlds[0].tables.failure = OUTAGE if down else None

    @rule(at=WORLDS, down=st.booleans())
    def region(self, at: int, down: bool) -> None:
        """AWS goes or comes back."""
        self.worlds[at].cloud.deaf = {PLACE} if down else set()

    @precondition(lambda self: hasattr(self, "worlds"))
    @rule(at=WORLDS)
    def account(self, at: int) -> None:
        """The account is deleted, or there again."""
        world = self.worlds[at]
        if world.cluster.now(TargetAccount, None, "production") is None:
            world.account("production")
        else:
            world.cluster.delete(TargetAccount, None, "production", force=True)

    @rule(at=WORLDS, refreshes=st.integers(0, 2))
    def work(self, at: int, refreshes: int) -> None:
        """One of the operators works for a while."""
        settle(self.worlds[at], 61 * refreshes or 1)

    @rule()
    def quiet(self) -> None:
        """Everything answers, nothing is suspended, and time passes: the ledger is what the objects imply."""
        self.worlds[0].tables.failure = None
        for world in self.worlds:
            world.cloud.deaf = set()
            world.effects.meanwhile.clear()
            if world.cluster.now(TargetAccount, None, "production") is None:
                world.account("production")
            for name, found in self.groups(world).items():
                if found.spec.suspend:
                    world.cluster.edit(ProtectionGroup, NAMESPACE, name, suspend=False)
        for _ in range(3):
            for world in self.worlds:
                refresh(world)
        assert_in_step(*self.worlds)
        done = [len(world.effects.done) for world in self.worlds]
        for world in self.worlds:
            refresh(world)
        assert [len(world.effects.done) for world in self.worlds] == done, "steady state writes nothing"

    def teardown(self) -> None:
        """It always ends quietly."""
        if hasattr(self, "worlds"):
            self.quiet()


def _empty(group: ProtectionGroup) -> set[str]:
    return {key for key in ("serverSelectionTags", "sourceServerIds") if not group.spec.to_json().get(key)}


TestGroups = Groups.TestCase
TestGroups.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
