"""Which programs there are, where they come from and how long their first build takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from drs_sandbox.errors import SandboxError

_FLAGS = ("-trimpath",)
_KUBE_VERSIONS = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")


@dataclass(frozen=True)
class Program:
    """A program built from a Go module that ``tools/FAMILY/go.mod`` pins."""

    name: str
    family: str
    module: str  # whose version is the program's
    package: str
    usual_seconds: int  # on 2 cores, in the order of PROGRAMS
    version_variable: str | None = None  # the linker sets this Go variable to the module's version


_KUBE = "k8s.io/kubernetes"
_ETCD = "go.etcd.io/etcd/server/v3"
_HELM = "helm.sh/helm/v4"
_KUBECONFORM = "github.com/yannh/kubeconform"

PROGRAMS = {
    program.name: program
    for program in (
        Program("etcd", "etcd", _ETCD, _ETCD, 22),
        Program("kube-apiserver", "kube", _KUBE, f"{_KUBE}/cmd/kube-apiserver", 283),
        Program("kube-controller-manager", "kube", _KUBE, f"{_KUBE}/cmd/kube-controller-manager", 59),
        Program("kubectl", "kube", _KUBE, f"{_KUBE}/cmd/kubectl", 21),
        Program("helm", "helm", _HELM, f"{_HELM}/cmd/helm", 74, f"{_HELM}/internal/version.version"),
        Program("kubeconform", "kubeconform", _KUBECONFORM, f"{_KUBECONFORM}/cmd/kubeconform", 20, "main.version"),
    )
}


@dataclass(frozen=True)
class GoModule:
    """What a ``go.mod`` says. ``content`` and ``sums`` are its bytes and those of ``go.sum``."""

    folder: Path
    content: bytes
    sums: bytes

    @classmethod
    def read(cls, folder: Path) -> GoModule:
        return cls(folder, (folder / "go.mod").read_bytes(), (folder / "go.sum").read_bytes())

    @property
    def go_version(self) -> str:
        """The oldest Go that may build it, ``1.26.0``."""
        return self._find(r"^go (\d+\.\d+(?:\.\d+)?)$", "a line `go 1.…`")

    def version_of(self, module: str) -> str:
        """The required version of ``module``, with its v: ``v1.36.3``."""
        return self._find(rf"^(?:require\s+|\s+){re.escape(module)} (v\S+)", f"a required version of {module}")

    def _find(self, pattern: str, what: str) -> str:
        match = re.search(pattern, self.content.decode(), re.MULTILINE)
        if match is None:
            raise SandboxError(
                "ToolsBroken", f"{self.folder / 'go.mod'}: expected {what}", "Restore the file from the repository."
            )
        return match[1]


def build_flags(program: Program, module: GoModule) -> list[str]:
    """Arguments of ``go build``. Kubernetes and the tools report the version that ``go.mod`` pins."""
    version = module.version_of(program.module)
    linker = ["-s", "-w"]
    if program.family == "kube":
        major, minor = version.removeprefix("v").split(".")[:2]
        for package in _KUBE_VERSIONS:
            linker += ["-X", f"{package}.gitVersion={version}"]
            linker += ["-X", f"{package}.gitMajor={major}", "-X", f"{package}.gitMinor={minor}"]
    elif program.version_variable:
        linker += ["-X", f"{program.version_variable}={version}"]
    return [*_FLAGS, "-ldflags", " ".join(linker)]
