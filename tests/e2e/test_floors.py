"""The floors of `make bench` at a tenth of its size, by counts."""

from __future__ import annotations

from pathlib import Path

from bench import convergence, troubles
from bench.scale import Fleet
from bench.world import running, wait

FLEET = Fleet(groups=100)
REFRESH_SECONDS = 3.0


def test_a_fleet_converges_stays_still_and_is_found_again(tmp_path: Path) -> None:
    with running(FLEET, tmp_path) as bench:
        rows = [*convergence.converge(bench, REFRESH_SECONDS), *convergence.restart(bench, REFRESH_SECONDS)]
    broken = [(row.name, row.value, row.floor) for row in rows if row.kept is False]
    assert broken == []


def test_the_troubles_of_others_delay_nobody(tmp_path: Path) -> None:
    with running(FLEET, tmp_path) as bench:
        bench.create([*FLEET.objects(), troubles.garbage(FLEET)])
        bench.sandbox.control.add_faults(troubles.FAULTS, "test")
        with convergence.running_operator(bench, "operator", REFRESH_SECONDS):
            wait("the others are Ready", lambda: troubles.others_ready(bench))
            swept = bench.since(bench.beginning)
            listed = {item["metadata"]["name"]: item for item in bench.listed("ProtectionGroup")}
    asked = [call for call in swept.aws if call == "drs:DescribeSourceServers"]
    assert asked, "the others were read"
    assert listed["garbage"]["status"]["conditions"][0]["status"] == "False"
