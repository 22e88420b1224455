"""Settings: environment variables with defaults that hold in a pod and on a laptop."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from drs_operator import settings as module
from drs_operator.settings import Settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRS_OPERATOR_INSTALLATION", "prod")


def test_defaults_of_leadership() -> None:
    settings = Settings()
    assert settings.leader_election
    timings = (settings.lease_seconds, settings.lease_renew_seconds, settings.lease_retry_seconds)
    assert (timings, settings.ledger_renew_seconds) == ((15, 10, 2), 30)


def test_the_lease_is_in_the_pods_own_namespace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "_POD_NAMESPACE", tmp_path / "namespace")
    assert Settings().lease_namespace == "drs-system"
    (tmp_path / "namespace").write_text("dr-tools\n")
    assert Settings().lease_namespace == "dr-tools"
    monkeypatch.setenv("DRS_OPERATOR_LEASE_NAMESPACE", "elsewhere")
    assert Settings().lease_namespace == "elsewhere"


@pytest.mark.parametrize(
    ("renew", "retry"), [("15", "2"), ("20", "2"), ("10", "10")], ids=["as long", "longer", "retries too rarely"]
)
def test_a_leader_must_stop_before_another_may_start(monkeypatch: pytest.MonkeyPatch, renew: str, retry: str) -> None:
    monkeypatch.setenv("DRS_OPERATOR_LEASE_RENEW_SECONDS", renew)
    monkeypatch.setenv("DRS_OPERATOR_LEASE_RETRY_SECONDS", retry)
    with pytest.raises(ValidationError, match="LEASE_RENEW_SECONDS"):
        Settings()
