"""Operators of one installation that nobody else uses, in one cluster or in several."""

from __future__ import annotations

import itertools
import signal
from pathlib import Path
from typing import Any

from drs_sandbox.up import Sandbox
from tests.e2e.harness import Kubectl, Operator, eventually

QUICK = {
    "DRS_OPERATOR_LEADER_ELECTION": "true",
    "DRS_OPERATOR_LEASE_SECONDS": "5",
    "DRS_OPERATOR_LEASE_RENEW_SECONDS": "4",
    "DRS_OPERATOR_LEASE_RETRY_SECONDS": "0.5",
    "DRS_OPERATOR_LEDGER_RENEW_SECONDS": "1",
}
_numbers = itertools.count(1)


class Crew:
    """Operators of one installation that nobody else uses."""

    def __init__(self, sandbox: Sandbox, folder: Path, **settings: str) -> None:
        self._sandbox = sandbox
        self._folder = folder
        self.installation = f"crew-{next(_numbers)}"
        self._settings = {**QUICK, "DRS_OPERATOR_INSTALLATION": self.installation, **settings}
        self.members: list[Operator] = []

    def own_tables(self) -> str:
        """Gives the crew a ledger of its own; returns the prefix of its tables."""
        self._settings["DRS_OPERATOR_TABLE_PREFIX"] = self.installation
        return self.installation

    def start(self, kubeconfig: Path | None = None, **settings: str) -> Operator:
        """One more process."""
        log = self._folder / f"operator-{len(self.members) + 1}.log"
        member = Operator(self._sandbox, log, kubeconfig, **{**self._settings, **settings})
        self.members.append(member)
        member.start()
        return member

    def dismiss(self) -> None:
        """Kills all, and none of them had a defect."""
        for member in self.members:
            if member.process is not None:
                member.process.send_signal(signal.SIGCONT)
            member.kill()
            assert "a defect in a reconciler" not in member.log, member.log
            assert "Traceback" not in member.log, member.log

    def lease(self, kubectl: Kubectl) -> dict[str, Any]:
        """The Lease in the sandbox's cluster."""
        return kubectl.get("lease", f"drs-operator-{self.installation}", "drs-system")


def says(operator: Operator, text: str) -> None:
    """Waits until an operator's log has the text."""
    eventually(f"{text!r} in the log", lambda: text in operator.log)
