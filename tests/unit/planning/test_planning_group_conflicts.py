"""What a group is told about those who have what it wants, about the ledger, and what is told of its changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drs_operator.api.v1alpha1.conditions import Condition, find_condition
from drs_operator.api.v1alpha1.limits import LISTED_CONFLICTS
from drs_operator.api.v1alpha1.protectiongroup import ProtectionGroupStatus
from drs_operator.planning import release
from drs_operator.planning.claims import Standing
from drs_operator.planning.facts import Failure
from drs_operator.planning.group import Users
from drs_operator.planning.group_conditions import InLedger
from drs_operator.planning.group_news import news
from tests import builders as b
from tests.unit.planning.group_sights import RIVAL, evaluated, standing
from tests.unit.planning.tables import table

ONE, TWO, THREE = (b.server_id(number) for number in (1, 2, 3))
SERVERS = b.inventory(*(b.source_server(number) for number in (1, 2, 3)))
FOREIGN = replace(RIVAL, installation="west")
HELD = standing(ONE, None, held_by="exec-1", held_by_name="dr/drill-1")


def condition(status: ProtectionGroupStatus, type: str) -> Condition:
    """A condition that is there."""
    found = find_condition(status.conditions, type)
    assert found is not None, type
    return found


@pytest.mark.parametrize(
    ("lost", "ledger", "reason", "says", "because"),
    table(
        ("a server", {ONE: standing(ONE)}, InLedger(), "ServerConflict", "host-1 is held by", "the server is named"),
        (
            "the holder",
            {ONE: standing(ONE), TWO: standing(TWO)},
            InLedger(),
            "ServerConflict",
            'host-1, host-2 are held by ProtectionGroup other/rival ("Rival")',
            "namespace and name, and what it is called",
        ),
        (
            "another installation",
            {ONE: standing(ONE, FOREIGN)},
            InLedger(),
            "ServerConflict",
            "of installation west",
            "whom to ask is in another cluster",
        ),
        ("a run", {ONE: HELD}, InLedger(), "ServerConflict", "held by run dr/drill-1 until it ends", "no group has it"),
        (
            "name first",
            {ONE: standing(ONE)},
            InLedger(name_holder=Standing("NAME#x", RIVAL)),
            "PgNameExists",
            "host-1 is held by",
            "all findings at once, the name first",
        ),
        (
            "tags",
            {},
            InLedger(tags_holder=Standing("TAGS#x", RIVAL)),
            "TagConflict",
            "selects by the same tags",
            "an identical tag set",
        ),
    ),
)
def test_conflicts(lost: dict[str, Standing], ledger: InLedger, reason: str, says: str, because: str) -> None:
    status = evaluated(b.group(), SERVERS, lost=lost, ledger=ledger)

    found = condition(status, "NoConflicts")
    assert (found.status, found.reason) == ("False", reason), because
    assert says in found.message, because
    assert condition(status, "Ready").reason == reason, because
    assert {server.server_id for server in status.servers} == {ONE, TWO, THREE} - lost.keys(), "it keeps what it holds"


def test_conflicts_are_listed_up_to_the_limit_and_counted_whole() -> None:
    servers = [b.source_server(number) for number in range(1, 71)]
    lost = {server.server_id: standing(server.server_id) for server in servers}

    status = evaluated(b.group(), b.inventory(*servers), lost=lost)

    assert (len(status.conflicts), status.conflict_count) == (LISTED_CONFLICTS, 70)
    assert (status.conflicts[0].hostname, status.conflicts[0].current_group_name) == ("host-1", "Rival")
    assert len(condition(status, "NoConflicts").message) < 400, "many servers make no long message"


@pytest.mark.parametrize(
    ("code", "want", "because"),
    table(
        ("no answer", "LEDGER_UNREACHABLE", ("Unknown", "LedgerUnreachable"), "what was written is not known"),
        ("refused", "DYNAMODB_ERROR", ("False", "DynamodbError"), "it is surely not there"),
        ("replaced", "LEDGER_REPLACED", ("False", "LedgerReplaced"), "nothing is claimed in another ledger"),
    ),
)
def test_a_ledger_that_fails_freezes_the_membership(code: str, want: tuple[str, str], because: str) -> None:
    before = b.group(status=evaluated(b.group(), b.inventory(b.source_server(1))).to_json())

    status = evaluated(before, SERVERS, ledger=InLedger(failure=Failure(code, "what happened")))

    synced = condition(status, "LedgerSynced")
    assert (synced.status, synced.reason) == want, because
    assert [server.server_id for server in status.servers] == [ONE], "nobody joins who is not claimed"
    stable = condition(status, "MembershipStable")
    assert stable == find_condition(before.status.conditions, "MembershipStable"), "as it was resolved last"


def test_a_suspended_group_is_not_ready_and_not_in_step_with_the_ledger() -> None:
    status = evaluated(b.group(suspend=True), SERVERS, owned=[ONE])

    assert (condition(status, "Ready").status, condition(status, "Ready").reason) == ("Unknown", "Suspended")
    assert [server.membership for server in status.servers] == ["Member", None, None]
    assert "1 of them are held" in condition(status, "Ready").message
    assert find_condition(status.conditions, "LedgerSynced") is None, "that function is off"


def test_freshness_is_judged_by_the_strictest_plan() -> None:
    status = evaluated(b.group(), SERVERS, users=Users(("p",), (), 60))

    assert {str(server.rpo) for server in status.servers} == {"Met"}


# --- what is told -----------------------------------------------------------------------------------------------------


def test_a_change_of_members_is_one_event_with_counts() -> None:
    before = evaluated(b.group(), b.inventory(b.source_server(1)))
    after = evaluated(b.group(), b.inventory(*(b.source_server(number) for number in range(2, 10))))

    (told,) = news(before, after)

    assert told.reason == "MembersChanged"
    assert told.message.startswith("8 servers joined: host-2, host-3, host-4, host-5, host-6 and 3 more; 1 server left")
    assert told.warning, "somebody is not protected here any more"


def test_nothing_new_is_nothing_told() -> None:
    status = evaluated(b.group(), SERVERS)

    assert news(status, status) == []
    sick = b.inventory(*(b.source_server(n, replication_state="DISCONNECTED") for n in (1, 2, 3)))
    assert news(status, evaluated(b.group(), sick)) == [], "conditions tell of health"


# --- release-servers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "leaving", "released", "code", "because"),
    table(
        ("all", "all", {ONE: "host-1", TWO: "host-2"}, {ONE, TWO}, None, "everybody who is Leaving"),
        ("blanks", f" {ONE} ,{TWO}", {ONE: "host-1", TWO: "host-2"}, {ONE, TWO}, None, "commas and blanks part ids"),
        ("one", ONE, {ONE: "host-1", TWO: "host-2"}, {ONE}, None, "only who is named"),
        ("all of none", "all", {}, set(), "NOTHING_TO_RELEASE", "nobody is Leaving"),
        ("a member", THREE, {ONE: "host-1"}, set(), "NOTHING_TO_RELEASE", "members are never let go"),
        ("empty", "", {ONE: "host-1"}, set(), "NOTHING_TO_RELEASE", "an empty value names nobody"),
    ),
)
def test_who_is_released(
    value: str, leaving: dict[str, str], released: set[str], code: str | None, because: str
) -> None:
    answered = release.answer(value, "jane", leaving)

    assert (set(answered.released), answered.code) == (released, code), because


def test_only_honoured_values_are_remembered() -> None:
    honoured = release.answer("all", "jane", {ONE: "host-1"})
    refused = release.answer("all", "jane", {})

    assert release.remembered((), refused) == ()
    assert release.remembered(("a",), honoured) == ("a", honoured.mark)
    assert release.remembered((honoured.mark,), honoured) == (honoured.mark,)
    assert len(release.remembered(tuple(map(str, range(200))), honoured)) == release.REMEMBERED
