"""GetLaunchConfiguration and UpdateLaunchConfiguration: what DRS keeps beside a server's EC2 launch template."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from drs_sandbox.drs.errors import not_found, servers_in_a_job, validation_error
from drs_sandbox.drs.launching import write_default_version
from drs_sandbox.drs.simulation import Call
from drs_sandbox.drs.state import LaunchSettings, SourceServer

_PLAIN = {
    "name": "name",
    "launchDisposition": "launch_disposition",
    "targetInstanceTypeRightSizingMethod": "right_sizing",
    "copyPrivateIp": "copy_private_ip",
    "copyTags": "copy_tags",
    "postLaunchEnabled": "post_launch_enabled",
    "recoveryMode": "recovery_mode",
}


def get_launch_configuration(call: Call) -> dict[str, Any]:
    """GetLaunchConfiguration of a source server."""
    return _show(call.server())


def update_launch_configuration(call: Call) -> dict[str, Any]:
    """UpdateLaunchConfiguration: a change also writes a version of the launch template and makes it the default."""
    server = call.server()
    if server.id in call.region.busy:
        raise servers_in_a_job()
    settings = _changed(server, call)
    if settings != server.launch_settings:
        if not write_default_version(call.simulation, server, {}):
            raise not_found("LaunchTemplate", server.template_id)
        server.launch_settings = settings
    return _show(server)


def _changed(server: SourceServer, call: Call) -> LaunchSettings:
    parameters = call.parameters
    settings = replace(
        server.launch_settings,
        **{attribute: parameters[name] for name, attribute in _PLAIN.items() if name in parameters},
    )
    if "licensing" in parameters:
        settings.os_byol = bool(parameters["licensing"].get("osByol"))
    if "launchIntoInstanceProperties" in parameters:
        settings.launch_into_instance_id = parameters["launchIntoInstanceProperties"].get("launchIntoEC2InstanceID")
    if settings.recovery_mode == "FAST" and server.origin is None:
        raise _refused("recoveryMode", "FAST is for source servers in AWS only")
    if settings.launch_into_instance_id:
        for field, on in (("copyPrivateIp", settings.copy_private_ip), ("copyTags", settings.copy_tags)):
            if on:
                raise _refused(field, f"{field} must be off to launch into an instance")
    return settings


def _refused(field: str, what: str) -> Exception:
    return validation_error(what, [(field, what)])


def _show(server: SourceServer) -> dict[str, Any]:
    settings = server.launch_settings
    shown: dict[str, Any] = {name: getattr(settings, attribute) for name, attribute in _PLAIN.items()}
    return {
        **shown,
        "sourceServerID": server.id,
        "ec2LaunchTemplateID": server.template_id,
        "licensing": {"osByol": settings.os_byol},
        "launchIntoInstanceProperties": (
            {"launchIntoEC2InstanceID": settings.launch_into_instance_id} if settings.launch_into_instance_id else {}
        ),
    }
