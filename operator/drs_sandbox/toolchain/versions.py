"""Whether a program that is on the PATH already is recent enough."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

_ASK_SECONDS = 10

Version = tuple[int, int]

QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "kubectl": ("version", "--client"),
    "helm": ("version", "--short"),
    "kubeconform": ("-v",),
}


def parse_version(text: str) -> Version | None:
    """Major and minor of the first ``v1.36…`` in a program's answer; None without one (a development build)."""
    match = re.search(r"\bv(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


def ask_version(program: Path, environment: Mapping[str, str]) -> Version | None:
    """What ``program`` says of its version; None if it does not say it in time."""
    try:
        answer = subprocess.run(
            [str(program), *QUESTIONS[program.name]],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(answer.stdout) if answer.returncode == 0 else None


def recent_enough(name: str, found: Version | None, kubernetes: Version) -> bool:
    """kubectl within one minor version of the API server (Kubernetes' own rule), helm 4, kubeconform 0.7."""
    if found is None:
        return False
    rules: Mapping[str, Callable[[Version], bool]] = {
        "kubectl": lambda version: version[0] == kubernetes[0] and abs(version[1] - kubernetes[1]) <= 1,
        "helm": lambda version: version >= (4, 0),
        "kubeconform": lambda version: version >= (0, 7),
    }
    return rules[name](found)
