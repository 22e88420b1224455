"""What is remembered of launch settings: an item `SETTINGS#account#region#server` of table `ledger` for each server.

It outlives the group: by its `earlierVersion` the launch template can be put back by hand, whoever wrote it last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_operator.ledger.store import Store
from drs_operator.ledger.tables import LEDGER
from drs_operator.planning.facts import Place
from drs_operator.planning.launch_settings import SettingsRecord
from drs_operator.ports import LostRace

PREFIX = "SETTINGS#"
_FIELDS = {
    "groupId": "group_id",
    "installation": "installation",
    "templateId": "template_id",
    "earlierVersion": "earlier_version",
    "verifiedVersion": "verified_version",
    "settings": "settings",
    "writing": "writing",
}
"""Attribute by field, but for the place and the server, which are in the key."""
_KEPT = "earlierVersion"


def settings_key(place: Place, server_id: str) -> str:
    """The key of a server's item."""
    return f"{PREFIX}{place.account_id}#{place.region}#{server_id}"


class Settings:
    """Records of launch settings."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def settings_records(self, installation: str) -> list[SettingsRecord]:
        """All records that this installation wrote last, in the order of the keys."""
        condition = "begins_with(#pk, :prefix) AND #installation = :installation"
        bound = {"prefix": PREFIX, "installation": installation}
        items = await self._store.scan(LEDGER, ("pk", *_FIELDS), condition, bound)
        return sorted(map(_record, items), key=lambda r: (str(r.place), r.server_id))

    async def save_settings(self, record: SettingsRecord) -> None:
        """Writes a record. `earlier_version` stays, as long as it is of the same template. Raises LostRace."""
        key = {"pk": settings_key(record.place, record.server_id)}
        same = "attribute_not_exists(#templateId) OR #templateId = :templateId"
        earlier = f"if_not_exists(#{_KEPT}, :{_KEPT})"
        standing = await self._store.update(LEDGER, key, _expression(record, earlier), same, _bound(record))
        if standing is None:
            return
        # DRS has made another template: versions of the one before say nothing of this one.
        bound = {**_bound(record), "before": standing.get("templateId")}
        other = await self._store.update(LEDGER, key, _expression(record, f":{_KEPT}"), "#templateId = :before", bound)
        if other is not None:
            raise LostRace(f"the settings record of {record.server_id} was written meanwhile")


def _bound(record: SettingsRecord) -> dict[str, Any]:
    return {name: value for name, field in _FIELDS.items() if (value := getattr(record, field)) is not None}


def _expression(record: SettingsRecord, earlier: str) -> str:
    given = _bound(record)
    values = [f"#{name} = {earlier if name == _KEPT else f':{name}'}" for name in given]
    removed = [f"#{name}" for name in _FIELDS if name not in given]
    return f"SET {', '.join(values)}" + (f" REMOVE {', '.join(removed)}" if removed else "")


def _record(item: Mapping[str, Any]) -> SettingsRecord:
    _, account_id, region, server_id = item["pk"].split("#")
    fields: dict[str, Any] = {field: item.get(name) for name, field in _FIELDS.items()}
    return SettingsRecord(place=Place(account_id, region), server_id=server_id, **fields)
