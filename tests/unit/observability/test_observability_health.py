"""/healthz, /readyz and /metrics over a real socket."""

from __future__ import annotations

import warnings

import aiohttp

from drs_operator.observability import health, metrics


async def _get(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


async def test_probes_say_what_is_wrong() -> None:
    problem: list[str | None] = ["CRDs missing: drexecutions"]
    async with health.serve("127.0.0.1:0", lambda: problem[0], lambda: None) as port:
        assert await _get(port, "/readyz") == (503, "CRDs missing: drexecutions")
        assert await _get(port, "/healthz") == (200, "ok"), "what is not ready is not dead"
        problem[0] = None
        assert await _get(port, "/readyz") == (200, "ok")


async def test_a_dead_one_says_so() -> None:
    async with health.serve("127.0.0.1:0", lambda: None, lambda: "the watch is stuck") as port:
        assert await _get(port, "/healthz") == (503, "the watch is stuck")


async def test_metrics_are_prometheus_text() -> None:
    metrics.reconciles.labels("ProtectionGroup", "done").inc()
    async with health.serve("127.0.0.1:0", lambda: None, lambda: None) as port:
        status, text = await _get(port, "/metrics")
    assert status == 200
    assert 'drs_operator_reconciles_total{kind="ProtectionGroup",result="done"}' in text


async def test_nothing_that_it_uses_is_deprecated() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with health.serve("127.0.0.1:0", lambda: None, lambda: None) as port:
            assert port > 0
