"""One process at a time in a folder. The system lifts a lock when its holder ends, however it ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nndl.error import OutputError

NAME = ".lock"


@contextmanager
def holding(folder: Path, wait: bool = True) -> Iterator[bool]:
    """Hold the folder's lock inside the block; yields whether it is held. The folder is made, the file stays.

    Where the file system has no locks, the file itself is one (:class:`filelock.SoftFileLock`).

    Args:
        folder: what is locked.
        wait: until the holder is done; otherwise yield False where there is one.

    Raises:
        OutputError: the folder cannot be written or locked.
    """
    import warnings

    from filelock import FileLock, Timeout

    lock = FileLock(folder / NAME)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="flock not supported")
            lock.acquire(timeout=-1 if wait else 0)
    except Timeout:
        pass
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"cannot write {folder} or lock it: {reason}; choose another place") from error
    try:
        yield lock.is_locked
    finally:
        lock.release()
