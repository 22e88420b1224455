from __future__ import annotations

from pathlib import Path

import pytest

from drs_sandbox.errors import SandboxError
from drs_sandbox.toolchain.catalogue import PROGRAMS, GoModule, build_flags
from tests.unit.sandbox_tools.fake_programs import tools_folder

TOOLS = Path(__file__).resolve().parents[3] / "tools"


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_program_is_pinned_by_its_family(name: str) -> None:
    program = PROGRAMS[name]
    module = GoModule.read(TOOLS / program.family)
    assert module.version_of(program.module).startswith("v")
    assert f"{program.package}" in module.content.decode(), "a tool directive names the package"


def test_kubernetes_programs_carry_the_version_of_go_mod(tmp_path: Path) -> None:
    module = GoModule.read(tools_folder(tmp_path / "tools") / "kube")
    linker = build_flags(PROGRAMS["kube-apiserver"], module)[-1]
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
        assert f"-X {package}.gitVersion=v1.36.3" in linker
        assert f"-X {package}.gitMajor=1" in linker
        assert f"-X {package}.gitMinor=36" in linker


def test_helm_carries_its_own_version(tmp_path: Path) -> None:
    module = GoModule.read(tools_folder(tmp_path / "tools") / "helm")
    flags = build_flags(PROGRAMS["helm"], module)
    assert flags == ["-trimpath", "-ldflags", "-s -w -X helm.sh/helm/v4/internal/version.version=v4.2.4"]


def test_version_of_a_replaced_module_is_the_required_one(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text(
        "module x\ngo 1.26\nrequire k8s.io/kubernetes v1.36.3\nreplace k8s.io/kubernetes => k8s.io/kubernetes v1.0.0\n"
    )
    (tmp_path / "go.sum").write_text("")
    module = GoModule.read(tmp_path)
    assert module.version_of("k8s.io/kubernetes") == "v1.36.3"
    assert module.go_version == "1.26"


def test_go_mod_without_the_module_is_refused(tmp_path: Path) -> None:
    module = GoModule.read(tools_folder(tmp_path / "tools") / "etcd")
    with pytest.raises(SandboxError, match=r"expected a required version of helm\.sh/helm/v4"):
        module.version_of("helm.sh/helm/v4")
