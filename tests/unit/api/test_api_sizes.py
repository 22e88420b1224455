"""The largest object of each kind stays small enough for etcd, watches and merges."""

import json

import pytest

from drs_operator.api.v1alpha1 import Resource
from tests.unit.api.largest import LARGEST

LIMIT = 512 * 1024


@pytest.mark.parametrize("kind", LARGEST, ids=lambda kind: str(kind.definition.kind))
def test_size(kind: type[Resource]) -> None:
    stored = kind.model_validate(LARGEST[kind]()).to_json()

    assert len(json.dumps(stored, ensure_ascii=False, separators=(",", ":")).encode()) < LIMIT
