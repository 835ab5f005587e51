"""Downloads that show their progress, go on where they broke off, and are checked."""

import hashlib
from pathlib import Path

from nndl.error import DownloadError, OutputError

TIMEOUT = 30.0
"""Seconds without a byte after which a server counts as gone."""


def download(urls: tuple[str, ...], path: Path, md5: str) -> Path:
    """Fetch a file to ``path``; what arrived before an interruption is kept beside it and completed the next time.

    Args:
        urls: where it lies, tried one after the other.
        path: where it goes; it is there only once it is whole and checked.
        md5: of the whole file, in hexadecimal.

    Raises:
        DownloadError: no server could be reached, or what came is not the file.
        OutputError: the file cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    for url in urls:
        try:
            _fetch(url, part)
        except DownloadError as error:
            failures.append(str(error))
            continue
        if (found := _md5(part)) == md5:
            part.replace(path)
            return path
        part.unlink()
        failures.append(f"{url}: delivered other bytes, MD5 {found}, expected {md5}; they are removed")
    raise DownloadError("; ".join(failures))


def _fetch(url: str, part: Path) -> None:
    """Append to ``part`` what is missing of the file; all of it, where the server does not resume."""
    import requests
    from tqdm import tqdm

    have = part.stat().st_size if part.exists() else 0
    try:
        with requests.get(url, stream=True, timeout=TIMEOUT, headers=_range(have)) as response:
            if response.status_code == 416:  # nothing is missing
                return
            response.raise_for_status()
            if response.status_code != 206:
                have = 0
            total = have + int(response.headers.get("Content-Length", 0))
            with (
                part.open("ab" if have else "wb") as file,
                tqdm(total=total or None, initial=have, unit="B", unit_scale=True, desc=part.stem, disable=None) as bar,
            ):
                for block in response.iter_content(1 << 16):
                    file.write(block)
                    bar.update(len(block))
    except requests.RequestException as error:
        kept = part.stat().st_size if part.exists() else 0
        goes_on = f"; {kept:,} bytes are kept, the same command goes on from there" if kept else ""
        raise DownloadError(f"{url}: {_reason(error)}{goes_on}") from None
    except OSError as error:
        raise OutputError(f"cannot write {part}: {error.strerror or error}; choose another place") from error


def _range(have: int) -> dict[str, str]:
    # identity: a server that compresses on the way would count other bytes
    return {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    return f"answered {response.status_code}" if response is not None else f"{type(error).__name__}"


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
