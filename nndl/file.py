"""Files and folders that are written whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nndl.error import OutputError

_WRITING = ".writing-"


def clear_leftovers(folder: Path) -> None:
    """Remove what a process left in ``folder`` that was killed inside :func:`replacing`."""
    for leftover in folder.glob(f"{_WRITING}*"):
        shutil.rmtree(leftover)


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary name beside ``path`` for a file or a folder; at the end it is renamed to ``path``.

    The folder around it is made. If the block raises, nothing is left behind and what was there stays.

    Raises:
        OutputError: something cannot be written.

    Example:
        >>> with replacing(folder / "notes.txt") as temporary:  # doctest: +SKIP
        ...     temporary.write_text("whole or not at all")
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # In a folder of its own: so the name keeps its suffix, which some writers look at.
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=_WRITING) as place:
            yield Path(place) / path.name
            os.replace(Path(place) / path.name, path)
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}; choose another place") from error
