"""Which servers a tag selection means."""

import pytest

from drs_operator.planning import tags
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
