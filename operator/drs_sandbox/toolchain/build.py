"""Builds programs from their pinned Go modules into the cache."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from drs_sandbox.errors import SandboxError
from drs_sandbox.processes import end, spawn, tail
from drs_sandbox.toolchain.cache import content_key, locked, remove_tree
from drs_sandbox.toolchain.catalogue import GoModule, Program, build_flags
from drs_sandbox.toolchain.golang import find_go, go_environment
from drs_sandbox.toolchain.progress import Reporter, Step, duration

_POLL_SECONDS = 0.25
_FREE_BYTES = 4 * 1024**3  # build cache of the Kubernetes programs, modules and results


class Builder:
    """Knows where each program lies in the cache, and puts it there.

    The key of a program is its family's ``go.mod`` and ``go.sum`` and its flags: whoever changes a version gets a new
    build, and a checkout of an older version still finds its own.
    """

    def __init__(self, tools: Path, cache: Path, environment: Mapping[str, str], reporter: Reporter) -> None:
        self._tools = tools
        self._cache = cache
        self._environment = environment
        self._reporter = reporter

    def path(self, program: Program) -> Path:
        module = self._module(program)
        key = content_key(module.content, module.sums, "\n".join(build_flags(program, module)).encode())
        return self._cache / "bin" / f"{program.family}-{key}" / program.name

    def build(self, programs: Sequence[Program]) -> None:
        """Builds those that are missing. One build at a time on a machine; another run waits and finds them done."""

        def waiting() -> None:
            names = ", ".join(program.name for program in programs)
            self._reporter.say(f"[sandbox] another run is building; waiting for it, then for {names}")

        with locked(self._cache / "locks" / "build.lock", waiting):
            missing = [program for program in programs if not self.path(program).exists()]
            if not missing:
                return
            self._announce(missing)
            build_cache = self._cache / "go-build"
            for program in missing:
                self._build_one(program, build_cache)
            # Kept after a failure or Ctrl-C: then the next run goes on where this one stopped.
            remove_tree(build_cache)

    def _module(self, program: Program) -> GoModule:
        return GoModule.read(self._tools / program.family)

    def _announce(self, missing: Sequence[Program]) -> None:
        usual = duration(sum(program.usual_seconds for program in missing))
        names = ", ".join(program.name for program in missing)
        self._reporter.say(f"[sandbox] building {names}: about {usual} on 2 cores, once; kept in {self._cache}")
        self._cache.mkdir(parents=True, exist_ok=True)
        if any(program.family == "kube" for program in missing) and shutil.disk_usage(self._cache).free < _FREE_BYTES:
            self._reporter.say(
                f"[sandbox] the disk of {self._cache} has less than {_FREE_BYTES // 1024**3} GiB free, "
                "which the build may need for a while; DRS_SANDBOX_CACHE names another folder"
            )

    def _build_one(self, program: Program, build_cache: Path) -> None:
        module = self._module(program)
        go = find_go(module.go_version, environment=self._environment, cache=self._cache, reporter=self._reporter)
        target = self.path(program)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")  # nobody else writes it: the lock is ours
        with self._reporter.step(f"[sandbox] {program.name} {module.version_of(program.module)}") as step:
            work = _Work(program, module, go_environment(self._environment, build_cache), self._cache / "logs", step)
            packages = work.run(str(go), "list", "-deps", program.package).splitlines()
            work.packages = len(packages)
            work.run(str(go), "build", "-v", *build_flags(program, module), "-o", str(part), program.package)
            part.replace(target)


@dataclass
class _Work:
    """Go at work for one program, seen by whoever waits."""

    program: Program
    module: GoModule
    environment: Mapping[str, str]
    logs: Path
    step: Step
    packages: int | None = None  # how many it has, once known

    def run(self, *command: str) -> str:
        """Runs a command in the module's folder and returns what it printed."""
        self.logs.mkdir(parents=True, exist_ok=True)
        output, log = self.logs / f"build-{self.program.name}.out", self.logs / f"build-{self.program.name}.log"
        with output.open("wb") as out, log.open("wb") as err:
            process = spawn(
                command,
                stdout=out.fileno(),
                stderr=err.fileno(),
                environment=self.environment,
                directory=self.module.folder,
            )
        try:
            while process.poll() is None:
                self.step.update(self._detail(log))
                time.sleep(_POLL_SECONDS)
        finally:
            code = end(process, grace_seconds=2)
        if code:
            raise SandboxError(
                "BuildFailed",
                f"go {command[1]} of {self.program.package} ended with exit code {code}. Its last words:\n{tail(log)}",
                f"The whole output: {log}. Is the network there, and the disk not full?",
            )
        return output.read_text()

    def _detail(self, log: Path) -> str:
        if self.packages is None:
            return "fetching modules"
        compiled = len(log.read_bytes().splitlines())  # go build -v names each package that it compiles
        return f"{compiled} of {self.packages} packages, usually {duration(self.program.usual_seconds)}"
