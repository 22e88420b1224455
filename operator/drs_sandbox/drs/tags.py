"""TagResource, UntagResource and ListTagsForResource, of source servers, jobs and recovery instances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_sandbox.drs.errors import not_found, validation_error
from drs_sandbox.drs.ids import parse_arn
from drs_sandbox.drs.simulation import Call

MOST_TAGS = 50
LONGEST_KEY = 128


def tag_resource(call: Call) -> dict[str, Any]:
    """TagResource: adds tags and overwrites those with the same keys."""
    tags = _tags_of(call)
    merged = {**tags, **call.parameters["tags"]}
    check_tags(merged)
    tags.update(merged)
    return {}


def untag_resource(call: Call) -> dict[str, Any]:
    """UntagResource: keys that are not there are no error."""
    tags = _tags_of(call)
    for key in call.parameters["tagKeys"]:
        tags.pop(key, None)
    return {}


def list_tags_for_resource(call: Call) -> dict[str, Any]:
    """ListTagsForResource."""
    return {"tags": dict(_tags_of(call))}


def check_tags(tags: Mapping[str, str]) -> None:
    """Raises ValidationException for tags that AWS does not take."""
    if len(tags) > MOST_TAGS:
        raise validation_error(f"A resource can have {MOST_TAGS} tags at most, not {len(tags)}", [("tags", "too many")])
    for key in tags:
        if not key or len(key) > LONGEST_KEY or key.lower().startswith("aws:"):
            what = f"{key!r} cannot be a tag's key: 1 to {LONGEST_KEY} characters that do not begin with aws:"
            raise validation_error(what, [("tags", what)])


def _tags_of(call: Call) -> dict[str, str]:
    wanted = call.parameters["resourceArn"]
    parts = parse_arn(wanted)
    if parts is None:
        raise validation_error(f"{wanted} is not the ARN of a DRS resource", [("resourceArn", "not of DRS")])
    region, account, kind, name = parts
    if (account, region) == (call.region.account, call.region.name):
        server = call.region.servers.get(name) if kind == "source-server" else None
        job = call.region.jobs.get(name) if kind == "job" else None
        instance = call.region.instances.get(name) if kind == "recovery-instance" else None
        if server is not None:
            return server.tags
        if job is not None and not job.hidden(call.progress):
            return job.tags
        if instance is not None and not instance.job.hidden(call.progress):
            return instance.tags
    raise not_found("Resource", wanted)
