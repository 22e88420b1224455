from __future__ import annotations

import io
import os
import shutil
import threading
from pathlib import Path

import pytest

from drs_sandbox.errors import SandboxError
from drs_sandbox.toolchain import Toolchain
from drs_sandbox.toolchain.progress import Reporter
from tests.unit.sandbox_tools.fake_programs import executable, fake_go, go_calls, tools_folder


class Machine:
    """Folders and variables of a machine that has a Go and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "path"
        self.assets = folder / "assets"
        self.cache = folder / "cache"
        self.tools = tools_folder(folder / "tools")
        self.go = fake_go(self.path / "go")
        for name in ("cat", "chmod", "mkdir", "touch"):  # what the scripts use, and no kubectl of the real machine
            found = shutil.which(name)
            assert found is not None
            (self.path / name).symlink_to(found)
        self.environment = {
            "PATH": str(self.path),
            "DRS_SANDBOX_CACHE": str(self.cache),
            "KUBEBUILDER_ASSETS": str(self.assets),
            "HOME": str(folder),
        }
        self.said = io.StringIO()

    def toolchain(self) -> Toolchain:
        return Toolchain(self.environment, tools=self.tools, reporter=Reporter(self.said))

    def find(self, *names: str) -> list[Path]:
        return list(self.toolchain().find(*names).values())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_assets_come_first(machine: Machine) -> None:
    ours = executable(machine.assets / "kubectl", "")
    executable(machine.path / "kubectl", "echo v1.36.3")
    assert machine.find("kubectl") == [ours]


def test_recent_client_on_the_path_comes_next(machine: Machine) -> None:
    ours = executable(machine.path / "kubectl", "echo v1.35.0")
    assert machine.find("kubectl") == [ours]
    assert go_calls(machine.go) == []


def test_old_client_on_the_path_is_passed_over(machine: Machine) -> None:
    executable(machine.path / "kubectl", "echo v1.32.4")
    (found,) = machine.find("kubectl")
    assert found.is_relative_to(machine.cache)


def test_servers_on_the_path_are_passed_over(machine: Machine) -> None:
    executable(machine.path / "etcd", "echo v3.7.3")
    (found,) = machine.find("etcd")
    assert found.is_relative_to(machine.cache)


def test_what_was_built_is_found_in_the_cache(machine: Machine) -> None:
    first = machine.find("etcd", "kubectl")
    calls = go_calls(machine.go)
    assert machine.find("etcd", "kubectl") == first
    assert go_calls(machine.go) == calls


def test_only_what_is_asked_for_is_built(machine: Machine) -> None:
    machine.find("kubectl")
    built = [call for call in go_calls(machine.go) if call.startswith("build")]
    assert len(built) == 1
    assert built[0].endswith(" k8s.io/kubernetes/cmd/kubectl")


@pytest.mark.parametrize("file", ["go.mod", "go.sum"])
def test_changed_pin_is_built_anew_and_the_old_one_stays(machine: Machine, file: str) -> None:
    (old,) = machine.find("etcd")
    pin = machine.tools / "etcd" / file
    pin.write_text(pin.read_text().replace("etcd", "etcd", 1) + "// changed\n")
    (new,) = machine.find("etcd")
    assert new != old
    assert old.exists()


def test_build_cache_is_emptied_after_a_build(machine: Machine) -> None:
    fake_go(machine.go, build='mkdir -p "$GOCACHE/00" && touch "$GOCACHE/00/x"')
    machine.find("etcd")
    assert not (machine.cache / "go-build").exists()


def test_build_cache_stays_after_a_failure_to_go_on_from(machine: Machine) -> None:
    fake_go(machine.go, build='mkdir -p "$GOCACHE" && touch "$GOCACHE/x"; echo no space left >&2; exit 1')
    with pytest.raises(SandboxError, match="no space left") as caught:
        machine.find("etcd")
    assert caught.value.code == "BuildFailed"
    assert (machine.cache / "go-build" / "x").exists()
    assert not list(machine.cache.glob("bin/*/etcd"))


def test_callers_go_settings_do_not_leak_into_a_build(machine: Machine) -> None:
    machine.environment |= {"GOOS": "plan9", "GOFLAGS": "-mod=vendor", "CGO_ENABLED": "1"}
    fake_go(machine.go, build='echo "$GOOS|$GOFLAGS|$CGO_ENABLED|$GOTOOLCHAIN" > "$HOME/seen"')
    machine.find("etcd")
    assert (machine.folder / "seen").read_text() == "|-mod=readonly -buildvcs=false|0|local\n"


def test_two_runs_build_once_and_the_second_says_that_it_waits(machine: Machine) -> None:
    gate = machine.folder / "gate"
    os.mkfifo(gate)
    fake_go(machine.go, build=f"cat {gate} > /dev/null")
    waiting = threading.Event()

    class Ear(io.StringIO):
        def write(self, text: str) -> int:
            if "another run is building" in text:
                waiting.set()
            return super().write(text)

    machine.said = Ear()
    found: list[list[Path]] = []
    runs = [threading.Thread(target=lambda: found.append(machine.find("etcd"))) for _ in range(2)]
    for run in runs:
        run.start()
    assert waiting.wait(30)
    gate.write_text("go on")
    for run in runs:
        run.join(30)
    assert found[0] == found[1]
    assert len([call for call in go_calls(machine.go) if call.startswith("build")]) == 1


def test_unknown_name_is_refused_with_the_known_ones(machine: Machine) -> None:
    with pytest.raises(SandboxError, match=r"no program kubelet.*\n.*kube-apiserver"):
        machine.find("kubelet")


def test_missing_tools_folder_says_what_to_do(machine: Machine) -> None:
    toolchain = Toolchain(machine.environment, tools=machine.folder / "nowhere", reporter=Reporter(machine.said))
    with pytest.raises(SandboxError, match="KUBEBUILDER_ASSETS"):
        toolchain.find("etcd")
