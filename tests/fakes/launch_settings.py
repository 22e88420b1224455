"""Launch settings on AWS in memory: what DRS keeps, and launch templates whose every version stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TypeVar

from drs_operator.planning.facts import Place
from drs_operator.planning.launch_checks import Interface, Question, Subnet, Terrain
from drs_operator.planning.launch_settings import Actual, DrsSettings, S, SettingsRecord, TemplateSettings
from drs_operator.ports import Access, ReadFailed
from tests.fakes.effects import Effects
from tests.fakes.ledger import Tables

T = TypeVar("T")

DEFAULTS = DrsSettings("BASIC", False, False, "STARTED", False)


@dataclass
class _Template:
    versions: list[TemplateSettings] = field(default_factory=lambda: [TemplateSettings("m5.large")])
    default: int = 1
    number: int = 1
    """Counts the templates that the server has had."""
    tokens: dict[str, int] = field(default_factory=dict)


@dataclass
class FakeLaunchSettings:
    """Port LaunchSettings, and what other people change."""

    effect: Effects
    calls: list[str] = field(default_factory=list)
    """Every call, by operation."""
    failing: dict[str, ReadFailed] = field(default_factory=dict)
    """Operations, or server ids, that fail until taken out."""
    lost: set[str] = field(default_factory=set)
    """Writes that are done once more without an answer."""
    ignored: set[str] = field(default_factory=set)
    """Writes that are answered well and change nothing that was asked for."""
    offered: set[str] = field(default_factory=lambda: {"m5.large", "r6i.large", "r6i.2xlarge"})
    subnets: dict[str, Subnet] = field(default_factory=dict)
    security_groups: dict[str, str] = field(default_factory=dict)
    profiles: dict[str, bool | None] = field(default_factory=dict)
    interfaces: dict[tuple[str, str], Interface] = field(default_factory=dict)
    _drs: dict[tuple[Place, str], DrsSettings] = field(default_factory=dict)
    _templates: dict[tuple[Place, str], _Template] = field(default_factory=dict)

    def template(self, place: Place, server_id: str) -> TemplateSettings:
        """The default version of a server's template now."""
        template = self._template(place, server_id)
        return template.versions[template.default - 1]

    def versions(self, place: Place, server_id: str) -> int:
        """How many versions its template has."""
        return len(self._template(place, server_id).versions)

    def drs(self, place: Place, server_id: str) -> DrsSettings:
        """What DRS keeps of it now."""
        return self._drs.get((place, server_id), DEFAULTS)

    def change_by_hand(self, place: Place, server_id: str, **settings: object) -> None:
        """Somebody writes a template version and makes it the default."""
        template = self._template(place, server_id)
        template.versions.append(replace(template.versions[template.default - 1], **settings))  # type: ignore[arg-type]
        template.default = len(template.versions)

    def new_template(self, place: Place, server_id: str) -> None:
        """DRS makes another template, as it was at first."""
        self._templates[(place, server_id)] = _Template(number=self._template(place, server_id).number + 1)

    def _template(self, place: Place, server_id: str) -> _Template:
        return self._templates.setdefault((place, server_id), _Template())

    def _enter(self, operation: str, *names: str) -> None:
        self.calls.append(operation)
        for name in (operation, *names):
            if name in self.failing:
                raise self.failing[name]

    def _write(self, name: str, apply: Callable[[], T]) -> T:
        result = self.effect(name, apply)
        if name in self.lost:
            self.lost.remove(name)
            raise ReadFailed("DRS_ERROR", "the answer was lost")
        return result

    # --- the port -----------------------------------------------------------------------------------------------

    async def default_versions(self, access: Access, region: str) -> Mapping[str, int]:
        """Default versions of the templates of a place."""
        self._enter("default versions")
        place = Place(access.account_id, region)
        return {_id(server, t): t.default for (where, server), t in self._templates.items() if where == place}

    async def actual(self, access: Access, region: str, server_id: str) -> Actual:
        """The settings of a server."""
        self._enter("actual", server_id)
        place = Place(access.account_id, region)
        template = self._template(place, server_id)
        template_id = _id(server_id, template)
        return Actual(template_id, template.default, self.drs(place, server_id), self.template(place, server_id))

    async def terrain(self, access: Access, region: str, question: Question) -> Terrain:
        """What there is of what was asked."""
        self._enter("terrain")
        return Terrain(
            frozenset(question.instance_types & self.offered),
            {i: self.subnets[i] for i in question.subnet_ids if i in self.subnets},
            {i: self.security_groups[i] for i in question.security_group_ids if i in self.security_groups},
            {i: self.profiles.get(i, False) for i in question.profiles},
            {a: self.interfaces[a] for a in question.addresses if a in self.interfaces},
        )

    async def change_drs(self, access: Access, region: str, server_id: str, change: DrsSettings) -> None:
        """UpdateLaunchConfiguration; writes a version of its own."""
        self._enter("change drs", server_id)
        place = Place(access.account_id, region)

        def apply() -> None:
            self._drs[(place, server_id)] = _over(self.drs(place, server_id), change)
            self.change_by_hand(place, server_id)

        self._write("change drs", apply)

    async def add_version(
        self, access: Access, region: str, actual: Actual, change: TemplateSettings, token: str
    ) -> int:
        """A new version; the same token makes none."""
        server_id = _server_id(actual.template_id)
        self._enter("add version", server_id)
        template = self._template(Place(access.account_id, region), server_id)

        def apply() -> int:
            if token not in template.tokens:
                asked = TemplateSettings() if "add version" in self.ignored else change
                template.versions.append(_over(template.versions[actual.default_version - 1], asked))
                template.tokens[token] = len(template.versions)
            return template.tokens[token]

        return self._write("add version", apply)

    async def move_default(self, access: Access, region: str, template_id: str, version: int) -> None:
        """Another default version."""
        server_id = _server_id(template_id)
        self._enter("move default", server_id)
        template = self._template(Place(access.account_id, region), server_id)
        self._write("move default", lambda: setattr(template, "default", version))


class FakeSettingsStore:
    """Port SettingsStore over the tables that outlive every operator."""

    def __init__(self, tables: Tables, effects: Effects) -> None:
        self._tables = tables
        self._effect = effects

    async def settings_records(self, installation: str) -> list[SettingsRecord]:
        """Records of an installation."""
        self._reach()
        return [record for record in self._tables.settings.values() if record.installation == installation]

    async def save_settings(self, record: SettingsRecord) -> None:
        """Writes a record, but for the earlier version of the one that stands."""
        self._reach()
        key = (record.place, record.server_id)
        standing = self._tables.settings.get(key)
        same = standing is not None and standing.template_id == record.template_id
        kept = replace(record, earlier_version=standing.earlier_version) if standing and same else record
        self._effect("save settings", lambda: self._tables.settings.update({key: kept}))

    def _reach(self) -> None:
        if self._tables.failure is not None:
            raise self._tables.failure


def _id(server_id: str, template: _Template) -> str:
    return f"lt-{server_id}" if template.number == 1 else f"lt-{server_id}-{template.number}"


def _server_id(template_id: str) -> str:
    return template_id.removeprefix("lt-")[:19]


def _over(settings: S, change: S) -> S:
    values = {name.name: getattr(change, name.name) for name in fields(change)}
    return replace(settings, **{name: value for name, value in values.items() if value is not None})
