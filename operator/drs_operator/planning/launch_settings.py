"""Launch settings: what is wanted of a server, what AWS has, and what differs.

DRS keeps some of them itself (GetLaunchConfiguration), the others are in the server's EC2 launch template, of which it
uses the default version. A key that is not wanted is left as AWS has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from drs_operator.api.v1alpha1.launchconfiguration import (
    LaunchConfiguration,
    ServerLaunchConfiguration,
    ServerOverride,
)
from drs_operator.api.v1alpha1.protectiongroup import ProtectionGroup
from drs_operator.planning import ids
from drs_operator.planning.facts import Place

S = TypeVar("S", "DrsSettings", "TemplateSettings")

NO_RIGHT_SIZING = "NONE"
CUSTOM = "CUSTOM"
_PROFILE = ("iam_instance_profile_arn", "iam_instance_profile_name")


@dataclass(frozen=True, slots=True)
class DrsSettings:
    """What DRS keeps. As a change: None leaves it."""

    right_sizing: str | None = None
    """NONE, BASIC or IN_AWS; an open string."""
    copy_private_ip: bool | None = None
    copy_tags: bool | None = None
    launch_disposition: str | None = None
    os_byol: bool | None = None


@dataclass(frozen=True, slots=True)
class TemplateSettings:
    """What the launch template keeps. As a change: None leaves it."""

    instance_type: str | None = None
    subnet_id: str | None = None
    security_group_ids: tuple[str, ...] | None = None
    """Sorted; they are compared as a set."""
    profile: str | None = None
    """ARN or name of the instance profile."""
    private_ip: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """The settings in force for a server."""

    drs: DrsSettings = DrsSettings()
    template: TemplateSettings = TemplateSettings()

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is managed."""
        return self == Wanted()

    @property
    def version(self) -> str:
        """Two settings are the same exactly if their versions are."""
        return ids.digest(asdict(self))[:16]


@dataclass(frozen=True, slots=True)
class Actual:
    """The settings of a server as AWS has them."""

    template_id: str
    default_version: int
    drs: DrsSettings
    template: TemplateSettings


@dataclass(frozen=True, slots=True)
class SettingsRecord:
    """What the ledger remembers of a server's settings."""

    place: Place
    server_id: str
    group_id: str
    installation: str
    template_id: str
    earlier_version: int
    """The template's default version before the operator first wrote to this template: to be put back by hand."""
    verified_version: int
    """The default version when AWS was last seen to have what was wanted; 0: never."""
    settings: str
    """`Wanted.version` of what was verified."""
    writing: str | None = None
    """`Wanted.version` of what is being written: the intent."""

    @property
    def version(self) -> str:
        """Names the settings that AWS was last seen to have, and the template's version that has them."""
        return f"{self.settings}@{self.verified_version}"

    def is_verified(self, wanted: Wanted, default_version: int | None) -> bool:
        """Whether AWS surely has what is wanted: each change there makes a new default version."""
        return self.writing is None and self.settings == wanted.version and self.verified_version == default_version


def effective(group: ProtectionGroup, server_id: str) -> Wanted:
    """The group's settings with the server's own over them, key by key, lists whole."""
    return _effective(group, next((entry for entry in group.spec.servers if entry.server_id == server_id), None))


def _effective(group: ProtectionGroup, override: ServerOverride | None) -> Wanted:
    layers: list[LaunchConfiguration | ServerLaunchConfiguration | None] = []
    if override is None or override.use_group_defaults:
        layers.append(group.spec.launch_configuration)
    if override is not None:
        layers.append(override.launch_configuration)
    merged: dict[str, object] = {}
    for layer in layers:
        if layer is not None:
            given = {name: value for name in type(layer).model_fields if (value := getattr(layer, name)) is not None}
            if not given.keys().isdisjoint(_PROFILE):  # one setting in two forms
                merged = {name: value for name, value in merged.items() if name not in _PROFILE}
            merged |= given
    return _wanted(merged)


def _wanted(merged: Mapping[str, object]) -> Wanted:
    def text(name: str) -> str | None:
        value = merged.get(name)
        return None if value is None else str(value)

    def flag(name: str) -> bool | None:
        value = merged.get(name)
        return value if isinstance(value, bool) else None

    right_sizing = text("target_instance_type_right_sizing_method")
    if right_sizing == CUSTOM or text("instance_type") is not None:
        right_sizing = NO_RIGHT_SIZING  # DRS would overwrite the instance type otherwise
    groups = merged.get("security_group_ids")
    static = text("static_private_ip")
    return Wanted(
        DrsSettings(
            right_sizing=right_sizing,
            copy_private_ip=False if static is not None else flag("copy_private_ip"),
            copy_tags=flag("copy_tags"),
            launch_disposition=text("launch_disposition"),
            os_byol=getattr(merged.get("licensing"), "os_byol", None),
        ),
        TemplateSettings(
            instance_type=text("instance_type"),
            subnet_id=text("subnet_id"),
            security_group_ids=tuple(sorted(map(str, groups))) if isinstance(groups, list) else None,
            profile=text("iam_instance_profile_arn") or text("iam_instance_profile_name"),
            private_ip=static,
        ),
    )


def addresses(group: ProtectionGroup, server_ids: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Static addresses of these servers that are in force, as subnet and address by server id."""
    ids_of_group = set(server_ids)
    found = {}
    for override in group.spec.servers:
        if override.server_id in ids_of_group:
            template = _effective(group, override).template
            if template.private_ip is not None and template.subnet_id is not None:
                found[override.server_id] = (template.subnet_id, template.private_ip)
    return found


def drs_change(wanted: Wanted, actual: Actual) -> DrsSettings:
    """What has to be changed in DRS."""
    return _change(wanted.drs, actual.drs)


def template_change(wanted: Wanted, actual: Actual) -> TemplateSettings:
    """What has to be changed in the launch template."""
    return _change(wanted.template, actual.template)


def differences(wanted: Wanted, actual: Actual) -> list[str]:
    """What differs, in words: `instanceType m5.large, wanted r6i.large`."""
    changes = {**_set(drs_change(wanted, actual)), **_set(template_change(wanted, actual))}
    has = {**asdict(actual.drs), **asdict(actual.template)}
    return [f"{_NAMES[name]} {_shown(has[name])}, wanted {_shown(value)}" for name, value in changes.items()]


def same_profile(wanted: str | None, actual: str | None) -> bool:
    """Whether two instance profiles, each an ARN or a name, are one: a name is the end of its ARN."""
    if wanted is None or actual is None:
        return wanted == actual
    return wanted == actual or (
        wanted.rsplit("/", 1)[-1] == actual.rsplit("/", 1)[-1]
        and (not (wanted.startswith("arn:") and actual.startswith("arn:")))
    )


_NAMES = {
    "right_sizing": "targetInstanceTypeRightSizingMethod",
    "copy_private_ip": "copyPrivateIp",
    "copy_tags": "copyTags",
    "launch_disposition": "launchDisposition",
    "os_byol": "licensing.osByol",
    "instance_type": "instanceType",
    "subnet_id": "subnetId",
    "security_group_ids": "securityGroupIds",
    "profile": "iamInstanceProfile",
    "private_ip": "staticPrivateIp",
}


def _set(change: DrsSettings | TemplateSettings) -> dict[str, object]:
    return {name: value for name, value in asdict(change).items() if value is not None}


def _shown(value: object) -> str:
    if value is None or value == ():
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _change(wanted: S, actual: S) -> S:
    values = {field.name: getattr(wanted, field.name) for field in fields(wanted)}
    return type(wanted)(**{n: v for n, v in values.items() if v is not None and not _same(n, v, getattr(actual, n))})


def _same(name: str, wanted: Any, actual: Any) -> bool:
    if name == "profile":
        return same_profile(wanted, actual)
    if name == "security_group_ids":
        return set(wanted) == set(actual or ())
    return bool(wanted == actual)
