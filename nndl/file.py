"""Files and folders that are written whole or not at all."""

import errno
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from nndl.error import OutputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_WRITING = ".writing-"
_BLOCK = 2**18  # bytes
_OLD = 24 * 60 * 60.0  # seconds; nobody writes so long
_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES, errno.EPERM, errno.EBADF}


def open_regular(path: str | os.PathLike) -> BinaryIO:
    """Open a file to read it. A pipe or a device, which may never end or never begin, is an OSError at once."""
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "a device or a pipe, expected a file", str(path))
    return file


def check_sum(path: str | os.PathLike, kind: str = "sha256") -> str:
    """Of a file's bytes, in hexadecimal. Raises OSError, see :func:`open_regular`."""
    with open_regular(path) as file:
        found = hashlib.new(kind)
        while block := file.read(_BLOCK):
            found.update(block)
        return found.hexdigest()


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary name beside ``path`` for a file or a folder; at the end it is renamed to ``path``.

    The folder around it is made. What was written is on the disk before it is renamed. If the block raises,
    nothing is left behind and what was there stays: a file is replaced by a file, and by nothing else.

    Raises:
        OutputError: something cannot be written, or ``path`` is a folder, a device or a pipe.

    Example:
        >>> with replacing(folder / "notes.txt") as temporary:  # doctest: +SKIP
        ...     temporary.write_text("whole or not at all")
    """
    path = Path(path)
    try:
        _check(path)
        with leaving_no_empty(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            with _place_in(path.parent) as place:
                yield place / path.name
                _move(place / path.name, path)
    except OutputError:
        raise
    except OSError as error:
        raise _cannot_write(path, error.strerror or error) from error


@contextmanager
def leaving_no_empty(folder: Path) -> Iterator[None]:
    """If the block raises, the folder and those above it that the block made are gone again, where they are empty."""
    missing = [each for each in (folder, *folder.parents) if not os.path.exists(each)]
    try:
        yield
    except BaseException:
        for each in missing:
            with suppress(OSError, ValueError):  # ValueError: no path at all, such as "a\0b"
                each.rmdir()
        raise


def _cannot_write(path: Path, reason: object) -> OutputError:
    return OutputError(f"cannot write {path}: {reason}; choose another place")


def _check(path: Path) -> None:
    try:
        can_be = b"\0" not in os.fsencode(path) and path.name not in ("", "..")
    except UnicodeEncodeError:
        can_be = False
    if not can_be:
        raise OutputError(f"cannot write {str(path)!r}: not a file's name; choose another place")
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise _cannot_write(path, "a device or a pipe is there")


def _move(temporary: Path, path: Path) -> None:
    if path.is_dir() and not temporary.is_dir():  # a link to a folder would be replaced
        raise _cannot_write(path, "a folder is there")
    _to_disk(temporary)
    os.replace(temporary, path)
    if os.name != "nt":
        _sync(path.parent)


def _to_disk(path: Path) -> None:
    """A file's bytes, or a folder's files: a renamed file could be empty after a power failure."""
    if path.is_dir():
        for inner in path.iterdir():
            _to_disk(inner)
    if path.is_file() or os.name != "nt":
        _sync(path)


def _sync(path: Path) -> None:
    try:
        handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


# --- the temporary folders ---
# Who writes holds a lock on the folder, which ends with the process, however it ends.


@contextmanager
def _place_in(folder: Path) -> Iterator[Path]:
    clear_leftovers(folder)
    while True:
        # A folder of its own: so the name keeps its suffix, which some writers look at.
        place = Path(tempfile.mkdtemp(prefix=_WRITING, dir=folder))
        with suppress(BlockingIOError, FileNotFoundError):  # cleared by another process before it was held
            held = _hold(place)
            if place.exists():
                break
            _release(held)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        _release(held)


def clear_leftovers(folder: Path) -> None:
    """Remove what a process left in ``folder`` that was killed inside :func:`replacing`; never what one writes now."""
    try:
        with os.scandir(folder) as entries:
            places = [e for e in entries if e.name.startswith(_WRITING) and e.is_dir(follow_symlinks=False)]
    except OSError:
        return
    for place in places:
        with suppress(OSError):  # held by a living process, or gone already
            held = _hold(Path(place.path))
            if held is not None or place.stat().st_mtime < time.time() - _OLD:
                shutil.rmtree(place.path, ignore_errors=True)
            _release(held)


def _hold(place: Path) -> int | None:
    """Lock a folder; None where the system has no such locks.

    Raises:
        BlockingIOError: another holds it.
        FileNotFoundError: it is gone.
    """
    if fcntl is None:
        return None
    handle = None
    try:
        handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        _release(handle)
        if isinstance(error, BlockingIOError | FileNotFoundError):
            raise
        return None
    return handle


def _release(held: int | None) -> None:
    if held is not None:
        os.close(held)
