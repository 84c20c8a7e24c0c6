"""Samples of a role that exposes the metrics of another one."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from monitoring.telemetry.metrics import worker_registry
from monitoring.telemetry.role_registry import RoleRegistry


def filled(registry: CollectorRegistry) -> str:
    disable_created_metrics()  # type: ignore[no-untyped-call]
    Counter("leads", "Leads.", ["code"], registry=registry).labels("WIRE").inc()
    Histogram("seconds", "Seconds.", registry=registry, buckets=(1,)).observe(0.5)
    return generate_latest(registry).decode()


def test_every_sample_has_the_role_as_a_label() -> None:
    lines = filled(RoleRegistry("shadow")).splitlines()
    samples = [line for line in lines if not line.startswith("#")]
    assert len(samples) >= 4
    assert all('role="shadow"' in line for line in samples)


def test_nothing_else_differs() -> None:
    plain = filled(CollectorRegistry())
    assert (
        filled(RoleRegistry("shadow")).replace(',role="shadow"', "").replace('{role="shadow"}', "")
        == plain
    )


def test_a_worker_has_no_such_label() -> None:
    assert 'role="' not in generate_latest(worker_registry()).decode()
    assert 'role="shadow"' in generate_latest(worker_registry("shadow")).decode()
