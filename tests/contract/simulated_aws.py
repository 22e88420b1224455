"""A real process of the simulated AWS for tests, its boto3 clients and its control API."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import yaml
from botocore.config import Config

from drs_sandbox.aws.credentials import HUB_ACCESS_KEY_ID, HUB_SECRET_ACCESS_KEY

START_SECONDS = 60
ONE_ATTEMPT = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30, parameter_validation=False)
HUB_CREDENTIALS = {"aws_access_key_id": HUB_ACCESS_KEY_ID, "aws_secret_access_key": HUB_SECRET_ACCESS_KEY}


class ControlError(Exception):
    """The control API said no: `status` and the lines of `errors`."""

    def __init__(self, status: int, errors: list[str]) -> None:
        super().__init__("\n".join(errors))
        self.status = status
        self.errors = errors


class SimulatedAws:
    """A process that serves one world, at `endpoint`, until `stop()`."""

    def __init__(
        self,
        world: str | dict[str, Any],
        folder: Path,
        *,
        speed: float = 1.0,
        signature_ttl: float = 300.0,
        dynamodb_endpoint: str = "",
    ) -> None:
        text = world if isinstance(world, str) else yaml.safe_dump(world)
        self.world: dict[str, Any] = yaml.safe_load(text)
        self.state = folder
        self._loader = botocore.session.get_session().get_component("data_loader")
        self._sessions: dict[str, dict[str, str]] = {}
        self._moved = False
        self._clients: dict[tuple[str, str, Config, str], Any] = {}
        world_file, port_file, log = folder / "world.yaml", folder / "port", folder / "log"
        world_file.write_text(text, encoding="utf-8")
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "drs_sandbox.aws",
            "--world",
            world_file,
            "--port-file",
            port_file,
        ]
        command += ["--speed", str(speed), "--signature-ttl", str(signature_ttl)]
        command += ["--dynamodb-endpoint", dynamodb_endpoint, "--state", folder]
        with log.open("wb") as sink:
            self.process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + START_SECONDS
        while not port_file.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"the simulated AWS did not start:\n{log.read_text()}")
            time.sleep(0.02)
        self.endpoint = f"http://127.0.0.1:{port_file.read_text().strip()}"

    def stop(self) -> int:
        """Ends the process; returns its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def client(
        self, service: str, account: str | None = None, region: str = "us-east-1", *, config: Config = ONE_ATTEMPT
    ) -> Any:
        """A boto3 client with the hub's key, or with a session of the account's first role (shared per account)."""
        credentials = HUB_CREDENTIALS
        if account is not None:
            credentials = self._sessions.get(account) or self.assume(account)
        key = (service, region, config, credentials["aws_access_key_id"])
        if key not in self._clients:
            self._clients[key] = self.client_of(credentials, service, region, config=config)
        return self._clients[key]

    def client_of(
        self, credentials: dict[str, str], service: str, region: str = "us-east-1", *, config: Config = ONE_ATTEMPT
    ) -> Any:
        """A boto3 client of its own with the given credentials (boto3's keyword arguments)."""
        core = botocore.session.Session()
        core.register_component("data_loader", self._loader)
        session: Any = boto3.Session(botocore_session=core)
        return session.client(service, region_name=region, endpoint_url=self.endpoint, config=config, **credentials)

    def assume(self, account: str, name: str = "contract-test", **parameters: Any) -> dict[str, str]:
        """A new session of the account's first role, which later `client(account=…)` use too."""
        role = next(entry for entry in self.world["accounts"] if entry["id"] == account)["roles"][0]
        if role.get("externalId"):
            parameters = {"ExternalId": role["externalId"], **parameters}
        answer = self.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/{role['name']}", RoleSessionName=name, **parameters
        )
        self._sessions[account] = {
            "aws_access_key_id": answer["Credentials"]["AccessKeyId"],
            "aws_secret_access_key": answer["Credentials"]["SecretAccessKey"],
            "aws_session_token": answer["Credentials"]["SessionToken"],
        }
        return self._sessions[account]

    def moved(self) -> None:
        """AWS's time is made to pass by somebody else than these methods."""
        self._moved = True

    def renew_sessions(self) -> None:
        """`client(account=…)` assumes its role anew if AWS's time has been moved since it did."""
        if self._moved:
            self._sessions.clear()
            self._clients.clear()
            self._moved = False

    def calls(self, service: str | None = None) -> list[dict[str, Any]]:
        """The call log, oldest first."""
        answer: list[dict[str, Any]] = self.control("GET", f"calls?service={service}" if service else "calls")
        return answer

    def inject(self, *faults: dict[str, Any] | str) -> None:
        """Adds faults: mappings as in a world file, or one YAML text with the key `faults`."""
        for fault in faults:
            self.control("POST", "faults", fault if isinstance(fault, str) else {"faults": [fault]})

    def clear(self) -> None:
        """Ends all faults."""
        self.control("DELETE", "faults")

    def advance(self, seconds: float) -> None:
        """Moves AWS's time forward; all that becomes due is done when this returns."""
        self._moved = True
        self.control("POST", "clock", {"advance": seconds})

    def set_speed(self, speed: float) -> None:
        """Changes the speed of what takes time on AWS."""
        self._moved = self._moved or speed > 1
        self.control("POST", "clock", {"speed": speed})

    def clock(self) -> dict[str, Any]:
        """AWS's time and the speed."""
        answer: dict[str, Any] = self.control("GET", "clock")
        return answer

    def set_server(self, server_id: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Changes a source server, as `drs-sandbox set` does."""
        answer: dict[str, Any] = self.control("POST", f"servers/{server_id}", changes)
        return answer

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """A call of the control API. Raises ControlError."""
        data = None if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
        request = urllib.request.Request(f"{self.endpoint}/_sandbox/{path}", data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                raise ControlError(error.code, json.load(error)["errors"]) from None


AwsServer = Callable[..., SimulatedAws]
"""The fixture `aws_server`: takes a world and the options of SimulatedAws."""
