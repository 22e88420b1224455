"""Recovery points: when they appear, how they age out, how they are listed."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.unit.sandbox_drs.bench import Bench, moment, server, server_id, since, world

DAY = 86400


def test_the_world_file_gives_ages() -> None:
    bench = Bench(world(server("db", replicationState="STALLED", snapshots=["PT5M", "PT1H", "P2D"])))
    assert bench.ages("db") == [5, 60, 2880]


def test_a_replicating_source_gets_a_point_every_ten_minutes() -> None:
    bench = Bench(world(server("db", snapshots=[])))
    assert bench.points("db") == []
    bench.advance(3000)
    times = [moment(point["timestamp"]) for point in bench.points("db", order="ASC")]
    assert len(times) == 5
    assert {round(later - earlier) for earlier, later in pairwise(times)} == {600}


def test_not_all_sources_get_theirs_at_the_same_moment() -> None:
    bench = Bench(world(*(server(f"web{number}", snapshots=[]) for number in range(8))))
    bench.advance(640)
    assert len({bench.points(f"web{number}")[-1]["timestamp"] for number in range(8)}) > 2


def test_a_point_is_pending_while_it_is_taken_and_says_when_it_was_expected() -> None:
    bench = Bench(world(server("db", snapshots=[])))
    while not bench.points("db"):
        bench.advance(10)
    (pending,) = bench.points("db")
    assert "timestamp" not in pending
    assert "ebsSnapshots" not in pending
    bench.advance(20)
    (taken,) = bench.points("db")
    assert (taken["snapshotID"], taken["expectedTimestamp"]) == (pending["snapshotID"], pending["expectedTimestamp"])
    assert since(taken["expectedTimestamp"], taken["timestamp"]) == 20
    assert taken["ebsSnapshots"][0].startswith("snap-")


@pytest.mark.parametrize("state", ["STALLED", "BACKLOG", "RESCAN", "PAUSED", "INITIAL_SYNC", "STOPPED", "DISCONNECTED"])
def test_no_new_point_appears_while_the_replica_is_not_consistent(state: str) -> None:
    bench = Bench(world(server("db", replicationState=state)))
    before = [point["snapshotID"] for point in bench.points("db")]
    bench.advance(3000)
    assert [point["snapshotID"] for point in bench.points("db")] == before


def test_ten_minute_points_are_kept_an_hour_hourly_ones_a_day_and_daily_ones_a_week() -> None:
    bench = Bench(world(server("db", snapshots=[])))
    bench.advance(10 * DAY)
    ages = bench.ages("db")
    last_hour = [age for age in ages if age <= 60]
    last_day = [age for age in ages if 60 < age <= 1440]
    older = [age for age in ages if age > 1440]
    assert 6 <= len(last_hour) <= 7
    assert 22 <= len(last_day) <= 24
    assert 6 <= len(older) <= 7
    assert max(ages) <= 7 * 1440
    assert {later - earlier for earlier, later in pairwise(last_day)} == {60}
    assert {later - earlier for earlier, later in pairwise(older)} == {1440}


def test_the_newest_point_is_kept_whatever_its_age() -> None:
    bench = Bench(world(server("db", replicationState="STALLED", snapshots=["PT5M", "PT1H"])))
    bench.advance(30 * DAY)
    assert bench.ages("db") == [30 * 1440 + 5]


def test_ages_are_measured_in_progress_while_timestamps_are_true() -> None:
    bench = Bench(world(server("db", snapshots=["PT5M"])), speed=60)
    given = bench.points("db")[0]
    assert moment(given["timestamp"]) == bench.clock.timestamp() - 300
    bench.advance(30)
    times = [moment(point["timestamp"]) for point in bench.points("db", order="ASC") if "timestamp" in point]
    assert {round(later - earlier) for earlier, later in pairwise(times[1:])} == {10}
    assert max(times) <= bench.clock.timestamp()
    bench.advance(8 * DAY / 60)
    oldest = moment(bench.points("db")[-1]["timestamp"])
    assert 6 * DAY / 60 < bench.clock.timestamp() - oldest <= 7 * DAY / 60


def test_at_speed_0_no_point_appears() -> None:
    bench = Bench(world(server("db")), speed=0)
    bench.tick(DAY)
    assert len(bench.points("db")) == 1


def test_points_are_listed_by_time_in_either_order_and_filtered() -> None:
    bench = Bench(world(server("db", replicationState="STALLED", snapshots=["PT5M", "PT30M", "PT2H"])))
    rising = bench.points("db", order="ASC")
    assert [point["timestamp"] for point in rising] == sorted(point["timestamp"] for point in rising)
    assert bench.points("db", order="DESC") == rising[::-1]
    answer = bench.call("DescribeRecoverySnapshots", sourceServerID=server_id("db"))
    assert answer["items"] == rising
    middle = rising[1]["expectedTimestamp"]
    assert bench.points("db", filters={"fromDateTime": middle}) == rising[:0:-1]
    assert bench.points("db", filters={"toDateTime": middle.replace("Z", "+00:00")}) == rising[1::-1]
    assert bench.points("db", maxResults=1) == rising[-1:]


def test_points_of_an_unknown_server_are_refused() -> None:
    error = Bench(world()).refusal("DescribeRecoverySnapshots", sourceServerID=server_id("nobody"))
    assert error.code == "ValidationException"


def test_the_days_of_the_policy_can_be_changed() -> None:
    bench = Bench(world(server("db", snapshots=[])))
    policy = bench.call("GetReplicationConfiguration", sourceServerID=server_id("db"))["pitPolicy"]
    policy[2]["retentionDuration"] = 2
    bench.call("UpdateReplicationConfiguration", sourceServerID=server_id("db"), pitPolicy=policy)
    bench.advance(5 * DAY)
    assert DAY / 60 < max(bench.ages("db")) <= 2 * 1440
