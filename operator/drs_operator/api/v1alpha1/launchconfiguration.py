"""How servers launch: settings of a group, of its drills, and of single servers.

These maps are merged key by key, the absent key meaning "as it is". So no field has a default.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from drs_operator.api.v1alpha1 import limits
from drs_operator.api.v1alpha1.base import ApiModel
from drs_operator.api.v1alpha1.codes import Code
from drs_operator.api.v1alpha1.enums import LaunchDisposition, RightSizingMethod
from drs_operator.api.v1alpha1.fields import Rule, ServerId, doc, items, text

SecurityGroupId = Annotated[str, text(20, pattern=r"^sg-[0-9a-f]{8,17}$")]

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_PRIVATE_IPV4 = (
    rf"^(10\\.{_OCTET}|172\\.(1[6-9]|2[0-9]|3[01])|192\\.168|100\\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7]))"
    rf"\\.{_OCTET}\\.{_OCTET}$"
)


class Licensing(ApiModel):
    """Licence of the operating system."""

    os_byol: Annotated[
        bool | None,
        doc("true: bring your own licence. Default: as AWS has it."),
    ] = Field(default=None, alias="osByol")


class LaunchSettings(ApiModel):
    """Launch settings that groups and single servers have in common."""

    cel_rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            Code.INVALID_PARAMETER,
            "!(has(self.iamInstanceProfileArn) && has(self.iamInstanceProfileName))",
            "set iamInstanceProfileArn or iamInstanceProfileName, not both; remove one",
        ),
    )

    target_instance_type_right_sizing_method: Annotated[
        RightSizingMethod | None,
        doc(
            "How DRS chooses the instance type. NONE: the launch template's. BASIC: by CPU and memory of the source. "
            "IN_AWS: as the source instance on EC2. CUSTOM: instanceType. With an instanceType in force it is NONE "
            "on AWS. Default: as AWS has it."
        ),
    ] = None
    copy_private_ip: Annotated[
        bool | None, doc("Keep the private address of the source server. Default: as AWS has it.")
    ] = None
    copy_tags: Annotated[
        bool | None, doc("Copy the tags of the source server to the instance. Default: as AWS has it.")
    ] = None
    launch_disposition: Annotated[
        LaunchDisposition | None, doc("State of the instance after the launch. Default: as AWS has it.")
    ] = None
    licensing: Annotated[Licensing | None, doc("Licence of the operating system. Default: as AWS has it.")] = None
    instance_type: Annotated[
        str | None,
        text(32, pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$"),
        doc("EC2 instance type, for example r6i.2xlarge; goes to the launch template. Default: as AWS has it."),
    ] = None
    subnet_id: Annotated[
        str | None,
        text(24, pattern=r"^subnet-[0-9a-f]{8,17}$"),
        doc("Subnet that the instance starts in; goes to the launch template. Default: as AWS has it."),
    ] = None
    security_group_ids: Annotated[
        list[SecurityGroupId] | None,
        items(limits.SECURITY_GROUPS, list_type="set", min_items=1),
        doc("Security groups of the instance, 1 to 5; needs a subnetId in force. Default: as AWS has it."),
    ] = None
    iam_instance_profile_arn: Annotated[
        str | None,
        text(180),
        doc(
            "ARN of the instance profile, instead of iamInstanceProfileName. Default: as AWS has it.",
            Rule(
                Code.INVALID_PARAMETER,
                "self.matches('^arn:aws[a-z-]*:iam::[0-9]{12}:instance-profile/[!-~]+$')",
                "this is not the ARN of an instance profile; write arn:aws:iam::<account>:instance-profile/<name>",
            ),
        ),
    ] = None
    iam_instance_profile_name: Annotated[
        str | None,
        text(128, min_length=1, pattern=r"^[\w+=,.@-]+$"),
        doc("Name of the instance profile, instead of iamInstanceProfileArn. Default: as AWS has it."),
    ] = None


class LaunchConfiguration(LaunchSettings):
    """Launch settings of a group."""


class ServerLaunchConfiguration(LaunchSettings):
    """Launch settings of one server."""

    cel_rules = (
        Rule(
            Code.INVALID_PARAMETER,
            "!(has(self.staticPrivateIp) && has(self.copyPrivateIp) && self.copyPrivateIp)",
            "staticPrivateIp and copyPrivateIp: true exclude each other; remove one",
        ),
    )

    static_private_ip: Annotated[
        str | None,
        text(15),
        doc(
            "Fixed private IPv4 address of the instance; it must be free in the subnet and unique, and makes "
            "copyPrivateIp false. Needs a subnetId in force. Default: as AWS has it: one that was set before stays in "
            "the launch template until the subnet changes.",
            Rule(
                Code.IP_NOT_PRIVATE,
                f"self.matches('{_PRIVATE_IPV4}')",
                "this is not a private IPv4 address; use one of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or "
                "100.64.0.0/10 that is in the subnet",
            ),
        ),
    ] = None


class ServerOverride(ApiModel):
    """Launch settings of one server of the group."""

    server_id: Annotated[ServerId, doc("Id of the DRS source server (s- and 17 characters). Required.")]
    use_group_defaults: Annotated[
        bool,
        doc(
            "true: this server's settings replace the group's key by key, lists whole. false: they stand alone. "
            "Default: true."
        ),
    ] = True
    launch_configuration: Annotated[
        ServerLaunchConfiguration | None,
        doc("Launch settings of this server. Default: the group's, or none when useGroupDefaults is false."),
    ] = None
