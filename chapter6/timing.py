"""How long things take, and how much memory: measured so that a busy machine disturbs all of them alike."""

import time
from collections.abc import Callable
from math import ceil

WORTH_MEASURING = 0.01
"""Seconds; what takes less is called several times in a row."""
UNSETTLED = 5
"""Calls."""


def take_turns(steps: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Milliseconds of one call of each step, one number a repeat.

    The steps take turns, so that a change of the machine's speed meets all. Each turn begins with a call that is not
    timed: what ran before has left its own numbers in the caches.
    """
    calls = {name: max(1, ceil(WORTH_MEASURING / _warm_up(step))) for name, step in steps.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            step()
            times[name].append(_seconds(step, calls[name]) * 1e3)
    return times


def _warm_up(step: Callable[[], object]) -> float:
    """Seconds of a call once it has settled: the first ones generate code and ask for memory."""
    for _ in range(UNSETTLED):
        step()
    return _seconds(step, 1)


def _seconds(step: Callable[[], object], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        step()
    synchronize()
    return (time.perf_counter() - start) / calls


def synchronize() -> None:
    """Wait for the device: a GPU computes while Python goes on."""
    import paddle

    if paddle.device.get_device() != "cpu":
        paddle.device.synchronize()


def peak_memory(step: Callable[[], object]) -> int:
    """Bytes that a call of this step needs at its peak, beyond what was there before, by Paddle's own count."""
    import paddle

    if paddle.device.get_device() != "cpu":
        before = paddle.device.cuda.memory_allocated()
        paddle.device.cuda.reset_max_memory_allocated()
        step()
        return paddle.device.cuda.max_memory_allocated() - before
    count = paddle.base.core
    before = count.host_memory_stat_current_value("Allocated", 0)
    count.host_memory_stat_reset_peak_value("Allocated", 0)
    step()
    return count.host_memory_stat_peak_value("Allocated", 0) - before
