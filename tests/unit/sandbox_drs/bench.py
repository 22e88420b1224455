"""The DRS simulator on a bench: a manual wall clock, an EC2 with state, faults, and calls through the real routes.

Every request goes through `route` as HTTP would bring it, and every answer is checked against botocore's service model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from botocore.validate import ParamValidator

from drs_sandbox.clock import Clock
from drs_sandbox.drs.errors import DrsError
from drs_sandbox.drs.ports import Instance, InstanceLaunch, LaunchRejected, Phase, TemplateVersion
from drs_sandbox.drs.service import DrsService
from drs_sandbox.drs.validation import model_findings, service_model
from drs_sandbox.world import Fault, World

ACCOUNT = "123456789012"
STAGING = "210987654321"
REGION = "us-east-1"
HOME = "eu-west-1"
ORIGIN = {"instanceId": "i-0123456789abcdef0", "region": HOME, "accountId": ACCOUNT, "tags": {"Owner": "payments"}}
PRINCIPAL = f"arn:aws:sts::{ACCOUNT}:assumed-role/DRSOrchestrationRole/test"
START = 1_790_000_000.0
LONGEST_JOB = 600.0
EVENTS_BEYOND_THE_ENUM = ("LAUNCH_END",)


def server_id(name: str) -> str:
    """A source server id of 19 characters that begins with a name."""
    return f"s-{name}".ljust(19, "0")


def server(name: str, **fields: Any) -> dict[str, Any]:
    """A source server of a world file: replicating, with a recovery point of five minutes, unless told otherwise."""
    return {"id": server_id(name), "hostname": name, "snapshots": ["PT5M"], **fields}


def world(*servers: dict[str, Any], accounts: list[dict[str, Any]] | None = None, **region: Any) -> World:
    """A world of one account with one Region, and perhaps more accounts."""
    here = {"id": ACCOUNT, "regions": [{"name": REGION, "sourceServers": list(servers), **region}]}
    return World.model_validate(
        {"apiVersion": "sandbox.drs-operator.io/v1alpha1", "kind": "World", "accounts": [here, *(accounts or [])]}
    )


class FakeEc2:
    """An EC2 that keeps launch templates and instances."""

    def __init__(self) -> None:
        self.templates: dict[str, list[TemplateVersion]] = {}
        self.defaults: dict[str, int] = {}
        self.instances: dict[str, Instance] = {}
        self.launches: list[InstanceLaunch] = []
        self.refuse: str | None = None

    def create_launch_template(
        self, account: str, region: str, name: str, data: Mapping[str, Any], tags: Mapping[str, str]
    ) -> str:
        template_id = f"lt-{len(self.templates):017x}"
        self.templates[template_id] = [TemplateVersion(1, dict(data))]
        self.defaults[template_id] = 1
        return template_id

    def default_template_version(self, account: str, region: str, template_id: str) -> TemplateVersion | None:
        versions = self.templates.get(template_id)
        return versions[self.defaults[template_id] - 1] if versions else None

    def add_template_version(
        self, account: str, region: str, template_id: str, data: Mapping[str, Any], make_default: bool
    ) -> int:
        versions = self.templates[template_id]
        versions.append(TemplateVersion(len(versions) + 1, dict(data)))
        if make_default:
            self.defaults[template_id] = len(versions)
        return len(versions)

    def delete_launch_template(self, account: str, region: str, template_id: str) -> None:
        self.templates.pop(template_id, None)

    def run_instance(self, account: str, region: str, launch: InstanceLaunch) -> Instance:
        if self.refuse:
            raise LaunchRejected(self.refuse)
        self.launches.append(launch)
        return self.add_instance(
            "running" if launch.started else "stopped",
            instance_type=launch.version.data.get("InstanceType", "m5.large"),
            private_ip=launch.private_ip or f"10.0.0.{len(self.instances) + 1}",
            tags=launch.tags,
        )

    def add_instance(self, state: str, **fields: Any) -> Instance:
        """An instance that is there, launched by whomever."""
        given = {"instance_type": "m5.large", "private_ip": None, "tags": {}, "termination_protected": False, **fields}
        instance_id = f"i-{len(self.instances) + 1:017x}"
        instance = Instance(instance_id=instance_id, state=state, availability_zone=f"{REGION}a", **given)  # type: ignore[arg-type]
        self.instances[instance_id] = instance
        return instance

    def change(self, instance_id: str, **fields: Any) -> None:
        """Changes an instance as its owner would in EC2."""
        self.instances[instance_id] = replace(self.instances[instance_id], **fields)

    def instance(self, account: str, region: str, instance_id: str) -> Instance | None:
        return self.instances.get(instance_id)

    def terminate_instance(self, account: str, region: str, instance_id: str) -> None:
        if instance_id in self.instances:
            self.change(instance_id, state="terminated", private_ip=None)

    def start_instance(self, account: str, region: str, instance_id: str) -> None:
        self.change(instance_id, state="running")

    def stop_instance(self, account: str, region: str, instance_id: str) -> None:
        self.change(instance_id, state="stopped")


class Faults:
    """The faults in force; the first that matches acts, `times` times."""

    def __init__(self) -> None:
        self._entries: list[tuple[Fault, list[int]]] = []

    def add(self, **fields: Any) -> None:
        fault = Fault.model_validate(fields)
        self._entries.append((fault, [fault.times if fault.times is not None else -1]))

    def phase_fault(self, phase: Phase, account: str, region: str, server_id: str) -> Fault | None:
        for fault, left in self._entries:
            asked = {"phase": phase, "account": account, "region": region, "server_id": server_id}
            if left[0] and all(getattr(fault, name) in (None, value) for name, value in asked.items()):
                left[0] -= 1
                return fault
        return None


class Bench:
    """A simulator with everything around it. `tick` lets wall-clock time pass, `advance` moves AWS's clock."""

    def __init__(self, what: World, speed: float = 1.0) -> None:
        self.wall = START
        self.clock = Clock(speed, wall=lambda: self.wall)
        self.ec2 = FakeEc2()
        self.faults = Faults()
        self.service = DrsService(what, self.clock, self.ec2, self.faults)

    def tick(self, seconds: float) -> None:
        """Wall-clock time passes."""
        self.wall += seconds
        self.clock.run_due()

    def advance(self, seconds: float) -> None:
        """As `drs-sandbox clock --advance`."""
        self.clock.advance(seconds)

    def call(
        self,
        operation: str,
        *,
        account: str = ACCOUNT,
        region: str = REGION,
        hide_job_seconds: float | None = None,
        **parameters: Any,
    ) -> dict[str, Any]:
        """The body of an operation's answer, checked against the service model. Raises DrsError."""
        self.clock.run_due()
        routed, parsed = self.service.route(*_request(operation, parameters))
        assert routed == operation
        status, body = self.service.call(account, region, PRINCIPAL, operation, parsed, hide_job_seconds)
        model = service_model().operation_model(operation)
        assert status == model.http["responseCode"]
        if model.output_shape is not None:
            check_answer(model.output_shape, body)
        return json.loads(json.dumps(body))  # type: ignore[no-any-return]

    def refusal(self, operation: str, **arguments: Any) -> DrsError:
        """The error that an operation answers."""
        with pytest.raises(DrsError) as caught:
            self.call(operation, **arguments)
        return caught.value

    def launch(self, *names: str, drill: bool = True, **arguments: Any) -> str:
        """Starts a launch of these servers; returns the job's id."""
        servers = [{"sourceServerID": server_id(name)} for name in names]
        job: str = self.call("StartRecovery", sourceServers=servers, isDrill=drill, **arguments)["job"]["jobID"]
        return job

    def launched(self, *names: str, drill: bool = True) -> dict[str, Any]:
        """Launches these servers and sees the job to its end; returns the last one's recovery instance."""
        self.launch(*names, drill=drill)
        self.advance(LONGEST_JOB)
        return self.instances(names[-1])[-1]

    def job(self, job_id: str, **arguments: Any) -> dict[str, Any]:
        """A job as DescribeJobs shows it."""
        (job,) = self.call("DescribeJobs", filters={"jobIDs": [job_id]}, **arguments)["items"]
        return job  # type: ignore[no-any-return]

    def statuses(self, job_id: str) -> list[str]:
        """The launch status of each server of a job."""
        return [participant["launchStatus"] for participant in self.job(job_id)["participatingServers"]]

    def log(self, job_id: str, name: str | None = None, **arguments: Any) -> list[dict[str, Any]]:
        """The log of a job, or what it says of one server."""
        items: list[dict[str, Any]] = self.call("DescribeJobLogItems", jobID=job_id, **arguments)["items"]
        wanted = server_id(name) if name else None
        return [item for item in items if wanted in (None, item["eventData"].get("sourceServerID"))]

    def events(self, job_id: str, name: str | None = None, **arguments: Any) -> list[str]:
        """The events of a job's log."""
        return [item["event"] for item in self.log(job_id, name, **arguments)]

    def server(self, name: str, **arguments: Any) -> dict[str, Any]:
        """A source server as DescribeSourceServers shows it."""
        filters = {"sourceServerIDs": [server_id(name)]}
        (found,) = self.call("DescribeSourceServers", filters=filters, **arguments)["items"]
        return found  # type: ignore[no-any-return]

    def instances(self, name: str) -> list[dict[str, Any]]:
        """The recovery instances of a source server."""
        filters = {"sourceServerIDs": [server_id(name)]}
        return self.call("DescribeRecoveryInstances", filters=filters)["items"]  # type: ignore[no-any-return]

    def points(self, name: str, **arguments: Any) -> list[dict[str, Any]]:
        """The recovery points of a source server, newest first unless told otherwise."""
        arguments = {"order": "DESC", **arguments}
        answer = self.call("DescribeRecoverySnapshots", sourceServerID=server_id(name), **arguments)
        return answer["items"]  # type: ignore[no-any-return]

    def ages(self, name: str) -> list[int]:
        """The ages of a server's recovery points in minutes, newest first; pending ones are left out."""
        now = self.clock.timestamp()
        return [round((now - moment(p["timestamp"])) / 60) for p in self.points(name) if "timestamp" in p]

    def template_data(self, name: str) -> Mapping[str, Any]:
        """The data of the default version of a server's launch template."""
        template_id = self.template_id(name)
        version = self.ec2.default_template_version(ACCOUNT, REGION, template_id)
        assert version is not None
        return version.data

    def template_id(self, name: str) -> str:
        """The launch template of a source server."""
        template_id: str = self.call("GetLaunchConfiguration", sourceServerID=server_id(name))["ec2LaunchTemplateID"]
        return template_id


def moment(text: str) -> float:
    """Seconds since the epoch of a time in an answer."""
    return datetime.fromisoformat(text).timestamp()


def since(start: str, text: str) -> float:
    """Seconds between two times in answers."""
    return round((datetime.fromisoformat(text) - datetime.fromisoformat(start)) / timedelta(seconds=1), 3)


def check_answer(shape: Any, body: dict[str, Any]) -> None:
    """An answer must be what the service model says, but for the events that the real service adds to it."""
    report = ParamValidator().validate(body, shape)
    assert not report.has_errors(), report.generate_report()
    findings = [
        finding
        for finding in model_findings(shape, body, "")
        if not any(finding[1].endswith(f"not {event!r}") for event in EVENTS_BEYOND_THE_ENUM)
    ]
    assert findings == []


def _request(operation: str, parameters: dict[str, Any]) -> tuple[str, str, dict[str, Any], bytes]:
    model = service_model().operation_model(operation)
    method, path = model.http["method"], model.http["requestUri"]
    body: dict[str, Any] = dict(parameters)
    query: dict[str, Any] = {}
    for name, shape in model.input_shape.members.items() if model.input_shape else ():
        location = shape.serialization.get("location")
        if location == "uri" and name in body:
            path = path.replace(f"{{{name}}}", quote(body.pop(name), safe=""))
        elif location == "querystring" and name in body:
            value = body.pop(name)
            query[name] = [str(item) for item in value] if isinstance(value, list) else str(value)
    return method, path, query, json.dumps(body).encode() if body else b""
