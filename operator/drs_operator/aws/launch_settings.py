"""The port LaunchSettings over boto3: DRS's part, the EC2 launch templates, and what EC2 and IAM have.

In steady state a place costs one sweep of its templates' default versions a refresh, and one read for each kind of
thing that settings name, whatever the number of groups and servers.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from drs_operator.aws import errors, launch_templates
from drs_operator.aws.drs import batches
from drs_operator.aws.inventories import reader
from drs_operator.aws.lookups import Lookup, PlaceReads
from drs_operator.aws.sessions import Sessions
from drs_operator.aws.writers import Writers
from drs_operator.planning.launch_checks import Interface, Question, Subnet, Terrain
from drs_operator.planning.launch_settings import Actual, DrsSettings, TemplateSettings
from drs_operator.ports import Access, AccessDenied, ReadFailed, Throttled

T = TypeVar("T")

PATIENCE_SECONDS = 15.0
"""How long a reconcile bears to hear nothing of a place."""
TEMPLATES_PAGE = 200
PAGE = 1000
FILTER_VALUES = 200
DEFAULT = "$Default"
_BUSY = "ConflictException"
_NO_SUCH_VERSION = "InvalidLaunchTemplateId.VersionNotFound"
_PASSING = errors.EXPIRED | errors.TOO_OLD | errors.UNSURE
"""4xx that says nothing of the change."""


class BotoLaunchSettings:
    """Launch settings through boto3. Reads go through the account's one session for reads, writes through a client of
    one attempt."""

    def __init__(self, sessions: Sessions, refresh_seconds: float, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._sessions = sessions
        self._writers = Writers(sessions)
        self._spent: Counter[str] = Counter()
        """By template: how many versions that a token had promised were gone. EC2 repeats an answer, come what may."""
        self._versions: PlaceReads[dict[str, int]] = PlaceReads(
            sessions, "DescribeLaunchTemplates", refresh_seconds, patience_seconds
        )

        def lookup(operation: str, read: Callable[[Any, list[Any]], Mapping[Any, Any]], service: str = "ec2") -> Any:
            async def on_thread(access: Access, region: str, names: list[Any]) -> Mapping[Any, Any]:
                return await self._read(access, region, service, lambda client: read(client, names))

            return Lookup(sessions, operation, refresh_seconds, patience_seconds, on_thread)

        self._types: Lookup[str, str] = lookup("DescribeInstanceTypeOfferings", _instance_types)
        self._subnets: Lookup[str, Subnet] = lookup("DescribeSubnets", _subnets)
        self._groups: Lookup[str, str] = lookup("DescribeSecurityGroups", _security_groups)
        self._interfaces: Lookup[tuple[str, str], Interface] = lookup("DescribeNetworkInterfaces", _interfaces)
        self._profiles: Lookup[str, str] = lookup("ListInstanceProfiles", _profiles, "iam")

    async def _read(self, access: Access, region: str, service: str, call: Callable[[Any], T]) -> T:
        shared = reader(access)
        try:
            return await self._sessions.run(
                shared, region, lambda: call(self._sessions.client(shared, service, region))
            )
        except ReadFailed as error:
            raise _told(error, access, region) from error.__cause__

    async def default_versions(self, access: Access, region: str) -> Mapping[str, int]:
        """Default version of every launch template of a place."""
        return await self._versions.get(access, region, lambda: self._read(access, region, "ec2", _default_versions))

    async def actual(self, access: Access, region: str, server_id: str) -> Actual:
        """The settings of a server, read now: DRS's part, then the default version of its template."""
        shown = await self._read(
            access, region, "drs", lambda drs: drs.get_launch_configuration(sourceServerID=server_id)
        )
        template_id = shown.get("ec2LaunchTemplateID")
        if not template_id:
            raise ReadFailed("DRS_ERROR", f"DRS names no launch template of {server_id}; open it in the DRS console")
        number, data = await self._read(access, region, "ec2", lambda ec2: _version(ec2, template_id, DEFAULT))
        self._learn(access, region, template_id, number)
        return Actual(template_id, number, _drs_settings(shown), launch_templates.settings_of(data))

    async def terrain(self, access: Access, region: str, question: Question) -> Terrain:
        """What EC2 and IAM have of what the settings name."""
        types, subnets, groups, interfaces, profiles = await asyncio.gather(
            self._types.get(access, region, question.instance_types),
            self._subnets.get(access, region, question.subnet_ids),
            self._groups.get(access, region, question.security_group_ids),
            self._interfaces.get(access, region, question.addresses),
            self._known_profiles(access, region, question.profiles),
        )
        return Terrain(frozenset(types), subnets, groups, profiles, interfaces)

    async def _known_profiles(self, access: Access, region: str, profiles: frozenset[str]) -> dict[str, bool | None]:
        """Whether each exists. IAM is not regional, and a role may lack the right to look: then nothing is said."""
        try:
            found = await self._profiles.get(access, region, profiles)
        except AccessDenied:
            return dict.fromkeys(profiles)
        return {profile: profile in found for profile in profiles}

    async def change_drs(self, access: Access, region: str, server_id: str, change: DrsSettings) -> None:
        """UpdateLaunchConfiguration with the keys that are set."""
        wanted = _drs_parameters(change)
        await self._write(
            access, region, "drs", lambda drs: drs.update_launch_configuration(sourceServerID=server_id, **wanted)
        )

    async def add_version(
        self, access: Access, region: str, actual: Actual, change: TemplateSettings, token: str
    ) -> int:
        """A version based on `actual.default_version`, all of whose other parameters EC2 takes over."""
        template_id, base = actual.template_id, str(actual.default_version)
        number, data = await self._read(access, region, "ec2", lambda ec2: _version(ec2, template_id, DEFAULT))
        if number != actual.default_version:  # whoever moved it would lose what they changed
            self._learn(access, region, template_id, number)
            text = f"the default version of launch template {template_id} has moved from {base} to {number} meanwhile"
            raise ReadFailed("SYNC_FAILED", f"{text}; it is compared again")
        named = launch_templates.changed(data, change, template_id)
        answer = await self._write(
            access,
            region,
            "ec2",
            lambda ec2: ec2.create_launch_template_version(
                LaunchTemplateId=template_id,
                SourceVersion=base,
                ClientToken=f"{token}-{self._spent[template_id]}",
                VersionDescription="launch settings of drs-operator",
                LaunchTemplateData=named,
            ),
        )
        return int(answer["LaunchTemplateVersion"]["VersionNumber"])

    async def move_default(self, access: Access, region: str, template_id: str, version: int) -> None:
        """Makes a version the template's default."""
        try:
            await self._write(
                access,
                region,
                "ec2",
                lambda ec2: ec2.modify_launch_template(LaunchTemplateId=template_id, DefaultVersion=str(version)),
            )
        except ReadFailed as error:
            if isinstance(error.__cause__, ClientError) and errors.code_of(error.__cause__) == _NO_SUCH_VERSION:
                self._spent[template_id] += 1
            raise
        self._learn(access, region, template_id, version)

    async def _write(self, access: Access, region: str, service: str, call: Callable[[Any], T]) -> T:
        try:
            return await self._writers.run(access, region, service, call)
        except ReadFailed as error:
            raise _refused(_told(error, access, region), error.__cause__) from error.__cause__

    def _learn(self, access: Access, region: str, template_id: str, version: int) -> None:
        """What was just seen or written is newer than the last sweep."""
        if (kept := self._versions.peek(access, region)) is not None:
            kept[template_id] = version


def _told(error: ReadFailed, access: Access, region: str) -> ReadFailed:
    """A failure in the words of launch settings, where they have some."""
    cause = error.__cause__
    if errors.region_state(error) == "THROTTLED":
        return Throttled(error.code, error.message)
    if not isinstance(cause, ClientError):
        return error
    if errors.code_of(cause) == _BUSY or errors.status_of(cause) == 409:
        message = f"a DRS job is running on the server: {errors.message_of(cause)}; it is written when that has ended"
        return ReadFailed("SERVER_IN_JOB", message)
    return error


def _refused(error: ReadFailed, cause: BaseException | None) -> ReadFailed:
    """A write that AWS understood and refuses: it stays so until somebody changes the settings."""
    if type(error) is not ReadFailed or error.code != "DRS_ERROR" or not isinstance(cause, ClientError):
        return error
    code = errors.code_of(cause)
    if code in _PASSING or not 400 <= errors.status_of(cause) < 500:
        return error
    message = f"AWS refuses {cause.operation_name}: {code}: {errors.message_of(cause)}; correct the launch settings"
    return ReadFailed("SYNC_FAILED", message)


def _default_versions(ec2: Any) -> dict[str, int]:
    pages = ec2.get_paginator("describe_launch_templates").paginate(PaginationConfig={"PageSize": TEMPLATES_PAGE})
    return {
        template["LaunchTemplateId"]: int(template["DefaultVersionNumber"])
        for page in pages
        for template in page.get("LaunchTemplates", [])
    }


def _version(ec2: Any, template_id: str, version: str) -> tuple[int, Mapping[str, Any]]:
    """Number and data of a version."""
    answer = ec2.describe_launch_template_versions(LaunchTemplateId=template_id, Versions=[version])
    found = next(iter(answer.get("LaunchTemplateVersions", [])), None)
    if found is None:
        look = f"aws ec2 describe-launch-template-versions --launch-template-id {template_id}"
        raise ReadFailed("DRS_ERROR", f"launch template {template_id} has no version {version}; look: {look}")
    return int(found["VersionNumber"]), found.get("LaunchTemplateData", {})


def _drs_settings(shown: Mapping[str, Any]) -> DrsSettings:
    return DrsSettings(
        right_sizing=shown.get("targetInstanceTypeRightSizingMethod"),
        copy_private_ip=shown.get("copyPrivateIp"),
        copy_tags=shown.get("copyTags"),
        launch_disposition=shown.get("launchDisposition"),
        os_byol=(shown.get("licensing") or {}).get("osByol"),
    )


def _drs_parameters(change: DrsSettings) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "targetInstanceTypeRightSizingMethod": change.right_sizing,
        "copyPrivateIp": change.copy_private_ip,
        "copyTags": change.copy_tags,
        "launchDisposition": change.launch_disposition,
        "licensing": None if change.os_byol is None else {"osByol": change.os_byol},
    }
    return {name: value for name, value in parameters.items() if value is not None}


def _listed(client: Any, operation: str, listed: str, **parameters: Any) -> list[dict[str, Any]]:
    pages = client.get_paginator(operation).paginate(PaginationConfig={"PageSize": PAGE}, **parameters)
    return [item for page in pages for item in page.get(listed, [])]


def _filtered(client: Any, operation: str, listed: str, name: str, values: Iterable[str]) -> list[dict[str, Any]]:
    """Those that exist: a filter, unlike a list of ids, does not mind a value that nothing has."""
    return [
        item
        for batch in batches(values, FILTER_VALUES)
        for item in _listed(client, operation, listed, Filters=[{"Name": name, "Values": list(batch)}])
    ]


def _instance_types(ec2: Any, names: list[str]) -> dict[str, str]:
    found = _filtered(ec2, "describe_instance_type_offerings", "InstanceTypeOfferings", "instance-type", names)
    return {offer["InstanceType"]: offer["InstanceType"] for offer in found}


def _subnets(ec2: Any, names: list[str]) -> dict[str, Subnet]:
    found = _filtered(ec2, "describe_subnets", "Subnets", "subnet-id", names)
    return {subnet["SubnetId"]: Subnet(subnet["VpcId"], subnet.get("CidrBlock") or "") for subnet in found}


def _security_groups(ec2: Any, names: list[str]) -> dict[str, str]:
    found = _filtered(ec2, "describe_security_groups", "SecurityGroups", "group-id", names)
    return {group["GroupId"]: group["VpcId"] for group in found if "VpcId" in group}


def _interfaces(ec2: Any, names: list[tuple[str, str]]) -> dict[tuple[str, str], Interface]:
    addresses = (address for _, address in names)
    found = _filtered(
        ec2, "describe_network_interfaces", "NetworkInterfaces", "addresses.private-ip-address", addresses
    )
    return {
        (interface["SubnetId"], address["PrivateIpAddress"]): Interface(
            interface["NetworkInterfaceId"], (interface.get("Attachment") or {}).get("InstanceId")
        )
        for interface in found
        for address in interface.get("PrivateIpAddresses", [])
    }


def _profiles(iam: Any, names: list[str]) -> dict[str, str]:
    """All of the account in one list, by ARN and by name, as far as they are asked for."""
    profiles = _listed(iam, "list_instance_profiles", "InstanceProfiles")
    known = {profile[key]: profile["Arn"] for profile in profiles for key in ("Arn", "InstanceProfileName")}
    return {name: known[name] for name in names if name in known}
