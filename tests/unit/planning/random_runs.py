"""Random runs that have just started: every graph of waves that a plan can have, small enough to be followed."""

from __future__ import annotations

from hypothesis import strategies as st

from drs_operator.planning import waves
from drs_operator.planning.facts import Place
from drs_operator.planning.run import Run, RunWave
from tests import builders as b

PLACES = (Place(b.ACCOUNT, "us-east-1"), Place("210987654321", "us-west-2"))


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """A run that has just started, with a valid graph of waves."""
    count = draw(st.integers(1, 4))
    orders = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    specs = []
    for number, order in enumerate(orders, start=1):
        earlier = [other for other, its in enumerate(orders, start=1) if its < order]
        depends = draw(st.lists(st.sampled_from(earlier), unique=True)) if earlier else []
        specs.append(b.wave_spec(number, launchOrder=order, dependsOnWaves=depends))
    pinned = b.plan(*specs).spec.waves
    made: list[RunWave] = []
    for spec in pinned:
        place = draw(st.sampled_from(PLACES))
        servers = [
            b.run_server(10 * spec.wave_number + n, optional=draw(st.sampled_from([False, False, True])))
            for n in range(draw(st.sampled_from([1, 2, 3, 3, 0])))
        ]
        made.append(
            b.run_wave(
                spec.wave_number,
                servers,
                waits_for=waves.waits_for(spec, pinned),
                launch_order=waves.order(spec),
                account_id=place.account_id,
                region=place.region,
                pause_before_wave=draw(st.sampled_from([False, False, True])),
                on_failure=draw(st.sampled_from(["Fail", "Pause", "Pause", "Continue"])),
                ready_when=draw(st.sampled_from(["Launched", "InstanceStatusOk"])),
                wait_after_seconds=draw(st.sampled_from([0, 60])),
                timeout_seconds=draw(st.sampled_from([60, 600, 14400])),
            )
        )
    type = draw(st.sampled_from(["DRILL", "RECOVERY"]))
    live = st.just("Refuse") if type == "DRILL" else st.sampled_from(["Refuse", "Refuse", "Keep", "Replace"])
    return b.run(
        *made,
        execution_type=type,
        ambiguous_launch_policy=draw(st.sampled_from(["Hold", "Hold", "Reissue"])),
        live_recovery_instances=draw(live),
    )
