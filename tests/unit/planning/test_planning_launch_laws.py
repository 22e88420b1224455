"""What holds of launch settings whatever they are: a change leaves no difference, and what is in force stays so."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from drs_operator.api.v1alpha1 import ProtectionGroup
from drs_operator.planning.launch_checks import question
from drs_operator.planning.launch_settings import (
    Actual,
    DrsSettings,
    S,
    TemplateSettings,
    Wanted,
    addresses,
    differences,
    drs_change,
    effective,
    template_change,
)

SERVER, OTHER = "s-00000000000000001", "s-00000000000000002"
ARN = "arn:aws:iam::123456789012:instance-profile/"
FLAGS = st.none() | st.booleans()
TYPES = st.none() | st.sampled_from(["m5.large", "r6i.large"])
SUBNETS = st.none() | st.sampled_from(["subnet-0aaa1111bbb22222c", "subnet-0ccc1111bbb22222c"])
GROUPS = ["sg-00000001", "sg-00000002", "sg-00000003"]
IPS = st.none() | st.sampled_from(["10.0.1.5", "10.0.1.6"])
PROFILES = st.none() | st.sampled_from([ARN + "Web", ARN + "path/DB", "Web", "DB"])
DISPOSITIONS = st.none() | st.sampled_from(["STARTED", "STOPPED"])


def drs() -> st.SearchStrategy[DrsSettings]:
    """What DRS may keep, or may be wanted of it."""
    sizing = st.none() | st.sampled_from(["NONE", "BASIC", "IN_AWS", "A_VALUE_OF_TOMORROW"])
    return st.builds(DrsSettings, sizing, FLAGS, FLAGS, DISPOSITIONS, FLAGS)


def template(least: int) -> st.SearchStrategy[TemplateSettings]:
    """What a template may have; what is wanted has at least one security group or says nothing of them."""
    groups = st.none() | st.lists(st.sampled_from(GROUPS), unique=True, min_size=least).map(tuple)
    return st.builds(TemplateSettings, TYPES, SUBNETS, groups, PROFILES, IPS)


WANTED = st.builds(Wanted, drs(), template(1))
ACTUAL = st.builds(Actual, st.just("lt-1"), st.just(7), drs(), template(0))


def over(has: S, change: S) -> S:
    """What AWS has after a change: None leaves it."""
    values = {field.name: getattr(change, field.name) for field in fields(change)}
    return replace(has, **{name: value for name, value in values.items() if value is not None})


@given(WANTED, ACTUAL)
def test_a_change_leaves_no_difference_and_touches_nothing_else(wanted: Wanted, actual: Actual) -> None:
    changes = (drs_change(wanted, actual), template_change(wanted, actual))
    after = replace(actual, drs=over(actual.drs, changes[0]), template=over(actual.template, changes[1]))
    assert differences(wanted, after) == []
    assert (drs_change(wanted, after), template_change(wanted, after)) == (DrsSettings(), TemplateSettings())
    for part, has, now in ((wanted.drs, actual.drs, after.drs), (wanted.template, actual.template, after.template)):
        unmanaged = [field.name for field in fields(part) if getattr(part, field.name) is None]
        assert all(getattr(now, name) == getattr(has, name) for name in unmanaged)


@given(WANTED, ACTUAL)
def test_there_are_differences_exactly_if_there_are_changes(wanted: Wanted, actual: Actual) -> None:
    changed = (drs_change(wanted, actual), template_change(wanted, actual)) != (DrsSettings(), TemplateSettings())
    assert bool(differences(wanted, actual)) == changed


@given(WANTED, ACTUAL, st.randoms(use_true_random=False))
def test_the_order_of_security_groups_is_no_difference(wanted: Wanted, actual: Actual, random: Any) -> None:
    groups = list(actual.template.security_group_ids or ())
    random.shuffle(groups)
    turned = replace(actual, template=replace(actual.template, security_group_ids=tuple(groups)))
    assert template_change(wanted, turned) == template_change(wanted, actual)


@st.composite
def launch(draw: st.DrawFn, own: bool = False) -> dict[str, Any]:
    """Settings as they are written; `own`: of a server."""
    profile = draw(PROFILES)
    form = "iamInstanceProfileArn" if (profile or "").startswith("arn:") else "iamInstanceProfileName"
    sizing = draw(st.none() | st.sampled_from(["NONE", "BASIC", "IN_AWS", "CUSTOM"]))
    groups = st.lists(st.sampled_from(GROUPS), unique=True, min_size=1)
    written = {
        "targetInstanceTypeRightSizingMethod": sizing,
        "copyPrivateIp": draw(FLAGS),
        "copyTags": draw(FLAGS),
        "launchDisposition": draw(DISPOSITIONS),
        "licensing": draw(st.none() | st.just({}) | st.fixed_dictionaries({"osByol": st.booleans()})),
        "instanceType": draw(TYPES),
        "subnetId": draw(SUBNETS),
        "securityGroupIds": draw(st.none() | groups),
        form: profile,
        "staticPrivateIp": draw(IPS) if own else None,
    }
    return {name: value for name, value in written.items() if value is not None}


def group(defaults: dict[str, Any] | None, *overrides: dict[str, Any]) -> ProtectionGroup:
    """A group of two servers."""
    spec = {
        "targetAccountRef": {"name": "production"},
        "region": "us-east-1",
        "serverSelectionMode": "explicit",
        "sourceServerIds": [SERVER, OTHER],
        "launchConfiguration": defaults,
        "servers": list(overrides),
    }
    return ProtectionGroup.model_validate({"metadata": {"name": "db", "namespace": "dr"}, "spec": spec})


@st.composite
def groups(draw: st.DrawFn) -> ProtectionGroup:
    """Groups with settings, and with settings of single servers, in any combination."""
    override = st.fixed_dictionaries(
        {"useGroupDefaults": st.booleans()}, optional={"launchConfiguration": launch(own=True)}
    )
    ids = draw(st.lists(st.sampled_from([SERVER, OTHER]), unique=True))
    return group(draw(st.none() | launch()), *({"serverId": i, **draw(override)} for i in ids))


def as_written(wanted: Wanted) -> dict[str, Any]:
    """What is in force, written down again."""
    kept, profile = wanted.drs, wanted.template.profile
    form = "iamInstanceProfileArn" if (profile or "").startswith("arn:") else "iamInstanceProfileName"
    written = {
        "targetInstanceTypeRightSizingMethod": kept.right_sizing,
        "copyPrivateIp": kept.copy_private_ip,
        "copyTags": kept.copy_tags,
        "launchDisposition": kept.launch_disposition,
        "licensing": None if kept.os_byol is None else {"osByol": kept.os_byol},
        "instanceType": wanted.template.instance_type,
        "subnetId": wanted.template.subnet_id,
        "securityGroupIds": wanted.template.security_group_ids,
        form: profile,
        "staticPrivateIp": wanted.template.private_ip,
    }
    return {name: value for name, value in written.items() if value is not None}


@settings(max_examples=200)
@given(groups(), st.booleans())
def test_what_is_in_force_written_down_again_is_in_force(made: ProtectionGroup, over_defaults: bool) -> None:
    """The merge is idempotent, alone and over the group's settings, of which nothing is left to replace it."""
    once = effective(made, SERVER)
    own = {"serverId": SERVER, "useGroupDefaults": over_defaults, "launchConfiguration": as_written(once)}
    uses = next((entry.use_group_defaults for entry in made.spec.servers if entry.server_id == SERVER), True)
    defaults = made.spec.launch_configuration
    written = defaults.to_json() if defaults is not None and uses else None
    if written is not None and once.drs.os_byol is None:
        written.pop("licensing", None)  # replaced by an empty one, which leaves nothing to write
    twice = effective(group(written, own), SERVER)
    assert twice == once
    assert twice.version == once.version


@given(groups())
def test_what_is_in_force_is_what_aws_knows(made: ProtectionGroup) -> None:
    for server_id in (SERVER, OTHER):
        wanted = effective(made, server_id)
        assert wanted.drs.right_sizing != "CUSTOM"
        assert wanted.template.instance_type is None or wanted.drs.right_sizing == "NONE"
        assert wanted.template.private_ip is None or wanted.drs.copy_private_ip is False


@given(groups())
def test_what_is_claimed_is_what_is_asked(made: ProtectionGroup) -> None:
    claimed = set(addresses(made, [SERVER, OTHER]).values())
    assert claimed == question(effective(made, server_id) for server_id in (SERVER, OTHER)).addresses
