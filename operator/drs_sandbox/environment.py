"""What a shell or a program needs to work against a sandbox, and nothing of the real AWS."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from drs_sandbox.aws.credentials import HUB_ACCESS_KEY_ID, HUB_SECRET_ACCESS_KEY


def sandbox_variables(*, kubeconfig: Path | None, aws_url: str | None, region: str) -> dict[str, str]:
    """Environment variables of the parts that run, without PATH."""
    variables: dict[str, str] = {}
    if kubeconfig is not None:
        variables["KUBECONFIG"] = str(kubeconfig)
    if aws_url is not None:
        variables |= {
            "AWS_ENDPOINT_URL": aws_url,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,  # boto3 reads this one
            "AWS_ACCESS_KEY_ID": HUB_ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": HUB_SECRET_ACCESS_KEY,
            "AWS_SESSION_TOKEN": "",  # a token of a real session would be sent along with these keys
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    return variables


def full_environment(variables: Mapping[str, str], programs: Path) -> dict[str, str]:
    """This process's environment with ``variables``, and the sandbox's programs first on the PATH."""
    return {**os.environ, **variables, "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"}


def export_lines(variables: Mapping[str, str], programs: Path) -> str:
    """The same as lines for a shell: ``eval "$(drs-sandbox env)"``."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    lines.append(f'export PATH={shlex.quote(str(programs))}:"$PATH"')
    return "\n".join(lines) + "\n"
