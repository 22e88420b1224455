"""What users see of the kinds: columns, selectors, explanations, names and the status before the operator came."""

import re
from collections.abc import Iterator

import pytest
import yaml

from drs_operator.api.v1alpha1 import KINDS, Resource
from tests.integration.crds.cluster import LIFTED_GROUP, Cluster, Refused
from tests.integration.crds.objects import Object, account, drill, group, plan, recovery, schedule

READY = {
    "type": "Ready",
    "status": "False",
    "reason": "TooFewServers",
    "message": "no server matches; check the tags",
    "lastTransitionTime": "2026-01-31T12:00:00Z",
}

STATUSES: dict[str, tuple[Object, Object]] = {
    "TargetAccount": (
        account(),
        {"regionSummary": "us-east-1,us-west-2", "sourceServers": 150, "unprotectedServers": 4},
    ),
    "ProtectionGroup": (
        group(),
        {"sourceRegionSummary": "eu-west-1", "serverCount": 3, "healthyCount": 2, "worstLag": "<15m"},
    ),
    "RecoveryPlan": (
        plan(),
        {
            "sourceRegionSummary": "eu-west-1",
            "targetRegionSummary": "us-east-1",
            "totalWaves": 2,
            "totalServers": 15,
            "lastExecution": {"name": "run", "phase": "Completed", "finishTime": "2025-01-31T12:00:00Z"},
        },
    ),
    "DRExecution": (
        drill(),
        {
            "phase": "Paused",
            "waveProgress": "2/3",
            "serverProgress": "5/23 !1",
            "waitingFor": "you: resume 2.1",
            "startTime": "2025-01-31T12:00:00Z",
            "requestedBy": "jane@example.com",
            "cleanup": {"phase": "Scheduled"},
        },
    ),
}


@pytest.fixture(scope="module")
def stored(cluster: Cluster) -> Iterator[Cluster]:
    """One object of each available kind, with the status above."""
    for kind, (spec, status) in STATUSES.items():
        cluster.create(kind, spec, dry_run=False, metadata={"name": "shown"})
        cluster.change_status(kind, "shown", {**status, "conditions": [READY]})
    yield cluster
    for kind in STATUSES:
        cluster.delete(kind, "shown")


WIDE = [
    (
        "drta",
        "NAME ACCOUNT REGIONS SERVERS READY AGE POLICY ROLE UNPROTECTED MESSAGE",
        ["shown", "123456789012", "us-east-1,us-west-2", "150", "False", "*", "Manage", "Recovery", "4", "no server*"],
    ),
    (
        "drpg",
        "NAME ACCOUNT FROM INTO SERVERS HEALTHY READY AGE MODE WORST-LAG MESSAGE",
        ["shown", "production", "eu-west-1", "us-east-1", "3", "2", "False", "*", "tags", "<15m", "no server*"],
    ),
    (
        "drplan",
        "NAME FROM INTO WAVES SERVERS READY LAST-RUN LAST-RESULT AGE PRIORITY MESSAGE",
        ["shown", "eu-west-1", "us-east-1", "2", "15", "False", "*d", "Completed", "*", "500", "no server*"],
    ),
    (
        "drx",
        "NAME PLAN TYPE PHASE WAVE SERVERS WAITING-FOR STARTED AGE REQUESTED-BY CLEANUP MESSAGE",
        [
            *("shown", "production", "DRILL", "Paused", "2/3", "5/23 !1", "you: resume 2.1", "*d", "*"),
            *("jane@example.com", "Scheduled", "no server*"),
        ],
    ),
]


@pytest.mark.parametrize(("short", "heads", "cells"), WIDE, ids=[case[0] for case in WIDE])
def test_columns(stored: Cluster, short: str, heads: str, cells: list[str]) -> None:
    head, row = stored.kubectl("get", short, "shown", "-o", "wide").splitlines()

    starts = [found.start() for found in re.finditer(r"\S+", head)]
    shown = [row[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
    assert head.split() == heads.split()
    assert all(_like(cell, pattern) for cell, pattern in zip(shown, cells, strict=True)), shown


def _like(cell: str, pattern: str) -> bool:
    before, star, after = pattern.partition("*")
    return cell.startswith(before) and cell.endswith(after) if star else cell == pattern


def test_columns_without_wide(stored: Cluster) -> None:
    assert "MESSAGE" not in stored.kubectl("get", "drta,drpg,drplan,drx")
    assert "READY" in stored.kubectl("get", "drta")


def test_columns_of_schedules(cluster: Cluster) -> None:
    cluster.create("DRSchedule", schedule(), lifted=True, dry_run=False)
    try:
        head, row = cluster.kubectl("get", f"drschedules.{LIFTED_GROUP}").splitlines()
    finally:
        cluster.delete("DRSchedule", "test", lifted=True)

    assert head.split() == ["NAME", "PLAN", "SCHEDULE", "SUSPEND", "LAST-RUN", "NEXT-RUN", "AGE"]
    assert row.split()[:8] == ["test", "production", "0", "3", "*", "*", "6", "false"]


def test_one_category_shows_every_kind(stored: Cluster) -> None:
    names = stored.kubectl("get", "dr", "-o", "name").split()

    assert set(names) >= {f"{kind.lower()}.drs-operator.io/shown" for kind in STATUSES}


SELECTORS = [
    ("drpg", "spec.targetAccountRef.name=production,spec.region=us-east-1", True),
    ("drpg", "spec.region=us-west-2", False),
    ("drx", "spec.recoveryPlanRef.name=production,spec.executionType=DRILL,status.phase=Paused", True),
    ("drx", "status.phase=Running", False),
]


@pytest.mark.parametrize(("short", "selector", "found"), SELECTORS)
def test_selectable_fields(stored: Cluster, short: str, selector: str, found: bool) -> None:
    names = stored.kubectl("get", short, "-o", "name", "--field-selector", selector).split()

    assert any(name.endswith("/shown") for name in names) is found


def test_selectable_field_of_schedules(cluster: Cluster) -> None:
    selector = "spec.executionTemplate.spec.recoveryPlanRef.name"
    cluster.create("DRSchedule", schedule(), lifted=True, dry_run=False)
    try:
        kind = f"drschedules.{LIFTED_GROUP}"
        found = cluster.kubectl("get", kind, "-o", "name", "--field-selector", f"{selector}=production")
        others = cluster.kubectl("get", kind, "-o", "name", "--field-selector", f"{selector}=other")
    finally:
        cluster.delete("DRSchedule", "test", lifted=True)

    assert found.split() == [f"drschedule.{LIFTED_GROUP}/test"]
    assert others.split() == []


EXPLANATIONS = [
    ("drta.spec.managementPolicy", ["ENUM:", "Observe", "emergency stop", "Default: Manage."]),
    ("drpg.spec.serverSelectionTags", ["values without case", "Required with serverSelectionMode tags"]),
    ("drpg.spec.drillLaunchConfiguration", ["Not available in this version"]),
    ("drplan.spec.waves.dependsOnWaves", ["lower launchOrder", "at most 49"]),
    ("drx.spec.executionType", ["ENUM:", "DRILL", "no default", "immutable"]),
    ("drx.status.phase", ["CompletedWithExceptions", "newer versions may add more", "Written by the operator."]),
    ("drx.status.waves.servers.launchStatus", ["AWS's word"]),
    ("drsched.spec.schedule", ["five cron fields"]),
]


@pytest.mark.parametrize(("path", "words"), EXPLANATIONS)
def test_explanations(cluster: Cluster, path: str, words: list[str]) -> None:
    explained = " ".join(cluster.kubectl("explain", path).split())

    assert [word for word in words if word not in explained] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.definition.kind))
def test_no_field_is_left_without_explanation(cluster: Cluster, kind: type[Resource]) -> None:
    document = yaml.safe_load(cluster.kubectl("get", "crd", f"{kind.definition.plural}.drs-operator.io", "-o", "yaml"))

    schema = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert list(_unexplained(schema["properties"]["spec"], "spec")) == []
    assert list(_unexplained(schema["properties"]["status"], "status")) == []


def _unexplained(node: Object, path: str) -> Iterator[str]:
    if not node.get("description"):
        yield path
    for name, child in node.get("properties", {}).items():
        yield from _unexplained(child, f"{path}.{name}")
    items = node.get("items", {})
    for name, child in items.get("properties", {}).items():
        yield from _unexplained(child, f"{path}[].{name}")


@pytest.mark.parametrize("kind", list(STATUSES))
def test_status_before_the_operator_came(cluster: Cluster, kind: str) -> None:
    created = cluster.create(kind, STATUSES[kind][0], status={"observedGeneration": 7})

    assert created["status"] == {"observedGeneration": -1}


DEFAULTS = [
    ("TargetAccount", account(), {"managementPolicy": "Manage"}),
    ("ProtectionGroup", group(membership={}), {"suspend": False, "membership": {"onLeave": "Hold", "minServers": 1}}),
    ("RecoveryPlan", plan(), {"priority": 500, "splitOversizedWaves": False}),
    ("DRExecution", drill(), {"dryRun": False, "liveRecoveryInstances": "Refuse", "pausePolicy": "Honor"}),
]


@pytest.mark.parametrize(("kind", "spec", "added"), DEFAULTS, ids=[case[0] for case in DEFAULTS])
def test_defaults(cluster: Cluster, kind: str, spec: Object, added: Object) -> None:
    assert cluster.create(kind, spec)["spec"] == {**spec, **added} | _waves(spec)


def _waves(spec: Object) -> Object:
    added = {"pauseBeforeWave": False, "readyWhen": "Launched", "waitAfterSeconds": 0, "timeoutSeconds": 14400}
    return {"waves": [{**wave, **added} for wave in spec["waves"]]} if "waves" in spec else {}


def test_unknown_values_in_status_are_accepted(stored: Cluster) -> None:
    """A newer operator may write them while the CRDs are not upgraded yet."""
    changed = stored.change_status("DRExecution", "shown", {"cleanup": {"phase": "Archiving"}})

    assert changed["status"]["cleanup"] == {"phase": "Archiving"}


@pytest.mark.parametrize(
    ("kind", "spec", "length"),
    [
        ("TargetAccount", account(), 63),
        ("ProtectionGroup", group(), 63),
        ("RecoveryPlan", plan(), 63),
        ("DRExecution", recovery(), 63),
        ("DRSchedule", schedule(), 52),
    ],
)
def test_length_of_names(cluster: Cluster, kind: str, spec: Object, length: int) -> None:
    cluster.create(kind, spec, metadata={"name": "n" * length}, lifted=True)

    with pytest.raises(Refused, match=f"INVALID_NAME: metadata.name has at most {length} characters"):
        cluster.create(kind, spec, metadata={"name": "n" * (length + 1)}, lifted=True)
