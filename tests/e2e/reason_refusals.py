"""What the API server refuses by the rules of the types, one row for each code."""

from typing import Any

from tests.e2e.reasons import Object, Refusal, group, plan, run, target, wave

_HERE = "default"


def _in_default(wanted: Object, **spec: Any) -> Object:
    """An object in namespace default, with a changed spec."""
    return {**wanted, "metadata": {**wanted["metadata"], "namespace": _HERE}, "spec": {**wanted["spec"], **spec}}


def _schedule(type: str) -> Object:
    template = {"spec": {"recoveryPlanRef": {"name": "production"}, "executionType": type}}
    return {
        "apiVersion": "drs-operator.io/v1alpha1",
        "kind": "DRSchedule",
        "metadata": {"name": "weekly", "namespace": _HERE},
        "spec": {"schedule": "0 3 * * 6", "executionTemplate": template},
    }


_GROUP = _in_default(group("refused"))
_PLAN = _in_default(plan("refused"))
_RUN = _in_default(run("refused"))


def _override(number: int, address: str) -> Object:
    """An override of a server, with a static address."""
    settings = {"subnetId": "subnet-0aaa1111bbb22222c", "staticPrivateIp": address}
    return {"serverId": f"s-{number:017d}", "launchConfiguration": settings}


REFUSALS: tuple[Refusal, ...] = (
    Refusal(
        "immutable region",
        "INVALID_PARAMETER",
        ("spec.region", "immutable; create a new object instead"),
        _in_default(_GROUP, region="us-west-2"),
        "the Region of a group never changes",
        before=_GROUP,
    ),
    Refusal(
        "two selections",
        "INVALID_PARAMETER",
        ("serverSelectionTags or by sourceServerIds", "remove one"),
        _in_default(_GROUP, sourceServerIds=["s-1234567890abcdef0"]),
        "a group selects in one way",
    ),
    Refusal(
        "recovery without a reason",
        "MISSING_PARAMETER",
        ("spec.reason", "say in spec.reason why"),
        _in_default(_RUN, executionType="RECOVERY", recoveryPoint={"policy": "Latest"}),
        "a recovery is a decision that has a reason",
    ),
    Refusal(
        "external id without a role",
        "MISSING_PARAMETER",
        ("spec.assumeRoleName", "name the role"),
        {**target("refused"), "spec": {k: v for k, v in target("refused")["spec"].items() if k != "assumeRoleName"}},
        "an external id is used only when a role is assumed",
    ),
    Refusal(
        "blank display name",
        "INVALID_NAME",
        ("spec.displayName", "correct it"),
        _in_default(_GROUP, displayName=" "),
        "nobody could tell the group by it",
    ),
    Refusal(
        "schedule of recoveries",
        "INVALID_EXECUTION_TYPE",
        ("a schedule starts drills only", "create recoveries by hand"),
        _schedule("RECOVERY"),
        "no clock may start a recovery",
    ),
    Refusal(
        "schedule",
        "NOT_AVAILABLE",
        ("DRSchedule is not available in this version", "creating a DRExecution"),
        _schedule("DRILL"),
        "the controller does not exist yet",
    ),
    Refusal(
        "no tag",
        "INVALID_TAGS",
        ("spec.serverSelectionTags", "name at least one"),
        _in_default(_GROUP, serverSelectionTags={}),
        "no tag would select every server",
    ),
    Refusal(
        "no server",
        "INVALID_SERVERS",
        ("spec.sourceServerIds", "list at least one server"),
        _in_default(group("refused", serverSelectionMode="explicit"), sourceServerIds=[]),
        "an explicit group lists its servers",
    ),
    Refusal(
        "no waves",
        "PLAN_HAS_NO_WAVES",
        ("spec.waves", "add one"),
        _in_default(_PLAN, waves=[]),
        "there would be nothing to launch",
    ),
    Refusal(
        "group twice",
        "INVALID_WAVE_DATA",
        ("spec.waves", "keep it in one of them"),
        _in_default(_PLAN, waves=[wave(1, "a"), wave(2, "a")]),
        "a server is launched once in a run",
    ),
    Refusal(
        "wave after itself",
        "CIRCULAR_DEPENDENCY",
        ("cannot wait for itself", "remove its own number"),
        _in_default(_PLAN, waves=[wave(1, "a", dependsOnWaves=[1])]),
        "it would never start",
    ),
    Refusal(
        "public address",
        "IP_NOT_PRIVATE",
        ("staticPrivateIp", "10.0.0.0/8"),
        _in_default(_GROUP, servers=[_override(1, "8.8.8.8")]),
        "an interface has a private address",
    ),
    Refusal(
        "one address for two",
        "DUPLICATE_IP",
        ("same staticPrivateIp", "give each its own"),
        _in_default(_GROUP, servers=[_override(1, "10.0.1.17"), _override(2, "10.0.1.17")]),
        "an address is one server's",
    ),
)
