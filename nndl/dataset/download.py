"""Downloads that show their progress, go on where they broke off, and are checked."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nndl.error import DownloadError, OutputError
from nndl.file import check_sum

if TYPE_CHECKING:
    from requests import Response

TIMEOUT = 30.0
"""Seconds without a byte after which a server counts as gone."""


@dataclass(frozen=True)
class Published:
    """A file as it is published.

    Args:
        name: the file's, below the folder of its corpus, such as "train/seq.in".
        urls: where it lies, tried one after the other.
        check_sum: of the whole file, in hexadecimal, MD5 or SHA-256; empty where a server packs it anew for each, so
            that its bytes are not stable: then who reads it must check its content.
        size: its bytes; without a check sum the most that it may have. No server is listened to beyond them.
    """

    name: str
    urls: tuple[str, ...]
    check_sum: str
    size: int

    @property
    def algorithm(self) -> str:
        return {32: "md5", 64: "sha256"}[len(self.check_sum)]


def download(file: Published, path: Path) -> Path:
    """Fetch a file to ``path``; what arrived before an interruption is kept beside it and completed the next time.

    A file without a check sum is fetched anew: two parts of it need not be parts of one whole.

    Args:
        file: what is published.
        path: where it goes; it is there only once it is whole and checked.

    Raises:
        DownloadError: no server could be reached, or what came is not the file.
        OutputError: the file cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not file.check_sum or (_size(part) >= file.size and check_sum(part, file.algorithm) != file.check_sum):
            part.unlink(missing_ok=True)
        failures = []
        for url in file.urls:
            try:
                _fetch(url, part, file)
            except DownloadError as error:
                failures.append(f"{url}: {error}")
                continue
            if not file.check_sum or (found := check_sum(part, file.algorithm)) == file.check_sum:
                part.replace(path)
                return path
            part.unlink()
            failures.append(
                f"{url}: delivered other bytes, {file.algorithm} {found}, expected {file.check_sum}; they are removed"
            )
    except OSError as error:
        raise OutputError(f"cannot write {part}: {error.strerror or error}; choose another place") from error
    raise DownloadError("; ".join(failures))


def _fetch(url: str, part: Path, file: Published) -> None:
    """Append to ``part`` what is missing of the file; all of it, where the server does not resume."""
    import requests
    from urllib3.exceptions import HTTPError

    have = _size(part)
    if have == file.size:
        return
    try:
        with requests.get(url, stream=True, timeout=TIMEOUT, headers=_headers(have)) as response:
            _check(response)
            if file.check_sum:
                _receive(response, part, have, file.size)
            else:
                _receive_unknown(response, part, file.size)
    # ValueError: a redirect to what is no address; urllib3's own errors pass through requests at times
    except (requests.RequestException, HTTPError, ValueError) as error:
        if not file.check_sum:
            part.unlink(missing_ok=True)
        kept = _size(part)
        goes_on = f"; {kept:,} bytes are kept, the same command goes on from there" if kept else ""
        reason = str(error) if type(error) is ValueError else type(error).__name__
        raise DownloadError(f"{reason}{goes_on}") from None


def _headers(have: int) -> dict[str, str]:
    # identity: a server that compresses on the way would count other bytes
    return {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})


def _check(response: "Response") -> None:
    if response.status_code not in (200, 206):
        raise ValueError(f"answered {response.status_code}")
    if response.headers.get("Content-Type", "").startswith("text/html"):  # such as one that asks for a login
        raise ValueError("delivers a page")


def _receive_unknown(response: "Response", part: Path, most: int) -> None:
    """A file of unknown size, from its beginning; what is too large, or ends before what is announced, is refused."""
    from tqdm import tqdm

    if response.status_code != 200 or "Content-Encoding" in response.headers:
        raise ValueError("delivers a part, or a compressed file, expected a whole one")
    announced = int(response.headers.get("Content-Length", most))
    if not 0 < announced <= most:
        raise ValueError(f"announces {announced:,} bytes, expected 1 to {most:,}")
    have = 0
    with part.open("wb") as file, tqdm(unit="B", unit_scale=True, desc=part.stem, disable=None) as bar:
        while block := response.raw.read(1 << 16):
            have += len(block)
            if have > announced:
                raise ValueError(f"delivers more than {announced:,} bytes")
            file.write(block)
            bar.update(len(block))
        if not have or ("Content-Length" in response.headers and have < announced):
            raise ValueError(f"delivers {have:,} bytes, expected {announced:,}")
        file.flush()
        os.fsync(file.fileno())


def _receive(response: "Response", part: Path, have: int, size: int) -> None:
    from tqdm import tqdm

    if response.status_code != 206:
        have = 0
    expected = {"Content-Range": f"bytes {have}-{size - 1}/{size}", "Content-Length": str(size - have)}
    for name, value in expected.items():
        if (found := response.headers.get(name, value)) != value:
            raise ValueError(f"announces {name} {found[:40]!r}, expected {value!r}")
    with (
        part.open("ab" if have else "wb") as file,
        tqdm(total=size, initial=have, unit="B", unit_scale=True, desc=part.stem, disable=None) as bar,
    ):
        start = have
        while have < size and (block := response.raw.read(min(1 << 16, size - have))):
            file.write(block)
            have += len(block)
            bar.update(len(block))
        if have < size:
            if "Content-Length" not in response.headers:  # nothing broke off: the server has no more
                file.truncate(start)
            raise ValueError(f"delivers {have - start:,} bytes, expected {size - start:,}")
        file.flush()
        os.fsync(file.fileno())


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
