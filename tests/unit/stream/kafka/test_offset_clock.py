"""A clock that follows another machine's."""

from __future__ import annotations

from stream.kafka.offset_clock import OffsetClock


class Machine:
    """A machine whose clock somebody sets, and whose monotonic clock nobody can set."""

    def __init__(self) -> None:
        self.shown = 1_760_000_000.0
        self.passed = 0.0
        self.clock = OffsetClock(now=lambda: self.shown, monotonic=lambda: self.passed)

    def wait(self, seconds: float) -> None:
        self.shown += seconds
        self.passed += seconds


def test_it_is_this_machines_clock_until_it_is_set() -> None:
    machine = Machine()
    machine.wait(5.0)
    assert machine.clock.now() == machine.clock.machine_now() == 1_760_000_005.0


def test_a_time_that_was_set_continues_with_the_monotonic_clock() -> None:
    machine = Machine()
    machine.clock.set(1_800_000_000.0)
    machine.wait(30.0)
    assert machine.clock.now() == 1_800_000_030.0
    assert machine.clock.machine_now() == 1_760_000_030.0


def test_a_step_of_this_machines_clock_does_not_move_it() -> None:
    machine = Machine()
    machine.clock.set(1_800_000_000.0)
    machine.shown -= 7200.0
    assert machine.clock.now() == 1_800_000_000.0


def test_without_the_other_clock_it_follows_this_machines_again() -> None:
    machine = Machine()
    machine.clock.set(1_800_000_000.0)
    machine.clock.set(None)
    assert machine.clock.now() == 1_760_000_000.0
