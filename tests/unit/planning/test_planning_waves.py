"""Which wave waits for which."""

from typing import Any

import pytest

from drs_operator.api.v1alpha1.recoveryplan import WaveSpec
from drs_operator.planning import waves
from tests import builders as b
from tests.unit.planning.tables import table


def _plan(*changes: dict[str, Any]) -> list[WaveSpec]:
    return b.plan(*(b.wave_spec(number, **change) for number, change in enumerate(changes, start=1))).spec.waves


@pytest.mark.parametrize(
    ("given", "want", "because"),
    table(
        ("by number", _plan({}, {}, {}), [(), (1,), (1, 2)], "without more, every lower number"),
        (
            "side by side",
            _plan({"launchOrder": 1}, {"launchOrder": 1}, {"launchOrder": 2}),
            [(), (), (1, 2)],
            "waves of one order do not wait for each other",
        ),
        (
            "order against number",
            _plan({"launchOrder": 5}, {}, {}),
            [(2, 3), (), (2,)],
            "launchOrder decides, the number is only its default",
        ),
        ("order zero", _plan({}, {"launchOrder": 0}), [(2,), ()], "0 is an order, not an absent one"),
        (
            "dependencies",
            _plan({}, {}, {"dependsOnWaves": [1]}),
            [(), (1,), (1,)],
            "dependsOnWaves replaces the default: wave 3 does not wait for wave 2",
        ),
        ("empty dependencies", _plan({}, {"dependsOnWaves": []}), [(), (1,)], "empty means the default"),
        (
            "unknown dependency",
            _plan({}, {}, {"dependsOnWaves": [1, 9]}),
            [(), (1,), (1,)],
            "a wave that does not exist cannot be waited for",
        ),
        (
            "only unknown dependencies",
            _plan({}, {}, {"dependsOnWaves": [9]}),
            [(), (1,), (1, 2)],
            "must not start at once: back to the default",
        ),
    ),
)
def test_waits_for(given: list[WaveSpec], want: list[tuple[int, ...]], because: str) -> None:
    assert [waves.waits_for(wave, given) for wave in given] == want, because


def test_in_order_is_by_launch_order_then_by_number() -> None:
    given = _plan({"launchOrder": 2}, {"launchOrder": 1}, {"launchOrder": 1})

    assert [wave.wave_number for wave in waves.in_order(given)] == [2, 3, 1]
