"""`make demo`: the quickstart from nothing to a completed drill, every command shown as a person would type it.

`--stay` (`make sandbox`) leaves the world and the operator running after the plan is Ready; `--down` ends both.
Exit code 0 only if the drill ended Completed.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
WORLD = "examples/quickstart/world.yaml"
DRILL = "examples/quickstart/drill.yaml"
RUN = "production-drill"
SPEED = "60"
READY_SECONDS = 60.0
RUN_SECONDS = 300.0
SETTINGS = {
    "DRS_OPERATOR_INSTALLATION": "demo",
    "DRS_OPERATOR_POLL_SECONDS": "0.5",
    "DRS_OPERATOR_REFRESH_SECONDS": "10",
    "DRS_OPERATOR_LOG_FORMAT": "text",
}

console = Console(highlight=False, soft_wrap=True)


class DemoFailed(Exception):
    """A step did not come to its end; the message says which and where to look."""


class Shell:
    """Runs commands in the repository's root, showing them first."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def show(self, command: str) -> None:
        """Prints a command and runs it with its output to the terminal. Raises DemoFailed."""
        console.print(f"[bold cyan]$[/] [bold]{command}[/]")
        done = subprocess.run(shlex.split(command), cwd=ROOT, env=self.environment, check=False)
        if done.returncode:
            raise DemoFailed(f"'{command}' ended with {done.returncode}; logs are in {self.directory}/logs")

    def read(self, *command: str) -> str:
        """The output of a command; empty if it fails."""
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else ""

    def execution(self) -> dict[str, Any]:
        """The drill as the API server has it."""
        text = self.read("kubectl", "get", "drx", "-n", "dr", RUN, "-o", "json")
        return dict(json.loads(text)) if text else {}


def say(text: str) -> None:
    """A headline."""
    console.print(f"\n[bold green]▌[/] {text}")


def up(shell: Shell) -> None:
    """Starts the sandbox and takes over its environment."""
    say("A world on this machine: Kubernetes API server, DynamoDB, simulated AWS accounts")
    shell.show(f"drs-sandbox up --world {WORLD} --dir {shell.directory} --speed {SPEED} --detach")
    for line in shell.read("drs-sandbox", "env", "--dir", str(shell.directory)).splitlines():
        for word in shlex.split(line.removeprefix("export ")):
            name, _, value = word.partition("=")
            shell.environment[name] = value.replace("$PATH", shell.environment["PATH"])


def install(shell: Shell) -> None:
    """CRDs, the operator's identity and its tables."""
    say("Install: types, the operator's role, its DynamoDB tables")
    shell.show("kubectl apply --server-side -f crds/")
    shell.show("kubectl apply -k manifests/install")
    shell.show("drs-operator init-ledger")


def start_operator(shell: Shell, stay: bool) -> subprocess.Popen[bytes]:
    """The operator under its own role, as a process of its own. Raises DemoFailed if it does not start."""
    own = shell.directory / "kubeconfig-operator"
    _wait(own.exists, "the operator's kubeconfig")
    log = shell.directory / "logs" / "operator.log"
    settings = " ".join(f"{name}={value}" for name, value in SETTINGS.items() if "LOG" not in name)
    console.print(f"[bold cyan]$[/] [bold]KUBECONFIG={own} {settings} drs-operator run &[/]")
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["drs-operator", "run"],
            cwd=ROOT,
            env={**shell.environment, **SETTINGS, "KUBECONFIG": str(own)},
            stdout=output,
            stderr=output,
            start_new_session=stay,
        )
    (shell.directory / "operator.pid").write_text(f"{process.pid}\n")
    if process.poll() is not None:
        raise DemoFailed(f"the operator did not start; see {log}")
    return process


def declare(shell: Shell) -> None:
    """Account, groups and plan, until the plan is Ready."""
    say("Declare: an account, three groups chosen by tags, a plan of three waves")
    shell.show("kubectl apply -k examples/quickstart")
    shell.show("kubectl wait -n dr --for=condition=Ready drplan/production --timeout=60s")
    shell.show("kubectl get dr -A")


def drill(shell: Shell) -> None:
    """The drill: created, held, resumed, followed to its end."""
    say("Drill: create the execution; wave 2 waits for a person")
    # Policies that change objects learn of new types every 10 seconds; until then the API server answers 503.
    asked = ("kubectl", "create", "--dry-run=server", "-o", "name", "-f", DRILL)
    _wait(lambda: shell.read(*asked), "the API server's readiness for executions")
    shell.show(f"kubectl apply -f {DRILL}")
    _follow(shell, until=lambda status: bool(status.get("holds")) or "finishTime" in status)
    for hold in shell.execution().get("status", {}).get("holds", []):
        say(f"Held: {hold['reason']} {hold['id']}. The status tells what to do:")
        shell.show(hold["message"])
    _follow(shell, until=lambda status: "finishTime" in status)
    shell.show(f"kubectl wait -n dr --for=condition=Finished drx/{RUN} --timeout=60s")


def _follow(shell: Shell, until: Any) -> None:
    deadline, last = time.monotonic() + RUN_SECONDS, ""
    while True:
        status = shell.execution().get("status", {})
        line = f"{status.get('phase', ''):<12} waves {status.get('waveProgress', '-'):<5} servers "
        line += f"{status.get('serverProgress', '-'):<7} {status.get('waitingFor', '')}"
        if line != last and status.get("phase"):
            console.print(f"  {time.strftime('%H:%M:%S')}  {line}", style="dim")
            last = line
        if until(status):
            return
        if time.monotonic() > deadline:
            raise DemoFailed(f"the drill did not get further within {RUN_SECONDS:.0f} s; see {shell.directory}/logs")
        time.sleep(0.5)


def show_end(shell: Shell) -> bool:
    """What the drill came to. Returns whether it is Completed."""
    status = shell.execution().get("status", {})
    say("The end, as the object tells it")
    shell.show("kubectl get dr -A")
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("wave", "server", "phase", "recovery instance", "address", "point"):
        table.add_column(heading, no_wrap=True)
    for wave in status.get("waves", []):
        for server in wave["servers"]:
            cells = [str(server.get(key, "")) for key in ("hostname", "phase", "recoveryInstanceId", "privateIp")]
            point = str(server.get("recoveryPointTime", ""))[11:19]
            table.add_row(f"{wave['waveNumber']} {wave['name']}", *cells, point)
    console.print(table)
    spans = status.get("durations", {})
    rpo, objectives = status.get("achievedRpoSeconds"), status.get("objectives", {})
    console.print(
        f"phase [bold]{status.get('phase')}[/]: {spans.get('totalSeconds')} s in all, {spans.get('pausedSeconds')} s "
        f"of them waiting for a person; achieved RPO {rpo} s; "
        f"RTO {objectives.get('rto')}, RPO {objectives.get('rpo')}"
    )
    say("Every call that changed something on AWS, each once, tagged with the run")
    calls = json.loads(
        shell.read("drs-sandbox", "calls", "--dir", str(shell.directory), "--service", "drs", "-o", "json")
    )
    for call in calls:
        if call["operation"] == "StartRecovery":
            tags, servers = call["parameters"].get("tags", {}), call["parameters"]["sourceServers"]
            console.print(f"  {call['time'][11:19]}  StartRecovery of {len(servers)} servers, token {_token(tags)}")
    return bool(status.get("phase") == "Completed")


def _token(tags: dict[str, str]) -> str:
    return tags.get("drs-operator.io/token", "?")


def _wait(condition: Any, what: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise DemoFailed(f"{what} is not there after {READY_SECONDS:.0f} s")
        time.sleep(0.1)


def down(shell: Shell) -> None:
    """Ends the operator that an earlier call left running, then the sandbox."""
    pid = shell.directory / "operator.pid"
    if pid.exists():
        number = int(pid.read_text())
        if "drs-operator" in shell.read("ps", "-o", "args=", "-p", str(number)):
            os.kill(number, signal.SIGTERM)
        pid.unlink()
    shell.show(f"drs-sandbox down --dir {shell.directory}")


@contextmanager
def running(shell: Shell, stay: bool) -> Iterator[None]:
    """The world and the operator; both are ended, except with `stay`, and then too if something fails."""
    up(shell)
    operator: subprocess.Popen[bytes] | None = None
    try:
        install(shell)
        operator = start_operator(shell, stay)
        yield
    except BaseException:
        stay = False
        raise
    finally:
        if not stay:
            if operator is not None:
                operator.terminate()
                operator.wait(timeout=30)
            (shell.directory / "operator.pid").unlink(missing_ok=True)
            shell.show(f"drs-sandbox down --dir {shell.directory}")


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="The quickstart, from nothing to a completed drill.")
    parser.add_argument("--stay", action="store_true", help="leave everything running once the plan is Ready")
    parser.add_argument("--down", action="store_true", help="end what --stay left running")
    parser.add_argument("--dir", type=Path, default=Path(".sandbox"), help="folder of the sandbox")
    options = parser.parse_args()
    shell = Shell(options.dir)
    try:
        if options.down:
            down(shell)
            return 0
        with running(shell, options.stay):
            declare(shell)
            if options.stay:
                _tell_how(shell)
                return 0
            drill(shell)
            good = show_end(shell)
        console.print(
            "\n[bold green]The drill is Completed.[/]" if good else "\n[bold red]The drill did not complete.[/]"
        )
        return 0 if good else 1
    except DemoFailed as error:
        console.print(f"[bold red]demo:[/] {error}")
        return 1
    except KeyboardInterrupt:
        console.print("stopped")
        return 130


def _tell_how(shell: Shell) -> None:
    say("Yours now. In this or another terminal:")
    console.print(f'  eval "$(.venv/bin/drs-sandbox env --dir {shell.directory})"')
    console.print(f"  kubectl apply -f {DRILL} && kubectl get drx -n dr -w")
    console.print(f"  kubectl annotate -n dr drx/{RUN} drs-operator.io/resume=true")
    console.print(f"  .venv/bin/drs-sandbox calls --dir {shell.directory} --service drs")
    console.print("  make sandbox-down                    # ends it")


if __name__ == "__main__":
    sys.exit(main())
