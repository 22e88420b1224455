"""The ledger's tables as a CloudFormation template: the same as `drs-operator init-ledger` makes.

python -m drs_operator.ledger.cloudformation manifests/aws/ledger.yaml [--check]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from drs_operator.ledger.tables import TABLES, Table

PREFIX = "${TablePrefix}"
HEADER = """\
# Tables of drs-operator's ledger, the same as `drs-operator init-ledger` makes them.
# Made by `make generate` from the operator's code: change it there.
# aws cloudformation deploy --stack-name drs-operator-ledger --template-file ledger.yaml
# The ledger gets its id when the operator starts for the first time, or from `drs-operator init-ledger`.
"""


def template() -> dict[str, Any]:
    """The template: a table each, kept when the stack goes, with the prefix as a parameter."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Ledger of drs-operator: what must outlive a cluster and be agreed on between clusters.",
        "Parameters": {
            "TablePrefix": {
                "Type": "String",
                "Default": "drs",
                "AllowedPattern": "^[a-zA-Z0-9_.-]{1,64}$",
                "Description": "Prefix of the tables: the operator's setting DRS_OPERATOR_TABLE_PREFIX.",
            }
        },
        "Resources": {_logical_id(table): _resource(table) for table in TABLES},
        "Outputs": {
            f"{_logical_id(table)}Arn": {"Value": {"Fn::GetAtt": [_logical_id(table), "Arn"]}} for table in TABLES
        },
    }


def text() -> str:
    """The template as YAML."""
    return HEADER + yaml.safe_dump(template(), sort_keys=False, width=120)


def _logical_id(table: Table) -> str:
    return "".join(word.capitalize() for word in table.suffix.split("-")) + "Table"


def _resource(table: Table) -> dict[str, Any]:
    definition = table.definition(PREFIX)
    return {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            **definition,
            "TableName": {"Fn::Sub": definition["TableName"]},
            "SSESpecification": {"SSEEnabled": definition["SSESpecification"]["Enabled"]},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: written, or no drift; 1: the file is out of date."""
    parser = argparse.ArgumentParser(prog="drs_operator.ledger.cloudformation", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--check", action="store_true", help="only compare")
    chosen = parser.parse_args(arguments)
    wanted = text()
    if not chosen.check:
        chosen.file.parent.mkdir(parents=True, exist_ok=True)
        chosen.file.write_text(wanted)
        return 0
    if chosen.file.exists() and chosen.file.read_text() == wanted:
        return 0
    sys.stderr.write(f"{chosen.file} differs from ledger/tables.py; run `make generate` and commit the result\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
