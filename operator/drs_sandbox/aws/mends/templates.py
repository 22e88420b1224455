"""Launch templates: new versions build on `SourceVersion`, a request can be repeated, and lists have pages.

moto ignores SourceVersion, so user data, tags and everything else that the request does not repeat is lost; it ignores
ClientToken, so a repeated request makes a second version; it cuts lists off after 15 without a next token; and it calls
a template that does not exist by the code of those that are named.
"""

from __future__ import annotations

import functools
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError, InvalidLaunchTemplateVersionNotFound
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateBackend
from moto.ec2.responses.launch_templates import LaunchTemplates
from moto.ec2.utils import parse_user_data

_PAGE_SIZE = 200
_ALL = 1_000_000


def mend_launch_templates() -> None:
    """Mends CreateLaunchTemplateVersion, ModifyLaunchTemplate and the two Describe operations."""
    LaunchTemplates.create_launch_template_version = _once(_inheriting(LaunchTemplates.create_launch_template_version))
    LaunchTemplateBackend.modify_launch_template = _by_id(LaunchTemplateBackend.modify_launch_template)
    LaunchTemplates.describe_launch_templates = _paged(LaunchTemplates.describe_launch_templates, "LaunchTemplates")
    LaunchTemplates.describe_launch_template_versions = _paged(
        LaunchTemplates.describe_launch_template_versions, "LaunchTemplateVersions"
    )
    LaunchTemplate.get_version = _existing(LaunchTemplate.get_version)


def _once(original: Any) -> Any:
    """The same ClientToken again is answered as the first time, whatever has become of the version meanwhile."""

    @functools.wraps(original)
    def create_launch_template_version(self: Any) -> Any:
        token = self.params.get("ClientToken")
        if not token:
            return original(self)
        template = self.params.get("LaunchTemplateId") or self.params.get("LaunchTemplateName")
        answered = vars(self.ec2_backend).setdefault("answered_template_versions", {})
        asked = repr({name: value for name, value in self.params.items() if name != "Action"})
        if (template, token) not in answered:
            answered[template, token] = (asked, original(self).result)
        before, result = answered[template, token]
        if before != asked:
            raise EC2ClientError(
                "IdempotentParameterMismatch", f"The client token {token} was used with other parameters before."
            )
        return ActionResult(result)

    return create_launch_template_version


def _by_id(original: Any) -> Any:
    @functools.wraps(original)
    def modify_launch_template(
        self: Any, default_version: str, template_name: str | None = None, template_id: str | None = None
    ) -> Any:
        if template_id and not template_name:
            self.get_launch_template(template_id)  # raises by the id's own code
        return original(self, default_version, template_name, template_id)

    return modify_launch_template


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
