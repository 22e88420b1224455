"""What of its plan a run covers: waves, servers, and the order of what is left."""

from typing import Any

import pytest

from drs_operator.api.v1alpha1.drexecution import Scope
from drs_operator.planning import scope
from drs_operator.planning.facts import Place
from drs_operator.planning.scope import Coverage
from tests import builders as b
from tests.unit.planning.grounds import ground, listed
from tests.unit.planning.tables import table

S1, S2, S3, S9 = (b.server_id(n) for n in (1, 2, 3, 9))
GROUPS = (listed(1, 1, 2), listed(2, 3), listed(3, 4))
THREE = b.plan(b.wave_spec(1), b.wave_spec(2), b.wave_spec(3))


def _covered(asked: dict[str, Any] | None, plan: Any = THREE, groups: Any = GROUPS, **changes: Any) -> Coverage:
    seen = b.inventory(*(b.source_server(n) for n in (1, 2, 3, 4)))
    found = ground(plan, *groups, **{"inventories": (seen,), **changes})
    return scope.coverage(Scope.model_validate(asked) if asked is not None else None, plan, found)


def _waves(covered: Coverage) -> dict[int, list[str]]:
    """Servers by wave, of those that are run."""
    return {
        wave.wave_number: [
            c.server_id
            for c in covered.servers.get(wave.protection_group_ref.name, [])
            if covered.launched_by[c.server_id] == wave.wave_number
        ]
        for wave in covered.waves
    }


@pytest.mark.parametrize(
    ("asked", "want", "because"),
    table(
        ("no scope", None, {1: [S1, S2], 2: [S3], 3: [b.server_id(4)]}, "everything"),
        ("empty scope", {}, {1: [S1, S2], 2: [S3], 3: [b.server_id(4)]}, "empty lists name nothing"),
        ("one wave", {"waves": [2]}, {2: [S3]}, "only that"),
        ("two waves", {"waves": [3, 1]}, {1: [S1, S2], 3: [b.server_id(4)]}, "in the plan's order"),
        ("some servers", {"serverIds": [S2, S3]}, {1: [S2], 2: [S3]}, "a wave without any of them is not run"),
        ("without some", {"excludeServerIds": [S1]}, {1: [S2], 2: [S3], 3: [b.server_id(4)]}, "the others"),
        ("a wave without all its servers", {"excludeServerIds": [S3]}, {1: [S1, S2], 3: [b.server_id(4)]}, "not run"),
        ("both lists", {"serverIds": [S1, S2], "excludeServerIds": [S1]}, {1: [S2]}, "leaving out is stronger"),
        ("wave and server", {"waves": [1], "serverIds": [S1]}, {1: [S1]}, "both narrow"),
        ("server of another wave", {"waves": [1], "serverIds": [S3]}, {}, "both narrow, to nothing"),
        ("every server left out", {"serverIds": [S1], "excludeServerIds": [S1]}, {}, "nothing is left"),
    ),
)
def test_what_is_run(asked: dict[str, Any] | None, want: dict[int, list[str]], because: str) -> None:
    covered = _covered(asked)

    assert _waves(covered) == want, because
    assert covered.empty is (not want), because


@pytest.mark.parametrize(
    ("asked", "waves", "servers", "because"),
    table(
        ("nothing is asked for", None, (), (), "nothing can be unknown"),
        ("all known", {"waves": [1], "serverIds": [S1], "excludeServerIds": [S2]}, (), (), "known"),
        ("unknown wave", {"waves": [7, 1, 4]}, (4, 7), (), "sorted"),
        ("unknown server", {"serverIds": [S9, S1]}, (), (S9,), "no wave has it"),
        ("unknown server to leave out", {"excludeServerIds": [S9]}, (), (S9,), "a typing error would launch one more"),
        ("server of a wave that is left out", {"waves": [1], "serverIds": [S3]}, (), (S3,), "these waves lack it"),
        (
            "to leave out from a wave that is left out",
            {"waves": [1], "excludeServerIds": [S3]},
            (),
            (),
            "it is left out, as asked",
        ),
    ),
)
def test_what_is_unknown(
    asked: dict[str, Any] | None, waves: tuple[int, ...], servers: tuple[str, ...], because: str
) -> None:
    covered = _covered(asked)

    assert (covered.unknown_waves, covered.unknown_servers) == (waves, servers), because


@pytest.mark.parametrize(
    ("asked", "want", "because"),
    table(
        ("no servers named", {"waves": [1, 2]}, [1, 2], "its finding says that it is empty"),
        ("a server to leave out", {"excludeServerIds": [S1]}, [1, 2, 3], "not by the scope"),
        ("servers named", {"serverIds": [S1]}, [1], "nobody asks for the empty one"),
    ),
)
def test_a_wave_that_is_empty_anyway(asked: dict[str, Any], want: list[int], because: str) -> None:
    groups = (listed(1, 1, 2), b.group("group-2", serverSelectionTags={"a": "b"}), listed(3, 4))

    assert [wave.wave_number for wave in _covered(asked, groups=groups).waves] == want, because


def test_a_wave_whose_group_is_missing_is_in_scope_so_that_its_finding_is_told() -> None:
    assert [w.wave_number for w in _covered({"serverIds": [S1]}, groups=(listed(1, 1),)).waves] == [1, 2, 3]
    assert [w.wave_number for w in _covered({"waves": [1]}, groups=(listed(1, 1),)).waves] == [1]


def test_a_server_of_two_waves_is_launched_by_the_first_of_those_that_are_run() -> None:
    groups = (listed(1, 1, 2), listed(2, 2, 3), listed(3, 4))

    assert _waves(_covered(None, groups=groups)) == {1: [S1, S2], 2: [S3], 3: [b.server_id(4)]}
    assert _waves(_covered({"waves": [2]}, groups=groups)) == {2: [S2, S3]}


def test_a_group_whose_place_does_not_answer_is_covered_by_what_is_known_of_it() -> None:
    silent: dict[str, Any] = {"inventories": (b.inventory(place=Place(b.ACCOUNT, "eu-north-1")),)}
    seen = b.group("group-1", status={"servers": [{"serverId": S1, "membership": "Member"}]})
    new = b.group("group-1")
    plan = b.plan()
    known = {"group-1": frozenset({S2})}

    assert _waves(_covered(None, plan, (seen,), known=known, **silent)) == {1: [S1]}, "its status"
    assert _waves(_covered(None, plan, (new,), known=known, **silent)) == {1: [S2]}, "the ledger, if that is lost"
    assert _waves(_covered(None, plan, (new,), **silent)) == {1: []}, "nothing"
    assert _waves(_covered(None, plan, (new,), known=known, accounts={}, **silent)) == {1: []}, "there is no place"


@pytest.mark.parametrize(
    ("waves", "asked", "want", "because"),
    table(
        ("all", ({}, {}, {}), [1, 2, 3], {1: (), 2: (1,), 3: (1, 2)}, "the plan's own order"),
        ("the middle left out", ({}, {}, {}), [1, 3], {1: (), 3: (1,)}, "the last one waits for the first"),
        ("the first left out", ({}, {}, {}), [2, 3], {2: (), 3: (2,)}, "nothing to wait for"),
        (
            "a named one left out",
            ({}, {"dependsOnWaves": [1]}, {"dependsOnWaves": [2]}),
            [1, 3],
            {1: (), 3: (1,)},
            "through the one that is left out",
        ),
        (
            "a named chain left out",
            ({}, {"dependsOnWaves": [1]}, {"dependsOnWaves": [2]}, {"dependsOnWaves": [3]}),
            [1, 4],
            {1: (), 4: (1,)},
            "through both",
        ),
        (
            "independent branches",
            ({}, {"launchOrder": 1}, {"dependsOnWaves": [2]}),
            [1, 3],
            {1: (), 3: ()},
            "what it did not wait for it does not wait for now",
        ),
        (
            "side by side",
            ({}, {"launchOrder": 2}, {"launchOrder": 2}),
            [2, 3],
            {2: (), 3: ()},
            "none waits for the other",
        ),
        (
            "a circle through the one that is left out",
            ({"dependsOnWaves": [2], "launchOrder": 5}, {"dependsOnWaves": [3], "launchOrder": 1},
             {"dependsOnWaves": [1], "launchOrder": 7}),
            [1, 3],
            {1: (), 3: (1,)},
            "what is named against the order would make waves wait for each other for ever",
        ),
    ),
)  # fmt: skip
def test_whom_a_wave_waits_for(
    waves: tuple[dict[str, Any], ...], asked: list[int], want: dict[int, tuple[int, ...]], because: str
) -> None:
    plan = b.plan(*(b.wave_spec(n, **fields) for n, fields in enumerate(waves, start=1)))
    groups = [listed(n, n) for n in range(1, len(waves) + 1)]
    covered = _covered({"waves": asked}, plan, groups)

    found = {wave.wave_number: scope.waits_for(wave, plan, covered) for wave in covered.waves}

    assert found == want, because
