"""Ctrl-C: one line and exit code 130, whenever it comes and however often."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os.path import dirname
from typing import Any, NoReturn

CODE = 130  # the shell's for Ctrl-C
_LINE = "\ninterrupted; the same command goes on from here 已中断，再次运行同一命令即可继续\n"

_was_said = False


def say() -> None:
    """Say once that the program was interrupted; safe in a signal handler."""
    global _was_said
    if not _was_said:
        _was_said = True
        encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
        with suppress(OSError):
            os.write(2, _LINE.encode(encoding, errors="replace"))


def leave_from_now_on() -> None:
    """End the program at once: while it loads, an exception would pass through, or be lost in, code of others."""
    if _may_set():
        signal.signal(signal.SIGINT, _leave)


@contextmanager
def leaving() -> Iterator[None]:
    """:func:`leave_from_now_on`, inside the block."""
    with _handling(_leave):
        yield


@contextmanager
def raising() -> Iterator[None]:
    """Raise KeyboardInterrupt inside the block, once: a second Ctrl-C, while the first is seen to, ends the program."""
    with _handling(_raise):
        yield


@contextmanager
def keeping_from_children() -> Iterator[None]:
    """Processes that start inside the block never see Ctrl-C: it reaches their parent, and the parent ends them.

    A Ctrl-C that comes inside it counts at its end: half a pool of processes cannot be brought to an end.
    """
    seen: list[object] = []
    with _handling(lambda *_: seen.append(_)), _blocking():
        yield
    if seen:
        signal.raise_signal(signal.SIGINT)


@contextmanager
def _blocking() -> Iterator[None]:
    """Processes inherit what their parent blocks."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _handling(handler: Any) -> Iterator[None]:
    if not _may_set():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _may_set() -> bool:
    """Python lets the main thread alone; and where Ctrl-C is ignored, as in a background job, it stays so."""
    in_main = threading.current_thread() is threading.main_thread()
    return in_main and signal.getsignal(signal.SIGINT) not in (signal.SIG_IGN, None)


def _raise(*_: object) -> NoReturn:
    signal.signal(signal.SIGINT, _leave)
    raise KeyboardInterrupt


def _leave(*_: object) -> NoReturn:
    with suppress(Exception):  # it may be at work just now
        sys.stdout.flush()
    say()
    os._exit(CODE)


# Imported by another program, such as a notebook, the chapter leaves its Ctrl-C alone.
if dirname(sys.argv[0]) == dirname(dirname(__file__)) or (sys.argv[0] == "-m" and "chapter6" in sys.orig_argv):
    leave_from_now_on()
