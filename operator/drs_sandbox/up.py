"""A whole sandbox as one thing: Kubernetes API, DynamoDB and the simulated AWS, started together, ended together."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from drs_sandbox.control_client import ControlClient
from drs_sandbox.dynamodb import LISTENS_EVERYWHERE, DynamoDbLocal
from drs_sandbox.environment import export_lines, full_environment, sandbox_variables
from drs_sandbox.errors import SandboxError
from drs_sandbox.kube import ControlPlane, OperatorAccess
from drs_sandbox.kube.control_plane import PROGRAMS
from drs_sandbox.processes import Child, Processes, tail
from drs_sandbox.state import Phase, SandboxState, StateFolder, process_state, this_process
from drs_sandbox.toolchain import Toolchain
from drs_sandbox.toolchain.catalogue import PROGRAMS as CATALOGUE
from drs_sandbox.toolchain.java import DynamoDbProgram, dynamodb_program
from drs_sandbox.world import load_world

Part = Literal["aws", "kube"]
DEFAULT_WORLD = Path(__file__).with_name("default-world.yaml")
SIGNATURE_TTL_SECONDS = 300.0
_OPTIONAL_PROGRAMS = ("helm", "kubeconform")


class Sandbox:
    """A world to try things in. ``with Sandbox(directory, world=file) as sandbox:`` starts it and ends all of it.

    ``directory`` is its state folder, one sandbox at a time. ``speed`` shortens what takes time on AWS to 1/speed.
    ``only`` leaves out the other part; ``dynamodb_local=False`` takes moto's DynamoDB, which starts faster.
    ``audit_log`` gets a line for each request to the API server.

    Errors: ``WorldError`` (nothing was started, nothing written), ``SandboxError`` (what had started is ended; logs
    stay).
    """

    def __init__(
        self,
        directory: Path,
        *,
        world: Path | None = None,
        speed: float = 1.0,
        only: Part | None = None,
        signature_ttl_seconds: float = SIGNATURE_TTL_SECONDS,
        dynamodb_local: bool = True,
        audit_log: Path | None = None,
        toolchain: Toolchain | None = None,
    ) -> None:
        self.folder = StateFolder(directory)
        self.world_file = (world or DEFAULT_WORLD).absolute()
        self.speed = speed
        self.only = only
        self.dynamodb_url: str | None = None  # of DynamoDB Local; None: moto's behind the same endpoint
        self._signature_ttl_seconds = signature_ttl_seconds
        self._dynamodb_local = dynamodb_local
        self._toolchain = toolchain or Toolchain()
        self._dynamodb_program: DynamoDbProgram | None = None
        self._processes = Processes(self.folder.logs)
        self._control_plane: ControlPlane | None = None
        if only != "aws":
            self._control_plane = ControlPlane(
                self.folder.directory, audit_log=audit_log, find_tools=lambda names: self._toolchain.find(*names)
            )
        self._operator_access: OperatorAccess | None = None
        self._aws_url: str | None = None
        self._region = "us-east-1"

    @property
    def control_plane(self) -> ControlPlane:
        """The Kubernetes part. Raises ``RuntimeError`` with ``only="aws"``."""
        if self._control_plane is None:
            raise RuntimeError("this sandbox has no Kubernetes API: it was made with only=aws")
        return self._control_plane

    @property
    def kubeconfig(self) -> Path:
        """Cluster admin's."""
        return self.folder.kubeconfig

    @property
    def operator_kubeconfig(self) -> Path:
        """That of ServiceAccount drs-operator in drs-system; there once the account is."""
        return self.folder.operator_kubeconfig

    @property
    def aws_endpoint(self) -> str:
        """For AWS_ENDPOINT_URL. Raises ``RuntimeError`` with ``only="kube"`` or before the start."""
        if self._aws_url is None:
            raise RuntimeError("this sandbox has no simulated AWS running")
        return self._aws_url

    @property
    def control(self) -> ControlClient:
        """Faults, clock, calls and source servers of the simulated AWS."""
        return ControlClient(self.aws_endpoint)

    @property
    def environment(self) -> dict[str, str]:
        """The environment for programs that work against this sandbox: ``os.environ`` with its own on top."""
        return full_environment(self._variables(), self.folder.programs)

    def prepare(self) -> None:
        """Checks the world, and gets every program, which can take minutes the first time. Starts nothing."""
        world = load_world(self.world_file)
        self._region = world.accounts[0].regions[0].name
        if self._control_plane is not None:
            self._toolchain.find(*PROGRAMS)
        if self.only != "kube" and self._dynamodb_local:
            self._dynamodb_program = dynamodb_program(self._toolchain)

    def start(self) -> Self:
        """Starts everything and returns when it is ready."""
        self.prepare()
        if not self.folder.lock():
            raise SandboxError(
                "AlreadyUp",
                f"a sandbox lives in {self.folder.directory} already",
                "drs-sandbox down ends it; --dir names another folder.",
            )
        try:
            self._end_leftovers()
            self._write_state("starting")
            self._start()
            self._write_state("ready")
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self, *, failure: str | None = None) -> None:
        """Ends everything in order. Logs and the call log stay; ``failure`` is left for ``status`` to tell."""
        if not self.folder.ours:
            return  # not started, or the folder is another sandbox's
        if self._operator_access is not None:
            self._operator_access.stop()
        self._processes.stop_all()
        if self._control_plane is not None:
            self._control_plane.stop()
        if self._operator_access is not None:
            self._operator_access.join()
            self._operator_access = None
        self._aws_url = self.dynamodb_url = None
        if failure is not None:
            self._write_state("failed", failure)
        self.folder.clear(logs=False, state=failure is None)
        self.folder.unlock()

    def failure(self) -> str | None:
        """What went wrong, if a program has ended that should run."""
        child = next((child for child in self._children() if not child.running), None)
        if child is None:
            return None
        return f"{child.name} ended with exit code {child.process.returncode}. Its last words:\n{tail(child.log)}"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _end_leftovers(self) -> None:
        """Of a run that was killed: where the kernel does not end children with their parent, they still run."""
        if state := self.folder.read():
            for process in reversed(state.processes):
                process.signal(signal.SIGKILL)
        self.folder.clear(logs=True)

    def _start(self) -> None:
        dynamodb = self._launch_dynamodb()  # Java takes its time; the control plane starts meanwhile
        if self._control_plane is not None:
            self._control_plane.start()
            self._operator_access = OperatorAccess(self._control_plane, self.folder.operator_kubeconfig)
            self._operator_access.start()
        if dynamodb is not None:
            dynamodb.await_ready()
            self.dynamodb_url = dynamodb.url
        if self.only != "kube":
            self._start_aws()
        self._link_programs()
        self.folder.env.write_text(export_lines(self._variables(), self.folder.programs))

    def _launch_dynamodb(self) -> DynamoDbLocal | None:
        if self._dynamodb_program is None:
            return None
        self._toolchain.reporter.say(f"[sandbox] {LISTENS_EVERYWHERE}")
        dynamodb = DynamoDbLocal(self._dynamodb_program, self._processes, self.folder.dynamodb)
        dynamodb.launch()
        return dynamodb

    def _start_aws(self) -> None:
        self.folder.aws.mkdir(exist_ok=True)
        port_file = self.folder.aws / "port"
        port_file.unlink(missing_ok=True)
        command: list[str | Path] = [sys.executable, "-m", "drs_sandbox.aws"]
        command += ["--world", self.world_file, "--port-file", port_file, "--state", self.folder.aws]
        command += ["--dynamodb-endpoint", self.dynamodb_url or "", "--speed", str(self.speed)]
        command += ["--signature-ttl", str(self._signature_ttl_seconds)]

        def ready() -> bool:
            if not port_file.exists():
                return False
            self._aws_url = f"http://127.0.0.1:{port_file.read_text().strip()}"
            return ControlClient(self._aws_url).ready()

        self._processes.start("aws", command, ready=ready)

    def _link_programs(self) -> None:
        """kubectl, and those of the others that are there already, under one folder for the PATH."""
        self.folder.programs.mkdir(exist_ok=True)
        found = dict(self._toolchain.find("kubectl")) if self._control_plane is not None else {}
        for name in _OPTIONAL_PROGRAMS:
            if path := self._toolchain.existing(CATALOGUE[name]):
                found[name] = path
        for name, path in found.items():
            (self.folder.programs / name).symlink_to(path)

    def _variables(self) -> dict[str, str]:
        kubeconfig = self.folder.kubeconfig if self._control_plane is not None else None
        return sandbox_variables(kubeconfig=kubeconfig, aws_url=self._aws_url, region=self._region)

    def _children(self) -> list[Child]:
        return [*(self._control_plane.processes.children if self._control_plane else ()), *self._processes.children]

    def _write_state(self, phase: Phase, reason: str | None = None) -> None:
        running = phase == "ready"
        self.folder.write(
            SandboxState(
                phase=phase,
                supervisor=this_process("supervisor"),
                processes=[process_state(child.name, child.process.pid, child.log) for child in self._children()],
                world=str(self.world_file),
                speed=self.speed,
                kubernetes_url=self._control_plane.url if running and self._control_plane else None,
                aws_url=self._aws_url,
                dynamodb=None if self.only == "kube" else self.dynamodb_url or "moto",
                reason=reason,
            )
        )
