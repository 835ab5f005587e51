"""Time and memory are measured of the right thing."""

import time

import nndl  # noqa: F401, before Paddle

# isort: split
from chapter6.timing import UNSETTLED, peak_memory, take_turns

import paddle


def test_times_are_those_of_one_call_in_milliseconds() -> None:
    times = take_turns({"short": lambda: time.sleep(0.002), "long": lambda: time.sleep(0.02)}, repeats=3)
    assert all(len(values) == 3 for values in times.values())
    assert min(times["short"]) >= 2  # a machine under load only sleeps longer
    assert min(times["long"]) >= 20


def test_steps_take_turns_and_the_warm_up_is_left_out() -> None:
    order = []

    def step(name: str) -> None:
        order.append(name)
        time.sleep(0.011)

    take_turns({"a": lambda: step("a"), "b": lambda: step("b")}, repeats=3)
    warm_up = UNSETTLED + 1
    assert "".join(order) == "a" * warm_up + "b" * warm_up + "aabb" * 3  # the first of two is not timed


def test_peak_memory_counts_what_is_freed_again() -> None:
    kept = paddle.zeros([1000])

    def step() -> None:
        a = paddle.zeros([50, 1000])  # 200 kB
        b = a + 1
        del a, b

    assert peak_memory(step) == 400_000
    assert float(kept.sum()) == 0
