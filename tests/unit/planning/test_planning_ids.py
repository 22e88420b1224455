"""Ids that a rebuilt cluster finds again, tokens and marks that never meet by accident."""

from collections.abc import Callable

import pytest

from drs_operator.planning import ids

Maker = Callable[[str, str, str], str]


@pytest.mark.parametrize(("make", "prefix"), [(ids.group_id, "pg-"), (ids.plan_id, "plan-")])
def test_an_id_is_a_function_of_installation_namespace_and_name(make: Maker, prefix: str) -> None:
    first = make("prod", "dr", "web")

    assert first == make("prod", "dr", "web"), "a rebuilt cluster finds its own"
    assert first.startswith(prefix)
    assert len(first) == len(prefix) + ids.ID_HEX_DIGITS
    others = {make("prod2", "dr", "web"), make("prod", "dr2", "web"), make("prod", "dr", "web2")}
    assert first not in others
    assert len(others) == 3


def test_parts_of_an_id_do_not_run_into_each_other() -> None:
    assert ids.group_id("a", "bc", "d") != ids.group_id("ab", "c", "d")
    assert ids.group_id("a", "b", "cd") != ids.group_id("a", "bc", "d")


def test_ids_are_pinned() -> None:
    """A change of the formula would orphan every row of every ledger."""
    assert ids.group_id("prod", "dr", "web") == "pg-9364111bf2a2eec3f"
    assert ids.plan_id("prod", "dr", "web") == "plan-9364111bf2a2eec3f"
    assert ids.execution_id("prod", "dr/drill-1") == "exec-de180f5f630bea3c0"


def test_an_execution_id_fits_a_role_session_name() -> None:
    assert 2 <= len(ids.execution_id("prod", "x" * 128)) <= 64


def test_a_launch_token_is_one_for_each_call() -> None:
    tokens = {
        ids.launch_token("exec-1", wave, attempt, shard) for wave in (1, 11) for attempt in (1, 2) for shard in (1, 11)
    }

    assert len(tokens) == 8
    assert all(len(token) <= 256 for token in tokens), "the most that a tag value may have"


def test_a_digest_depends_on_what_is_asked_and_not_on_the_order_of_keys() -> None:
    assert ids.digest({"a": 1, "b": {"c": 2, "d": 3}}) == ids.digest({"b": {"d": 3, "c": 2}, "a": 1})
    assert ids.digest({"a": 1}) != ids.digest({"a": "1"})
    assert ids.digest({"a": [1, 2]}) != ids.digest({"a": [2, 1]})


def test_a_command_mark_depends_on_key_and_value() -> None:
    marks = {
        ids.command_mark(*pair) for pair in [("resume", "2.1"), ("resume", "2.2"), ("skip", "2.1"), ("cancel", "true")]
    }

    assert len(marks) == 4
    assert ids.command_mark("resume", "2.1") == ids.command_mark("resume", "2.1")
