"""Launch templates: new versions build on `SourceVersion`, and lists have pages.

moto ignores SourceVersion, so user data, tags and everything else that the request does not repeat is lost; and it cuts
lists off after 15 without a next token.
"""

from __future__ import annotations

import functools
from typing import Any

from moto.ec2.exceptions import InvalidLaunchTemplateVersionNotFound
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.responses.launch_templates import LaunchTemplates
from moto.ec2.utils import parse_user_data

_PAGE_SIZE = 200
_ALL = 1_000_000


def mend_launch_templates() -> None:
    """Mends CreateLaunchTemplateVersion and the two Describe operations."""
    LaunchTemplates.create_launch_template_version = _inheriting(LaunchTemplates.create_launch_template_version)
    LaunchTemplates.describe_launch_templates = _paged(LaunchTemplates.describe_launch_templates, "LaunchTemplates")
    LaunchTemplates.describe_launch_template_versions = _paged(
        LaunchTemplates.describe_launch_template_versions, "LaunchTemplateVersions"
    )
    LaunchTemplate.get_version = _existing(LaunchTemplate.get_version)


def _inheriting(original: Any) -> Any:
    @functools.wraps(original)
    def create_launch_template_version(self: Any) -> Any:
        data = dict(self.params.get("LaunchTemplateData") or {})
        if "UserData" in data:
            data["UserData"] = parse_user_data(data["UserData"])
        source = self.params.get("SourceVersion")
        if source:
            template_id, name = self.params.get("LaunchTemplateId"), self.params.get("LaunchTemplateName")
            template = (
                self.ec2_backend.get_launch_template(template_id)
                if template_id
                else self.ec2_backend.get_launch_template_by_name(name)
            )
            # What the request names overwrites the whole parameter of the source version, lists included.
            data = {**template.get_version(source).data, **data}
        self.params["LaunchTemplateData"] = {name: value for name, value in data.items() if value is not None}
        return original(self)

    return create_launch_template_version


def _paged(original: Any, listed: str) -> Any:
    @functools.wraps(original)
    def describe(self: Any) -> Any:
        size = int(self.params.get("MaxResults") or _PAGE_SIZE)
        start = int(self.params.get("NextToken") or 0)
        self.params["MaxResults"] = _ALL
        answer = original(self)
        items = answer.result[listed]
        answer.result[listed] = items[start : start + size]
        if len(items) > start + size:
            answer.result["NextToken"] = str(start + size)
        return answer

    return describe


def _existing(original: Any) -> Any:
    @functools.wraps(original)
    def get_version(self: Any, number: Any) -> Any:
        if str(number).lower() not in ("$latest", "$default") and not 1 <= int(number) <= len(self.versions):
            raise InvalidLaunchTemplateVersionNotFound(template_id=self.id, version=number)
        return original(self, number)

    return get_version
