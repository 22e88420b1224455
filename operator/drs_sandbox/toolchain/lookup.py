"""Where a program is: KUBEBUILDER_ASSETS, the PATH for clients, the cache, or a build into the cache."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from drs_sandbox.errors import SandboxError
from drs_sandbox.toolchain import versions
from drs_sandbox.toolchain.build import Builder
from drs_sandbox.toolchain.cache import cache_folder
from drs_sandbox.toolchain.catalogue import PROGRAMS, GoModule, Program
from drs_sandbox.toolchain.progress import Reporter

ASSETS = "KUBEBUILDER_ASSETS"


class Toolchain:
    """Finds programs, and makes those that are missing. ``environment`` decides, not the process's own."""

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        tools: Path | None = None,
        reporter: Reporter | None = None,
    ) -> None:
        self._environment = os.environ if environment is None else environment
        self._given_tools = tools
        self.reporter = reporter or Reporter()
        self.cache = cache_folder(self._environment)
        self._found: dict[str, Path] = {}

    @property
    def environment(self) -> Mapping[str, str]:
        return self._environment

    @property
    def tools(self) -> Path:
        """The folder with the pinned ``go.mod`` and ``pom.xml`` files, ``tools/`` of a checkout."""
        folder = self._given_tools or Path(__file__).resolve().parents[3] / "tools"
        if not (folder / "kube" / "go.mod").is_file():
            raise SandboxError(
                "ToolsMissing",
                f"there are no pinned tools at {folder}",
                f"Run drs-sandbox from a checkout of the repository, or point {ASSETS} at a folder with etcd, "
                "kube-apiserver, kube-controller-manager and kubectl.",
            )
        return folder

    def find(self, *names: str) -> dict[str, Path]:
        """The paths of ``names``. Those that are nowhere are built together, which is much faster than one by one.

        Raises ``SandboxError``: UnknownTool, ToolsMissing, BuildFailed and those of fetching a Go.
        """
        missing: list[Program] = []
        for name in names:
            program = PROGRAMS.get(name)
            if program is None:
                raise SandboxError("UnknownTool", f"there is no program {name} here", f"One of {', '.join(PROGRAMS)}.")
            if name not in self._found:
                if path := self.existing(program):
                    self._found[name] = path
                else:
                    missing.append(program)
        if missing:
            builder = self._builder()
            builder.build(missing)
            self._found.update({program.name: builder.path(program) for program in missing})
        return {name: self._found[name] for name in names}

    def existing(self, program: Program) -> Path | None:
        """Where ``program`` is now, without building anything."""
        return self._in_assets(program.name) or self._on_path(program.name) or self._in_cache(program)

    def _in_assets(self, name: str) -> Path | None:
        folder = self._environment.get(ASSETS)
        return _executable(Path(folder).absolute() / name) if folder else None

    def _on_path(self, name: str) -> Path | None:
        if name not in versions.QUESTIONS:
            return None
        found = shutil.which(name, path=self._environment.get("PATH", ""))
        if found is None:
            return None
        kubernetes = versions.parse_version(GoModule.read(self.tools / "kube").version_of("k8s.io/kubernetes"))
        assert kubernetes is not None
        version = versions.ask_version(Path(found), self._environment)
        return Path(found) if versions.recent_enough(name, version, kubernetes) else None

    def _in_cache(self, program: Program) -> Path | None:
        return _executable(self._builder().path(program))

    def _builder(self) -> Builder:
        return Builder(self.tools, self.cache, self._environment, self.reporter)


def _executable(path: Path) -> Path | None:
    return path if path.is_file() and os.access(path, os.X_OK) else None


@functools.cache
def _default() -> Toolchain:
    return Toolchain()


def tools(names: Iterable[str]) -> dict[str, Path]:
    """Paths of several programs, found or built together. See ``Toolchain.find``."""
    return _default().find(*names)


def tool(name: str) -> Path:
    """Path of one program, found or built: ``tool("kubectl")``. See ``Toolchain.find``."""
    return _default().find(name)[name]
