"""A command as it was given, what has to be known to answer it, and how it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drs_operator.planning import ids
from drs_operator.planning.facts import Jobs, Place, RecoveryInstance
from drs_operator.planning.run import Hold, Run


@dataclass(frozen=True, slots=True)
class Command:
    """An annotation `drs-operator.io/<type>` and who set it, as far as the API server stamped it."""

    type: str
    value: str
    requested_by: str

    def means(self, hold: Hold) -> bool:
        """Whether the value names this hold: by its id or by its wave's number."""
        return self.value in (hold.id, str(hold.wave_number))

    def honoured(self, run: Run) -> bool:
        """Whether it has done what it does already: a value is honoured once for ever."""
        return ids.command_mark(self.type, self.value) in run.honoured


@dataclass(frozen=True, slots=True)
class No:
    """A refusal: a code of the vocabulary, and what to do next."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What AWS and the ledger have said for the commands of one read. A place that no command asks about is absent."""

    instances: Mapping[Place, tuple[RecoveryInstance, ...]] = field(default_factory=dict)
    """Recovery instances of the servers that a `retry` is about."""
    held_by: Mapping[str, str] = field(default_factory=dict)
    """Servers that a `retry` is about and that another run holds: its execution, `namespace/name`."""
    jobs: Mapping[Place, Jobs] = field(default_factory=dict)
    """The jobs among which an `adopt` looks for its own."""
