"""What the example scripts need of the AWS CLI, over botocore's own model: its command line, one call, its query.

The AWS CLI pins a botocore of its own, so it cannot share an environment with the operator.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import boto3
import jmespath  # type: ignore[import-untyped]
from botocore import xform_name
from botocore.model import Shape

_OUTSIDE = ("region", "query", "output", "cli-input-json")


def command(folder: Path) -> Path:
    """A program `aws` in a folder, to be put on the PATH."""
    program = folder / "aws"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {__name__} "$@"\n')
    program.chmod(0o755)
    return program


def main(arguments: list[str]) -> None:
    """`aws SERVICE OPERATION --option value…`; prints what the query finds, as text or as JSON."""
    service, operation = arguments[:2]
    options = dict(zip((o.removeprefix("--") for o in arguments[2::2]), arguments[3::2], strict=True))
    client = boto3.client(service, region_name=options.get("region"), endpoint_url=os.environ["AWS_ENDPOINT_URL"])  # type: ignore[call-overload]
    method = operation.replace("-", "_")
    members = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method]).input_shape.members
    by_option = {xform_name(name, "-"): (name, shape) for name, shape in members.items()}
    parameters = json.loads(options.get("cli-input-json", "{}"))
    for option, value in options.items():
        if option not in _OUTSIDE:
            name, shape = by_option[option]
            parameters[name] = _typed(shape, value)
    answer = getattr(client, method)(**parameters)
    answer.pop("ResponseMetadata", None)
    found = jmespath.search(options.get("query", "@"), answer)
    print(_text(found) if options.get("output") == "text" else json.dumps(found, default=str, indent=4))


def _typed(shape: Shape, value: str) -> Any:
    return value.split() if shape.type_name == "list" else value


def _text(found: Any) -> str:
    return "\t".join(map(str, found)) if isinstance(found, list) else str(found)


if __name__ == "__main__":
    main(sys.argv[1:])
