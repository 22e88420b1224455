from __future__ import annotations

from pathlib import Path

import pytest

from drs_sandbox.toolchain.golang import parse_go_version
from drs_sandbox.toolchain.java import parse_java_version
from drs_sandbox.toolchain.versions import Version, ask_version, parse_version, recent_enough
from tests.unit.sandbox_tools.fake_programs import executable


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("Client Version: v1.36.3\nKustomize Version: v5.8.1\n", (1, 36)),
        ("v4.2.4+g1a2b3c4\n", (4, 2)),
        ("v0.7.0", (0, 7)),
        ("development", None),
        ("", None),
    ],
)
def test_version_is_the_first_in_the_answer(text: str, want: Version | None) -> None:
    assert parse_version(text) == want


@pytest.mark.parametrize(
    ("name", "found", "want", "because"),
    [
        ("kubectl", (1, 36), True, "the same minor"),
        ("kubectl", (1, 35), True, "one older is supported"),
        ("kubectl", (1, 37), True, "one newer is supported"),
        ("kubectl", (1, 34), False, "two older is outside the skew"),
        ("kubectl", (1, 38), False, "two newer is outside the skew"),
        ("kubectl", (2, 36), False, "another major is another program"),
        ("helm", (3, 19), False, "helm 3 has other commands"),
        ("helm", (4, 0), True, "the first helm 4"),
        ("helm", (5, 0), True, "newer"),
        ("kubeconform", (0, 6), False, "too old"),
        ("kubeconform", (0, 7), True, "the oldest that will do"),
        ("kubeconform", (1, 0), True, "newer"),
        ("kubeconform", None, False, "a development build may be anything"),
    ],
)
def test_what_is_recent_enough(name: str, found: Version | None, want: bool, because: str) -> None:
    assert recent_enough(name, found, (1, 36)) is want, because


def test_program_that_fails_has_no_version(tmp_path: Path) -> None:
    assert ask_version(executable(tmp_path / "helm", "echo v4.2.4; exit 1"), {}) is None


def test_program_that_does_not_run_has_no_version(tmp_path: Path) -> None:
    program = tmp_path / "helm"
    program.write_bytes(b"\x7fELFnot really")
    program.chmod(0o755)
    assert ask_version(program, {}) is None


@pytest.mark.parametrize(
    ("text", "want"),
    [("go1.26.8", (1, 26, 8)), ("1.26.0", (1, 26, 0)), ("1.27", (1, 27, 0)), ("go1.27rc1", (1, 27, 0)), ("devel", ())],
)
def test_go_versions(text: str, want: tuple[int, ...]) -> None:
    assert parse_go_version(text) == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17),
        ('openjdk version "25" 2025-09-16', 25),
        ('java version "1.8.0_402"', 8),
        ("The operation couldn’t be completed. Unable to locate a Java Runtime.", 0),
    ],
)
def test_java_versions(text: str, want: int) -> None:
    assert parse_java_version(text) == want
