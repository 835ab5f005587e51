"""Tar archives, read from the first byte to the last, so that the check sums of gzip, bzip2 and xz are verified.

``tarfile`` takes single headers apart, but does not walk from one to the next: it stops before the check sum, takes a
damaged header for the end, reads long names of any size into memory, and follows a size below zero backwards.
"""

import importlib
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from nndl.dataset.reading import open_file
from nndl.error import DataError

MAX_BYTES = 1 << 30
"""What an archive may hold, unpacked; the official one of IMDB holds a third of it."""
MAX_MEMBERS = 1_000_000
MAX_HEADER_BYTES = 1 << 20
"""Of a long name or a PAX header."""

_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\0": "lzma"}
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_HEADERS = (*_PAX, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_SPARSE = re.compile(rb"(?:^|\n)[0-9]+ (?:GNU\.sparse\.[a-z]+|size)=")
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE)
_BLOCK = tarfile.BLOCKSIZE


def read_archive(
    source: Path, wanted: re.Pattern[str], most: int, texts: str = "reviews"
) -> Iterator[tuple[str, bytes]]:
    """Name and content of the files whose whole name is ``wanted``.

    What came is good only when the iterator has ended: the check sum stands last.

    Args:
        source: a tar archive, plain or compressed by gzip, bzip2 or xz.
        wanted: a pattern.
        most: the bytes that a wanted file may hold.
        texts: what a message calls what is wanted.

    Raises:
        DataError: no such file, no archive, a damaged one, or one that is not to be trusted.
    """
    try:
        with _open(source) as stream:
            yield from _members(stream, wanted, most, texts)
    except _Refused as error:
        raise DataError(f"{source}: refused, {error}") from None
    except DataError:
        raise
    except Exception as error:  # every decompressor has errors of its own
        raise DataError(
            f"{source}: no archive, or a truncated or damaged one ({error}); fetch it again (tar, plain or gz, bz2, xz)"
        ) from None


class _Refused(Exception):
    """Says what no archive of ours holds."""


def _open(source: Path) -> BinaryIO:
    file = open_file(source, "expected an archive or a folder")
    head = file.peek(6)
    for mark, module in _COMPRESSED.items():
        if head.startswith(mark):
            return importlib.import_module(module).open(file)
    return file


def _members(stream: BinaryIO, wanted: re.Pattern[str], most: int, texts: str) -> Iterator[tuple[str, bytes]]:
    total = number = 0
    long_name = ""
    while any(header := _read(stream, _BLOCK)):
        member = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        name = long_name or member.name
        number, total = number + 1, total + max(member.size, 0)
        if member.size < 0 or number > MAX_MEMBERS or total > MAX_BYTES:
            raise _Refused(f"{name[:80]!r} makes it larger than any archive of these {texts}")
        if member.type in _HEADERS:
            if member.size > MAX_HEADER_BYTES:
                raise _Refused(f"a header of {member.size:,} bytes is larger than any name")
            content = _read(stream, member.size)
            if member.type in _PAX and _SPARSE.search(content):  # what follows is not the file's content
                raise _Refused("one of its members is sparse, or of another size than its header says")
            long_name = _long_name(member, content) or long_name
            _skip(stream, -member.size % _BLOCK)
            continue
        long_name = ""
        _check(name, member)
        if member.isdir():
            continue
        if wanted.fullmatch(name):
            if member.size > most:
                raise _Refused(f"{name[:80]!r} is larger than any of these {texts}")
            yield name, _read(stream, member.size)
            _skip(stream, -member.size % _BLOCK)
        else:
            _skip(stream, member.size + -member.size % _BLOCK)
    while rest := stream.read(1 << 16):
        total += len(rest)
        if rest.strip(b"\0") or total > MAX_BYTES:
            raise _Refused("it holds more behind its end")


def _long_name(member: tarfile.TarInfo, content: bytes) -> str:
    """The name of the next member, where this header gives it."""
    found = b""
    if member.type == tarfile.GNUTYPE_LONGNAME:
        found = content.partition(b"\0")[0]
    elif member.type in _PAX and (record := re.search(rb"(?:^|\n)[0-9]+ path=([^\n]*)\n", content)):
        found = record[1]
    return found.decode("utf-8", "surrogateescape")


def _check(name: str, member: tarfile.TarInfo) -> None:
    """Nothing is unpacked, yet an archive with such a member is not to be trusted."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", name):
        raise _Refused(f"its member {name[:80]!r} points out of the archive")
    if member.type not in _FILES and not member.isdir():
        raise _Refused(f"its member {name[:80]!r} is a link, a device or sparse")


def _read(stream: BinaryIO, size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError("it ends too early")
    return content


def _skip(stream: BinaryIO, size: int) -> None:
    while size:
        size -= len(_read(stream, min(size, 1 << 16)))
