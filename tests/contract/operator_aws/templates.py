"""Launch templates of the simulated AWS, as anybody but the operator reads and writes them."""

from __future__ import annotations

from typing import Any

from tests.contract.operator_aws.setting import ONE, WEST, Setting


def template_of(setting: Setting, server_id: str, version: str = "$Default") -> dict[str, Any]:
    """A version of a server's template as anybody reads it."""
    drs, ec2 = setting.aws.client("drs", ONE, WEST), setting.aws.client("ec2", ONE, WEST)
    template_id = drs.get_launch_configuration(sourceServerID=server_id)["ec2LaunchTemplateID"]
    answer = ec2.describe_launch_template_versions(LaunchTemplateId=template_id, Versions=[version])
    found: dict[str, Any] = answer["LaunchTemplateVersions"][0]
    return found


def by_hand(setting: Setting, server_id: str, **data: Any) -> int:
    """Somebody writes a version and makes it the default."""
    ec2, template_id = setting.aws.client("ec2", ONE, WEST), template_of(setting, server_id)["LaunchTemplateId"]
    made = ec2.create_launch_template_version(
        LaunchTemplateId=template_id, SourceVersion="$Default", LaunchTemplateData=data
    )["LaunchTemplateVersion"]["VersionNumber"]
    ec2.modify_launch_template(LaunchTemplateId=template_id, DefaultVersion=str(made))
    return int(made)
