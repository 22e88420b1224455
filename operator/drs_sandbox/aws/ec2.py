"""EC2 as the DRS simulator uses it: launch templates and instances, in moto's EC2 of the same account and Region."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from moto.core.exceptions import ServiceException
from moto.core.types import Base64EncodedString
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends
from moto.ec2.utils import convert_tag_spec, filter_iam_instance_profiles

from drs_sandbox.aws.calls import CallLog
from drs_sandbox.aws.wire import plain
from drs_sandbox.drs.ports import Instance, InstanceLaunch, LaunchRejected, TemplateVersion

PRINCIPAL = "drs.amazonaws.com"
DEFAULT_INSTANCE_TYPE = "m5.large"
DEFAULT_VOLUME_SIZE = 8  # GiB
T = TypeVar("T")


class MotoEc2:
    """An Ec2Port over moto. Called under the clock's lock. Changes are logged with the principal of DRS."""

    def __init__(self, calls: CallLog) -> None:
        self._calls = calls

    def create_launch_template(
        self, account: str, region: str, name: str, data: Mapping[str, Any], tags: Mapping[str, str]
    ) -> str:
        """Creates a launch template whose version 1 is the default; returns its id."""
        parameters = {"LaunchTemplateName": name, "LaunchTemplateData": dict(data), "TagSpecifications": _tags(tags)}
        template = self._logged(
            account,
            region,
            "CreateLaunchTemplate",
            parameters,
            lambda: ec2_backends[account][region].create_launch_template(
                name, "", _stored(data), {"launch-template": dict(tags)}
            ),
        )
        return str(template.id)

    def default_template_version(self, account: str, region: str, template_id: str) -> TemplateVersion | None:
        """The version that is the default now; None when there is no such template."""
        template = ec2_backends[account][region].launch_templates.get(template_id)
        if template is None:
            return None
        version = template.default_version()
        return TemplateVersion(version.number, _plain(version.data))

    def add_template_version(
        self, account: str, region: str, template_id: str, data: Mapping[str, Any], make_default: bool
    ) -> int:
        """Adds a version that holds exactly `data`; returns its number."""
        template = ec2_backends[account][region].launch_templates[template_id]
        parameters = {"LaunchTemplateId": template_id, "LaunchTemplateData": dict(data)}
        version = self._logged(
            account,
            region,
            "CreateLaunchTemplateVersion",
            parameters,
            lambda: template.create_version(_stored(data), ""),
        )
        if make_default:
            self._logged(
                account,
                region,
                "ModifyLaunchTemplate",
                {"LaunchTemplateId": template_id, "DefaultVersion": str(version.number)},
                lambda: setattr(template, "default_version_number", version.number),
            )
        return int(version.number)

    def delete_launch_template(self, account: str, region: str, template_id: str) -> None:
        """Deletes a launch template; none there is no error."""
        backend = ec2_backends[account][region]
        if template_id in backend.launch_templates:
            self._logged(
                account,
                region,
                "DeleteLaunchTemplate",
                {"LaunchTemplateId": template_id},
                lambda: backend.delete_launch_template(None, template_id),
            )

    def run_instance(self, account: str, region: str, launch: InstanceLaunch) -> Instance:
        """Runs one instance from a version of a launch template. Raises LaunchRejected when EC2 refuses it."""
        parameters = {
            "LaunchTemplate": {"LaunchTemplateId": launch.template_id, "Version": str(launch.version.number)},
            "MinCount": 1,
            "MaxCount": 1,
            "TagSpecifications": [{"ResourceType": "instance", "Tags": _pairs(launch.tags)}],
            **({"PrivateIpAddress": launch.private_ip} if launch.private_ip else {}),
        }
        try:
            instance = self._logged(account, region, "RunInstances", parameters, lambda: _run(account, region, launch))
        except ServiceException as error:
            raise LaunchRejected(f"{error.code}: {error.message}") from error
        if not launch.started:
            self.stop_instance(account, region, instance.id)
        return _described(instance)

    def instance(self, account: str, region: str, instance_id: str) -> Instance | None:
        """An instance, terminated ones too; None when EC2 does not know it."""
        found = ec2_backends[account][region].get_instance_by_id(instance_id)
        return None if found is None else _described(found)

    def terminate_instance(self, account: str, region: str, instance_id: str) -> None:
        """Terminates an instance, protected or not; none there is no error."""
        backend = ec2_backends[account][region]
        instance = backend.get_instance_by_id(instance_id)
        if instance is None or instance.state == "terminated":
            return
        instance.disable_api_termination = False
        self._logged(
            account,
            region,
            "TerminateInstances",
            {"InstanceIds": [instance_id]},
            lambda: backend.terminate_instances([instance_id]),
        )

    def start_instance(self, account: str, region: str, instance_id: str) -> None:
        """Starts a stopped instance; a running one stays. Raises LaunchRejected when EC2 refuses it or knows none."""
        backend = ec2_backends[account][region]
        instance = backend.get_instance_by_id(instance_id)
        if instance is not None and instance.state == "running":
            return
        try:
            self._logged(
                account,
                region,
                "StartInstances",
                {"InstanceIds": [instance_id]},
                lambda: _start(backend, instance_id),
            )
        except ServiceException as error:
            raise LaunchRejected(f"{error.code}: {error.message}") from error

    def stop_instance(self, account: str, region: str, instance_id: str) -> None:
        """Stops a running instance; a stopped one stays, none there is no error."""
        backend = ec2_backends[account][region]
        instance = backend.get_instance_by_id(instance_id)
        if instance is not None and instance.state == "running":
            self._logged(
                account,
                region,
                "StopInstances",
                {"InstanceIds": [instance_id]},
                lambda: backend.stop_instances([instance_id]),
            )

    def _logged(
        self, account: str, region: str, operation: str, parameters: dict[str, Any], action: Callable[[], T]
    ) -> T:
        status, code = 200, None
        try:
            return action()
        except ServiceException as error:
            status, code = 400, str(error.code)
            raise
        finally:
            self._calls.append(
                account=account,
                region=region,
                principal=PRINCIPAL,
                service="ec2",
                operation=operation,
                parameters=plain(parameters),
                status=status,
                code=code,
            )


def _run(account: str, region: str, launch: InstanceLaunch) -> Any:
    data = launch.version.data
    profile = _profile(account, data.get("IamInstanceProfile") or {})
    backend = ec2_backends[account][region]
    volume_tags = convert_tag_spec(data.get("TagSpecifications") or []).get("volume", {})
    user_data = data.get("UserData")
    reservation = backend.run_instances(
        image_id=data.get("ImageId") or f"ami-{secrets.token_hex(9)[:17]}",
        count=1,
        user_data=Base64EncodedString(user_data) if user_data else None,
        security_group_names=[],
        instance_type=data.get("InstanceType") or DEFAULT_INSTANCE_TYPE,
        is_instance_type_default=False,
        region_name=region,
        security_group_ids=list(data.get("SecurityGroupIds") or []),
        nics=_interfaces(data, launch.private_ip),
        private_ip=None,
        key_name=data.get("KeyName"),
        ebs_optimized=bool(data.get("EbsOptimized")),
        disable_api_termination=bool(data.get("DisableApiTermination")),
        monitoring_state="enabled" if (data.get("Monitoring") or {}).get("Enabled") else "disabled",
        metadata_options=data.get("MetadataOptions") or {},
        tags={"instance": dict(launch.tags), "volume": volume_tags},
        **_volumes(data),
    )
    instance = reservation.instances[0]
    instance.add_tags(
        {
            "aws:ec2launchtemplate:id": launch.template_id,
            "aws:ec2launchtemplate:version": str(launch.version.number),
        }
    )
    if profile is not None:
        backend.associate_iam_instance_profile(instance.id, iam_instance_profile_name=profile.name)
    return instance


def _profile(account: str, wanted: Mapping[str, str]) -> Any:
    try:
        return filter_iam_instance_profiles(account, "aws", wanted.get("Arn"), wanted.get("Name"))
    except ServiceException:
        # EC2 says this in its own words; moto passes on those of IAM.
        kind = "arn" if wanted.get("Arn") else "name"
        value = wanted.get("Arn") or wanted.get("Name")
        raise EC2ClientError(
            "InvalidParameterValue",
            f"Value ({value}) for parameter iamInstanceProfile.{kind} is invalid. Invalid IAM Instance Profile {kind}",
        ) from None


def _volumes(data: Mapping[str, Any]) -> dict[str, Any]:
    volumes = [
        {**mapping, "Ebs": {"VolumeSize": DEFAULT_VOLUME_SIZE, "DeleteOnTermination": True, **mapping["Ebs"]}}
        for mapping in data.get("BlockDeviceMappings") or []
        if "Ebs" in mapping
    ]
    return {"block_device_mappings": volumes} if volumes else {}


def _interfaces(data: Mapping[str, Any], private_ip: str | None) -> list[dict[str, Any]]:
    interfaces = [dict(interface) for interface in data.get("NetworkInterfaces") or []]
    first = next((item for item in interfaces if int(item.get("DeviceIndex") or 0) == 0), None)
    if first is None and private_ip is not None:
        first = {}
        interfaces.insert(0, first)
    if first is not None:
        first["DeviceIndex"] = 0
        if private_ip is not None and not first.get("PrivateIpAddress") and not first.get("PrivateIpAddresses"):
            first["PrivateIpAddress"] = private_ip
    return interfaces


def _start(backend: Any, instance_id: str) -> None:
    backend.start_instances([instance_id])


def _described(instance: Any) -> Instance:
    return Instance(
        instance_id=instance.id,
        state=instance.state,
        instance_type=instance.instance_type,
        private_ip=None if instance.state == "terminated" else instance.private_ip,
        availability_zone=instance.availability_zone,
        tags={tag["key"]: tag["value"] for tag in instance.get_tags()},
        termination_protected=instance.disable_api_termination is True,
    )


def _stored(data: Mapping[str, Any]) -> dict[str, Any]:
    stored = {name: value for name, value in data.items() if value is not None}
    if "UserData" in stored:
        stored["UserData"] = Base64EncodedString(str(stored["UserData"]))
    return stored


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Base64EncodedString) else value


def _tags(tags: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"ResourceType": "launch-template", "Tags": _pairs(tags)}] if tags else []


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
