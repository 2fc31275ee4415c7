"""Times of calls that take turns: each round gives all a turn, and medians are what is said."""

import pytest

from archsearch.bench.timing import interleaved, spread


class Clock:
    """A clock that stands still but for calls, each of which takes the seconds that it is told to take next."""

    def __init__(self) -> None:
        self.now = 0.0
        self.called: list[str] = []

    def __call__(self) -> float:
        return self.now

    def call(self, name: str, *seconds: float) -> None:
        self.now += seconds[min(self.called.count(name), len(seconds) - 1)]
        self.called.append(name)


def test_the_calls_take_turns_in_alternating_order() -> None:
    clock = Clock()
    calls = {name: lambda name=name: clock.call(name, 1.0) for name in "ab"}
    interleaved(calls, rounds=3, turn=0.5, clock=clock)
    assert "".join(clock.called) == "ab" + "aabb" + "bbaa" + "aabb"


def test_a_time_is_the_median_of_the_turns_in_milliseconds() -> None:
    clock = Clock()
    first, turns = 9.0, (9.0, 0.003, 9.0, 0.001, 9.0, 0.5)  # the first call of a turn is not measured
    times = interleaved({"a": lambda: clock.call("a", first, *turns)}, rounds=3, turn=0.0001, clock=clock)
    assert times["a"] == pytest.approx(3)


def test_a_short_call_is_repeated_until_the_turn_is_over() -> None:
    clock = Clock()
    interleaved({"a": lambda: clock.call("a", 0.25)}, rounds=1, turn=1.0, clock=clock)
    assert len(clock.called) == 1 + 1 + 4


def test_times_are_told_with_their_quartiles() -> None:
    assert spread([1.0, 5.0, 2.0, 4.0, 3.0]) == {"ms": 3.0, "low": 2.0, "high": 4.0}
    assert spread([7.0]) == {"ms": 7.0, "low": 7.0, "high": 7.0}
