"""Random objects on a random AWS: no defect, no hot loop, and always a condition with a known reason."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from drs_operator.api.reasons import REASONS
from drs_operator.api.v1alpha1 import ProtectionGroup, RecoveryPlan, Resource, TargetAccount
from drs_operator.api.v1alpha1.conditions import find_condition
from tests.strategies.aws_answers import UNKNOWN
from tests.strategies.manifests import spec_schema, valid
from tests.unit.reconcilers.world import ACCOUNT_ID, EXTERNAL_ID, NAMESPACE, PLACE, World

KNOWN = {record.word for record in REASONS}
IDS = [f"s-{number:017d}" for number in range(1, 6)]
TAGS = st.dictionaries(st.sampled_from(["Tier", "App"]), st.sampled_from(["web", "DB ", ""]), max_size=2)
STATES = st.sampled_from(["CONTINUOUS", "STALLED", "DISCONNECTED", "INITIAL_SYNC", "STOPPED", "", UNKNOWN])
SERVERS = st.lists(st.tuples(STATES, TAGS, st.integers(0, 2)), max_size=len(IDS))
WRITES = 16
"""Of status, of all four objects: first looks, what they wait for settling, and a refresh or two."""


def settled_world(servers: list[tuple[str, dict[str, str], int]]) -> World:
    """A good account, a good group and plan beside what comes, and these servers."""
    world = World()
    world.cloud.account(ACCOUNT_ID, EXTERNAL_ID)
    world.account("production")
    for server_id, (state, tags, points) in zip(IDS, servers, strict=False):
        world.cloud.server(PLACE, server_id, state, points, **tags)
    world.group("neighbour", Tier="web")
    world.plan("neighbour", "neighbour")
    return world


def aimed(kind: type[Resource], spec: dict[str, Any]) -> dict[str, Any]:
    """The spec, pointed at what exists, so that it gets past the first refusal."""
    match kind.definition.kind:
        case "ProtectionGroup":
            pointed = {**spec, "targetAccountRef": {"name": "production"}, "region": PLACE.region}
            if spec.get("serverSelectionMode") == "tags":
                return {**pointed, "serverSelectionTags": {"Tier": "web"}, "sourceServerIds": []}
            return {**pointed, "sourceServerIds": IDS[:3], "serverSelectionTags": {}}
        case "TargetAccount":
            return {**spec, "allowedNamespaces": {"from": "All"}, "externalId": EXTERNAL_ID}
        case _:
            waves = [{**wave, "protectionGroupRef": {"name": "neighbour"}} for wave in spec["waves"]]
            return {**spec, "waves": waves}


@pytest.mark.parametrize("kind", [TargetAccount, ProtectionGroup, RecoveryPlan], ids=lambda k: k.definition.kind)
def test_anything_ends_in_a_condition_with_a_known_reason(kind: type[Resource]) -> None:
    specs = valid(spec_schema(kind))
    namespace = NAMESPACE if kind.definition.scope == "Namespaced" else None

    @settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.one_of(specs, specs.map(lambda spec: aimed(kind, spec))), SERVERS)
    def check(spec: dict[str, Any], servers: list[tuple[str, dict[str, str], int]]) -> None:
        world = settled_world(servers)
        try:
            world.cluster.create(kind, namespace, "anything", spec)
        except ValidationError:
            assume(False)
        world.wait(150, TargetAccount, ProtectionGroup, RecoveryPlan)
        found = world.cluster.now(kind, namespace, "anything")
        assert found is not None
        ready = find_condition(found.status.conditions, "Ready")
        assert ready is not None, "it was never looked at"
        assert {condition.reason for condition in found.status.conditions} <= KNOWN
        assert found.status.observed_generation == found.metadata.generation
        assert world.effects.done.count("write status") <= WRITES, "it loops hot"
        neighbour = world.condition(ProtectionGroup, "neighbour")
        assert neighbour.reason in KNOWN

    check()


def test_an_unknown_state_is_kept_and_shown() -> None:
    world = settled_world([(UNKNOWN, {"Tier": "web"}, 1)])
    world.wait(90, TargetAccount, ProtectionGroup)
    group = world.cluster.now(ProtectionGroup, NAMESPACE, "neighbour")
    assert group is not None
    assert [server.replication_state for server in group.status.servers] == [UNKNOWN]
