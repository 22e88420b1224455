"""Which servers a tag selection means."""

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from drs_operator.planning import tags
from tests import builders as b
from tests.unit.planning.tables import table


@pytest.mark.parametrize(
    ("selection", "given", "want", "because"),
    table(
        ("equal", {"Tier": "web"}, {"Tier": "web"}, True, "the pair is there"),
        ("more tags", {"Tier": "web"}, {"Tier": "web", "Owner": "a"}, True, "other tags do not matter"),
        ("case of value", {"Tier": "web"}, {"Tier": "WEB"}, True, "values compare without case"),
        ("outer blanks", {"Tier": " web"}, {"Tier": "web  "}, True, "values compare without outer blanks"),
        ("case beyond ASCII", {"City": "STRASSE"}, {"City": "straße"}, True, "without case holds in every language"),
        ("inner blanks", {"Tier": "web server"}, {"Tier": "webserver"}, False, "inner blanks count"),
        ("case of key", {"Tier": "web"}, {"tier": "web"}, False, "keys compare exactly"),
        ("blank in key", {"Tier": "web"}, {"Tier ": "web"}, False, "keys compare exactly"),
        ("one of two", {"Tier": "web", "Env": "prod"}, {"Tier": "web"}, False, "all pairs must match"),
        ("other value", {"Tier": "web"}, {"Tier": "web2"}, False, "a prefix is not enough"),
        ("no tags", {"Tier": "web"}, {}, False, "nothing to match"),
        ("empty value", {"Tier": ""}, {"Tier": "  "}, True, "an empty value is a value"),
        ("empty value, no tag", {"Tier": ""}, {}, False, "an absent tag is not an empty one"),
        ("empty selection", {}, {"Tier": "web"}, False, "no selection must never mean every server"),
    ),
)
def test_matches(selection: dict[str, str], given: dict[str, str], want: bool, because: str) -> None:
    assert tags.matches(selection, given) is want, because


@pytest.mark.parametrize(
    ("given", "want", "because"),
    table(
        ("all match", {"Env": "prod", "Tier": " WEB"}, None, "nothing differs"),
        ("gone", {"Env": "prod"}, "Tier is gone", "an absent key"),
        ("changed", {"Env": "prod", "Tier": "app"}, "Tier is app, not web", "another value"),
        ("both", {"Tier": "app"}, "Env is gone", "the first by its key"),
    ),
)
def test_difference_names_what_changed(given: dict[str, str], want: str | None, because: str) -> None:
    assert tags.difference({"Tier": "web", "Env": "prod"}, given) == want, because


_KEYS = st.sampled_from(["Tier", "tier", "Env", "Owner"])
_VALUES = st.sampled_from(["", " ", "web", " WEB", "web ", "app", "straße", "STRASSE", "İ"])
_TAGS = st.dictionaries(_KEYS, _VALUES, max_size=4)


@drawn(st.lists(_TAGS, max_size=12), st.lists(_TAGS, min_size=1, max_size=4))
def test_the_index_of_an_inventory_finds_what_matches(
    listed: list[dict[str, str]], selections: list[dict[str, str]]
) -> None:
    servers = [b.source_server(number, tags=given) for number, given in enumerate(listed)]
    inventory = b.inventory(*servers)
    for selection in selections:  # one after the other: the index grows with what was asked
        want = [server for server in servers if tags.matches(selection, server.tags)]
        assert list(inventory.matching(selection)) == want


class _Counted(dict[str, str]):
    """A tag set that counts how often it is looked into."""

    looks = 0

    def __contains__(self, key: object) -> bool:
        self.looks += 1
        return super().__contains__(key)


def test_a_key_is_indexed_once_whoever_asks() -> None:
    sets = [_Counted(Tier="web" if number % 2 else "app") for number in range(10)]
    index = tags.Index(sets)
    for _ in range(5):
        assert index.matching({"Tier": "web"}) == [1, 3, 5, 7, 9]
        assert index.matching({"Tier": "db"}) == []
    assert [given.looks for given in sets] == [1] * 10


def test_what_is_derived_from_an_inventory_is_kept_and_is_no_part_of_its_value() -> None:
    first, second = b.inventory(b.source_server(1)), b.inventory(b.source_server(1))
    assert first.by_id() is first.by_id()
    assert first == second
