"""Spreads independent pieces of work over processes; what comes out does not depend on their number."""

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from chapter6.lab import interruption, progress
from nndl import distributed, runtime
from nndl.error import WorkerError

IS_WINDOWS = os.name == "nt"
MOST_PROCESSES = 61 if IS_WINDOWS else sys.maxsize
"""Windows waits for no more at a time."""
LOOK = 0.5 if IS_WINDOWS else None
"""Seconds between two looks for Ctrl-C, which on Windows does not end a wait."""


def spread(
    work: Callable[[Any], Any], items: Iterable[Any], jobs: int, device: str, threads: int = 1
) -> Iterator[tuple[Any, Any]]:
    """Yield ``(item, work(item))`` as they are done.

    Every process computes in so many ``threads``, also when there is only one process: their number can change the
    last digit of a sum, and the results must not depend on ``jobs``.

    Processes that train together (:mod:`nndl.distributed`) do not spread: all work on each item, one after another.

    Args:
        work: a function of a module, with one argument.
        items: the pieces; those given first start first.
        jobs: processes at a time.
        device: see :func:`nndl.runtime.set_device`.
        threads: of each process.

    Raises:
        WorkerError: a process was killed or ran out of memory.
    """
    items = list(items)
    if distributed.world_size() > 1:
        yield from ((item, work(item)) for item in items)
        return
    if not items:
        return
    spawn = multiprocessing.get_context("spawn")
    surroundings = runtime.worker_environment(threads) | _quiet()
    with progress.listening(spawn) as parent:
        with _environment(surroundings):
            pool = ProcessPoolExecutor(
                min(jobs, len(items), MOST_PROCESSES), spawn, initializer=_start_worker, initargs=(device, parent)
            )
        try:
            with _environment(surroundings), interruption.keeping_from_children():
                futures = {pool.submit(work, item): item for item in items}  # the first starts all processes
            for future in _as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool:
            raise WorkerError(
                "a worker process ended abruptly (killed, or out of memory); the same command goes on from here, "
                "fewer --jobs need less memory"
            ) from None
        except BaseException:  # an error, or Ctrl-C: what the workers have done so far is in their checkpoints
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.kill()
            raise
        pool.shutdown()


def _as_completed(futures: Iterable[Future]) -> Iterator[Future]:
    left = set(futures)
    while left:
        done, left = wait(left, LOOK, FIRST_COMPLETED)
        yield from done


def _quiet() -> dict[str, str]:
    """Of a pool whose owner was killed Python clears the semaphores away; nobody needs to be warned of it."""
    return {"PYTHONWARNINGS": ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), "ignore:resource_tracker"]))}


def _start_worker(device: str, parent: Connection) -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it could not be kept from us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    progress.report_to(parent)
    runtime.start(device)


def _end_with_parent() -> None:
    """A parent that was killed cannot end its workers, and two generations would write the same checkpoints."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Environment variables for the processes that start inside the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
