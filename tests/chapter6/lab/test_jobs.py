"""Work spread over processes."""

import os
import signal

from chapter6.lab.jobs import spread
from nndl.error import DataError, WorkerError

import pytest


def square(x: int) -> int:
    return x * x


def threads(_: int) -> str:
    return os.environ["OMP_NUM_THREADS"]


def fail(x: int) -> int:
    raise DataError(f"file {x}, line 1: fault")


def die(x: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return x


@pytest.mark.parametrize("look", [None, 0.01], ids=["", "as on Windows"])
def test_every_item_comes_back_with_its_result(look: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chapter6.lab.jobs.LOOK", look)
    assert sorted(spread(square, [3, 1, 2], jobs=2, device="cpu")) == [(1, 1), (2, 4), (3, 9)]


def test_nothing_to_do() -> None:
    assert list(spread(square, [], jobs=2, device="cpu")) == []


@pytest.mark.parametrize(("set_by_user", "expected"), [(None, "1"), ("2", "2")])
def test_a_worker_computes_in_one_thread_unless_the_user_chose(
    set_by_user: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if set_by_user:
        monkeypatch.setattr("nndl.runtime.chosen", {})
        monkeypatch.setenv("OMP_NUM_THREADS", set_by_user)
    else:
        monkeypatch.setattr("nndl.runtime.chosen", {"OMP_NUM_THREADS": "4"})
        monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert list(spread(threads, [0], jobs=1, device="cpu")) == [(0, expected)]
    assert os.environ["OMP_NUM_THREADS"] == (set_by_user or "4")  # the parent's stays


def test_an_error_in_a_worker_comes_back_as_it_was() -> None:
    with pytest.raises(DataError, match="file 1, line 1: fault"):
        list(spread(fail, [1], jobs=1, device="cpu"))


def test_a_worker_that_is_killed_is_one_clear_error() -> None:
    with pytest.raises(WorkerError, match="ended abruptly"):
        list(spread(die, [1], jobs=1, device="cpu"))
