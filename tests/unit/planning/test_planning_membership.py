"""Who belongs to a group: the selection, and the one exception that nobody falls out of protection silently."""

from typing import Any

import pytest

from drs_operator.api.v1alpha1 import ProtectionGroup
from drs_operator.planning import membership
from drs_operator.planning.facts import Failure, Inventory, SourceServer
from tests import builders as b
from tests.unit.planning.group_sights import evaluated, unread
from tests.unit.planning.tables import table

ONE, TWO, THREE = (b.server_id(number) for number in (1, 2, 3))


def _seen(group: ProtectionGroup, inventory: Inventory) -> ProtectionGroup:
    """The group after the operator has looked at it."""
    found = membership.members(group, inventory)
    points = {server.server_id: True for server in membership.doubtful(found)}
    return group.model_copy(update={"status": evaluated(group, inventory, points)})


def _edited(group: ProtectionGroup, **spec: Any) -> ProtectionGroup:
    """The group after an edit of its spec."""
    return b.group(
        group.metadata.name,
        {"generation": (group.metadata.generation or 0) + 1},
        group.status.to_json(),
        **{**group.spec.to_json(), **spec},
    )


def _without(*numbers: int) -> Inventory:
    """Servers 1 and 2, of which these have lost a tag."""
    servers = [b.source_server(n, tags={"Tier": "web"} if n in numbers else dict(b.TAGS)) for n in (1, 2)]
    return b.inventory(*servers)


def _ids(servers: tuple[SourceServer, ...]) -> list[str]:
    return [server.server_id for server in servers]


def test_tags_select_in_the_order_of_ids() -> None:
    inventory = b.inventory(b.source_server(2), b.source_server(3, tags={"Tier": "db"}), b.source_server(1))

    found = membership.members(b.group(), inventory)

    assert _ids(found.servers) == [ONE, TWO]
    assert (found.leaving, found.unknown) == (frozenset(), ())


def test_explicit_takes_what_is_listed_and_names_what_does_not_exist() -> None:
    inventory = b.inventory(b.source_server(1, tags={}), b.source_server(2))

    found = membership.members(b.group(sourceServerIds=[THREE, ONE]), inventory)

    assert _ids(found.servers) == [ONE], "tags do not matter, and server 2 is not listed"
    assert found.unknown == (THREE,)


@pytest.mark.parametrize(
    ("policy", "want", "leaving", "because"),
    table(
        ("default", None, [ONE, TWO], [ONE], "Hold is the default: nobody leaves silently"),
        ("follow", {"onLeave": "Follow"}, [TWO], [], "Follow: it leaves at once"),
        ("hold", {"onLeave": "Hold", "minServers": 2}, [ONE, TWO], [ONE], "as the default"),
    ),
)
def test_a_tag_that_is_taken_off_outside(
    policy: dict[str, Any] | None, want: list[str], leaving: list[str], because: str
) -> None:
    group = _seen(b.group(membership=policy) if policy else b.group(), _without())

    found = membership.members(group, _without(1))

    assert _ids(found.servers) == want, because
    assert sorted(found.leaving) == leaving, because


def test_a_leaving_server_stays_until_it_matches_again_or_is_gone() -> None:
    group = _seen(_seen(b.group(), _without()), _without(1))
    assert [s.membership for s in group.status.servers] == ["Leaving", "Member"]

    again = _seen(group, _without(1))
    back = _seen(group, _without())
    gone = _seen(group, b.inventory(b.source_server(2)))

    assert again.status == group.status, "it stays, and nothing is written for that"
    assert [s.membership for s in back.status.servers] == ["Member", "Member"]
    assert [s.server_id for s in gone.status.servers] == [TWO], "DRS no longer has it"


@pytest.mark.parametrize(
    ("edit", "want", "because"),
    table(
        ("selection", {"serverSelectionTags": {"Tier": "db"}}, [], "an edit of the own selection takes effect at once"),
        ("narrower", {"serverSelectionTags": {**b.TAGS, "Site": "b"}}, [], "also where it only grows narrower"),
        ("wider", {"serverSelectionTags": {"Tier": "web"}}, [ONE, TWO], "they still match"),
        ("something else", {"description": "new"}, [ONE, TWO], "the selection means the same servers"),
    ),
)
def test_an_edit_of_the_group(edit: dict[str, Any], want: list[str], because: str) -> None:
    group = _edited(_seen(b.group(), _without()), **edit)

    assert _ids(membership.members(group, _without()).servers) == want, because


@pytest.mark.parametrize(
    ("edit", "want", "because"),
    table(
        ("description", {"description": "new"}, [ONE, TWO], "an edit of something else lets nobody go"),
        ("suspend", {"suspend": True}, [ONE, TWO], "an edit of something else lets nobody go"),
        ("follow", {"membership": {"onLeave": "Follow"}}, [TWO], "the way to let it go"),
    ),
)
def test_an_edit_while_a_server_is_leaving(edit: dict[str, Any], want: list[str], because: str) -> None:
    leaving = _seen(_seen(b.group(), _without()), _without(1))

    found = membership.members(_edited(leaving, **edit), _without(1))

    assert _ids(found.servers) == want, because


def test_a_failed_read_between_an_edit_and_its_effect_holds_nobody() -> None:
    """The edit was seen (observedGeneration), but the membership was not resolved for it yet."""
    edited = _edited(_seen(b.group(), _without()), serverSelectionTags={"Tier": "db"})
    failure = Failure("DRS_ERROR", "us-east-1 does not answer")
    blind = edited.model_copy(update={"status": unread(edited, failure)})
    assert blind.status.observed_generation == 2
    assert [s.server_id for s in blind.status.servers] == [ONE, TWO], "a failed read changes no membership"

    after = _seen(blind, _without())

    assert after.status.servers == []


def test_a_new_group_has_nobody_to_hold() -> None:
    assert membership.members(b.group(), _without(1, 2)).servers == ()


def test_an_explicit_group_holds_nobody() -> None:
    group = _seen(b.group(sourceServerIds=[ONE, TWO]), _without())
    edited = _edited(group, sourceServerIds=[TWO])

    assert _ids(membership.members(edited, _without()).servers) == [TWO]


def test_doubtful_are_those_whose_state_alone_does_not_tell() -> None:
    states = ["CONTINUOUS", "STALLED", "DISCONNECTED", "INITIAL_SYNC", "SOMETHING_NEW"]
    inventory = b.inventory(*(b.source_server(n, replication_state=state) for n, state in enumerate(states, start=1)))

    found = membership.members(b.group(), inventory)

    assert _ids(tuple(membership.doubtful(found))) == [TWO, b.server_id(4), b.server_id(5)]
