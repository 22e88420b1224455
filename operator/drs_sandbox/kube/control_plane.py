"""etcd, kube-apiserver and kube-controller-manager as one thing that starts, stops and restarts."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import urllib3

from drs_sandbox.kube import programs
from drs_sandbox.kube.client import ApiClient, write_kubeconfig
from drs_sandbox.kube.credentials import Credentials, make_credentials
from drs_sandbox.ports import LOOPBACK, ReservedPort
from drs_sandbox.processes import Child, Processes
from drs_sandbox.toolchain import tools

MANAGER = "kube-controller-manager"
PROGRAMS = ("etcd", "kube-apiserver", MANAGER, "kubectl")

# A drain waits for open watches, which have no end by themselves: this lets short requests finish.
_APISERVER_GRACE_SECONDS = 1.0


@dataclass
class _Started:
    credentials: Credentials
    port: ReservedPort
    etcd_ports: tuple[ReservedPort, ReservedPort]  # client, peer
    api: ApiClient
    apiserver: Child | None = None
    etcd: Child | None = None


class ControlPlane:
    """A Kubernetes API server of one's own, with RBAC enforced, on free ports of 127.0.0.1.

    ``with ControlPlane(tmp_path) as cp:`` starts it (about 5 s), and at the end every process of it is gone.

    ``directory`` gets ``kubeconfig`` (cluster admin), ``kube/`` (keys, etcd's data; made anew at each start) and
    ``logs/``. ``controllers=False`` leaves out kube-controller-manager: then nothing collects garbage, and namespaces
    stay in Terminating. ``audit_log`` gets a JSON line for each request (level Metadata). ``apiserver_flags`` are added
    to kube-apiserver's. Errors: ``SandboxError``, with the tail of the log of the program that did not start.
    """

    def __init__(
        self,
        directory: Path,
        *,
        controllers: bool = True,
        audit_log: Path | None = None,
        apiserver_flags: Sequence[str] = (),
        find_tools: Callable[[Iterable[str]], Mapping[str, Path]] = tools,
    ) -> None:
        self.directory = directory.resolve()
        self.kubeconfig = self.directory / "kubeconfig"
        self.audit_log = audit_log.resolve() if audit_log else None
        self.processes = Processes(self.directory / "logs")
        self._own_files = self.directory / "kube"
        self._controllers = controllers
        self._apiserver_flags = tuple(apiserver_flags)
        self._find_tools = find_tools
        self._started: _Started | None = None

    @property
    def url(self) -> str:
        return f"https://{LOOPBACK}:{self._now.port.number}"

    @property
    def token(self) -> str:
        """Bearer token of a cluster admin (group ``system:masters``)."""
        return self._now.credentials.admin_token

    @property
    def authority(self) -> Path:
        """PEM file that clients verify the server with."""
        return self._now.credentials.authority

    @property
    def api(self) -> ApiClient:
        """Requests as cluster admin."""
        return self._now.api

    def metrics(self) -> str:
        """kube-apiserver's ``/metrics``, Prometheus text."""
        return self.api.text("/metrics")

    def kubectl(
        self, *arguments: str, stdin: str | None = None, kubeconfig: Path | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Runs the real kubectl, as cluster admin unless another kubeconfig is given.

        With ``check`` a failure raises ``CalledProcessError``; kubectl's words are its ``stderr``, and a note on it.
        """
        done = subprocess.run(
            [str(self._find_tools(["kubectl"])["kubectl"]), *arguments],
            input=stdin,
            env={**os.environ, "KUBECONFIG": str(kubeconfig or self.kubeconfig)},
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            error = subprocess.CalledProcessError(done.returncode, done.args, done.stdout, done.stderr)
            error.add_note(done.stderr)
            raise error
        return done

    def start(self) -> Self:
        """Starts everything and returns when it serves. After a failure nothing of it runs."""
        if self._started is not None:
            raise RuntimeError("this control plane has been started already")
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Ends its processes, releases its ports, removes its keys, kubeconfig and data. Logs stay."""
        self.processes.stop_all()
        if self._started is not None:
            for port in (self._started.port, *self._started.etcd_ports):
                port.release()
            self._started = None
        shutil.rmtree(self._own_files, ignore_errors=True)
        self.kubeconfig.unlink(missing_ok=True)

    def stop_apiserver(self, *, kill: bool = False) -> None:
        """Begins an outage: connections are refused until ``start_apiserver``. ``kill`` ends it as a crash would."""
        now = self._now
        if now.apiserver is not None:
            self.processes.stop(now.apiserver, kill=kill)
            now.apiserver = None

    def start_apiserver(self) -> None:
        """Ends an outage; returns when the API server is ready. Address, tokens and objects are the same as before."""
        now = self._now
        if now.apiserver is not None:
            return
        command = programs.kube_apiserver(
            self._find_tools(["kube-apiserver"])["kube-apiserver"],
            credentials=now.credentials,
            directory=self._own_files,
            port=now.port.number,
            etcd_port=now.etcd_ports[0].number,
            audit_log=self.audit_log,
            extra_flags=self._apiserver_flags,
        )
        now.apiserver = self.processes.start(
            "kube-apiserver",
            command,
            ready=lambda: now.api.probe("/readyz"),
            grace_seconds=_APISERVER_GRACE_SECONDS,
            directory=self._own_files,
        )

    def save_etcd(self, folder: Path) -> None:
        """Copies etcd's data into a new folder. API server and etcd are down meanwhile; returns when both serve."""
        with self._etcd_down() as data:
            shutil.copytree(data, folder)

    def restore_etcd(self, folder: Path) -> None:
        """Puts the data of `save_etcd` back, as after a disaster: objects are what they were, and versions go back."""
        with self._etcd_down() as data:
            shutil.rmtree(data)
            shutil.copytree(folder, data)

    @contextmanager
    def _etcd_down(self) -> Iterator[Path]:
        now = self._now
        self.stop_apiserver(kill=True)
        if now.etcd is not None:
            self.processes.stop(now.etcd)
            now.etcd = None
        yield self._etcd_data
        self._start_etcd(self._find_tools(["etcd"])["etcd"])
        self.start_apiserver()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _etcd_data(self) -> Path:
        return self._own_files / "etcd"

    @property
    def _now(self) -> _Started:
        if self._started is None:
            raise RuntimeError("this control plane is not started")
        return self._started

    def _start(self) -> None:
        # All programs first: a build can take minutes, and may fail.
        paths = self._find_tools(PROGRAMS if self._controllers else [name for name in PROGRAMS if name != MANAGER])
        shutil.rmtree(self._own_files, ignore_errors=True)
        credentials = make_credentials(self._own_files)
        port, etcd_ports = ReservedPort(), (ReservedPort(), ReservedPort())
        url = f"https://{LOOPBACK}:{port.number}"
        api = ApiClient(url, credentials.authority, credentials.admin_token)
        self._started = _Started(credentials, port, etcd_ports, api)
        self._start_etcd(paths["etcd"])
        self.start_apiserver()
        if self._controllers:
            self._start_controllers(paths[MANAGER])
        write_kubeconfig(
            self.kubeconfig,
            url=url,
            authority=credentials.authority,
            token=credentials.admin_token,
            user="drs-sandbox-admin",
            namespace="default",
        )

    def _start_etcd(self, program: Path) -> None:
        client, peer = (port.number for port in self._now.etcd_ports)
        data = self._etcd_data
        data.mkdir(mode=0o700, exist_ok=True)
        command = programs.etcd(program, data=data, client_port=client, peer_port=peer)
        health = f"http://{LOOPBACK}:{client}/health"
        self._now.etcd = self.processes.start(
            "etcd", command, ready=lambda: _answers(health), directory=self._own_files
        )

    def _start_controllers(self, program: Path) -> None:
        now = self._now
        kubeconfig = write_kubeconfig(
            self._own_files / "kube-controller-manager.kubeconfig",
            url=self.url,
            authority=now.credentials.authority,
            token=now.credentials.controller_manager_token,
            user="system:kube-controller-manager",
            namespace="kube-system",
        )
        with ReservedPort() as port:
            command = programs.kube_controller_manager(
                program,
                credentials=now.credentials,
                kubeconfig=kubeconfig,
                directory=self._own_files,
                port=port.number,
            )
            health = ApiClient(f"https://{LOOPBACK}:{port.number}", now.credentials.authority, now.api.token)
            self.processes.start(
                MANAGER,
                command,
                ready=lambda: health.probe("/healthz"),
                directory=self._own_files,
            )


def _answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, retries=False, timeout=2.0).status == 200
    except urllib3.exceptions.HTTPError:
        return False
