"""Whatever the API server accepts, the operator can read: no object is left out because a model is stricter."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drs_operator.api.v1alpha1 import KINDS, Resource
from tests.integration.crds.cluster import Cluster, Refused
from tests.strategies.manifests import spec_schema, spoilt, valid

EXAMPLES = 60


def plausible(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """The spec without what contradicts itself across fields, so that the API server accepts some of them."""
    match kind:
        case "ProtectionGroup":
            chosen = {"serverSelectionTags": {"Tier": "web"}, "sourceServerIds": ["s-00000000000000001"]}
            other = "sourceServerIds" if spec["serverSelectionMode"] == "tags" else "serverSelectionTags"
            out = {other, "launchConfiguration", "drillLaunchConfiguration", "servers"}
            filled = {**chosen, **{key: value for key, value in spec.items() if value not in ({}, [])}}
            return {key: value for key, value in filled.items() if key not in out}
        case "RecoveryPlan":
            waves = [
                {**{k: v for k, v in wave.items() if k != "dependsOnWaves"}, "name": "a wave", **_group(number)}
                for number, wave in enumerate(spec["waves"])
            ]
            return {**spec, "displayName": "a plan", "waves": waves}
        case "DRSchedule":
            drill = {"recoveryPlanRef": {"name": "plan"}, "executionType": "DRILL"}
            return {**spec, "schedule": "0 3 * * 1", "executionTemplate": {"spec": drill}}
        case _:
            return spec


def _group(number: int) -> dict[str, Any]:
    return {"protectionGroupRef": {"name": f"group-{number}"}}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.definition.kind)
def test_what_the_api_server_accepts_can_be_read(cluster: Cluster, kind: type[Resource]) -> None:
    schema, name = spec_schema(kind), kind.definition.kind
    verdicts = {True: 0, False: 0}

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.one_of(valid(schema), valid(schema).map(lambda spec: plausible(name, spec)), spoilt(schema)))
    def check(spec: Any) -> None:
        try:
            stored = cluster.create(name, spec, lifted=True)
        except Refused:
            verdicts[False] += 1
            return
        verdicts[True] += 1
        read = kind.model_validate(stored)
        assert read.spec.model_dump(by_alias=True, exclude_unset=True) is not None

    check()
    assert verdicts[False], "some of it is refused, so the API server was really asked"
    assert verdicts[True], "some of it is accepted"
