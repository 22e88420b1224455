"""A ledger in memory or in DynamoDB, whose stories shall be the same."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Protocol

from drs_operator.ledger.tables import LEDGER
from drs_operator.planning.claims import Standing, group_name_key, server_key
from drs_operator.planning.facts import Place
from drs_operator.ports import ClaimStore, Ledger
from tests.contract.ledger.setting import Setting
from tests.fakes.effects import Effects
from tests.fakes.ledger import FakeLedger, Tables

PLACE = Place("123456789012", "us-east-1")


class Both(Ledger, ClaimStore, Protocol):
    """What one leader has of the ledger."""


class Opened(Protocol):
    """A ledger with ids that no other test has."""

    keys: list[str]
    ledger: Both

    @abstractmethod
    def open(self) -> Both:
        """The same ledger, as one more operator sees it."""

    @abstractmethod
    def new(self, what: str) -> str:
        """An id of this test's own."""

    @abstractmethod
    async def mark(self, key: str) -> object:
        """Something that changes whenever the item is written."""

    def server(self) -> str:
        """The key of a server."""
        self.keys.append(server_key(PLACE, self.new("s")))
        return self.keys[-1]

    def name(self) -> str:
        """The key of a display name."""
        self.keys.append(group_name_key("prod", "dr", self.new("Web")))
        return self.keys[-1]

    async def standings(self) -> list[Standing]:
        """Those of the standings that are this test's."""
        return [standing for standing in await self.ledger.standings() if standing.key in self.keys]

    async def hold(self, key: str, execution_id: str, execution: str) -> dict[str, str]:
        """A run holds a server."""
        return await self.ledger.hold_servers(PLACE, [key.rsplit("#", 1)[1]], execution_id, execution)

    async def release(self, key: str, execution_id: str) -> None:
        """A run releases a server."""
        await self.ledger.release_servers(PLACE, [key.rsplit("#", 1)[1]], execution_id)


class InMemory(Opened):
    """The fake that other tests use."""

    def __init__(self, setting: Setting) -> None:
        self._tables, self._effects, self._setting = Tables(), Effects(), setting
        self.keys: list[str] = []
        self.ledger = self.open()

    def open(self) -> Both:
        """One more operator."""
        return FakeLedger(self._tables, 1, self._effects)

    def new(self, what: str) -> str:
        """An id."""
        return self._setting.new(what)

    async def mark(self, key: str) -> object:
        """How many writes there were."""
        return len(self._effects.done)


class InDynamo(Opened):
    """The real one."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self.keys: list[str] = []
        self.ledger = self.open()

    def open(self) -> Both:
        """One more operator."""
        return self._setting.ledger()

    def new(self, what: str) -> str:
        """An id."""
        return self._setting.new(what)

    async def mark(self, key: str) -> Any:
        """The whole item, with the token of the last write."""
        return await self._setting.store().get(LEDGER, {"pk": key})
