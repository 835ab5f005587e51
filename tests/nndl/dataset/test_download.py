"""Downloads against a server of our own: whole, broken off and taken up again, wrong, or not there at all."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from nndl.dataset import download as module
from nndl.dataset.download import Published, download
from nndl.error import DownloadError, OutputError

import pytest

CONTENT = bytes(range(256)) * 2_000
MD5, SIZE = hashlib.md5(CONTENT).hexdigest(), len(CONTENT)


def published(*urls: str) -> Published:
    return Published("file.tar.gz", urls, MD5, SIZE)


class Server(ThreadingHTTPServer):
    """Serves CONTENT; what it does wrong is in its attributes."""

    resumes = True
    breaks_after: int | None = None
    content = CONTENT

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges: list[str | None] = []
        self.answers: dict[str, bytes] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/file.tar.gz"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.ranges.append(wanted)
        if "missing" in self.path:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.resumes else 0
        if answer := self.server.answers.get(self.path):
            self.wfile.write(answer)
            return
        if start >= len(self.server.content):
            self.send_error(416)
            return
        body = self.server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{SIZE - 1}/{SIZE}")
        self.end_headers()
        self.wfile.write(body[: self.server.breaks_after])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "file.tar.gz"


def test_whole(server: Server, path: Path) -> None:
    assert download(published(server.url), path).read_bytes() == CONTENT
    assert [item.name for item in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("resumes", [True, False])
def test_broken_off_and_taken_up_again(resumes: bool, server: Server, path: Path) -> None:
    server.breaks_after, server.resumes = 100_000, resumes
    with pytest.raises(DownloadError, match="the same command goes on from there"):
        download(published(server.url), path)
    assert not path.exists()
    kept = path.with_name("file.tar.gz.part").stat().st_size
    assert 0 < kept <= 100_000
    server.breaks_after = None
    download(published(server.url), path)
    assert path.read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={kept}-"]


def test_part_that_is_whole_already(server: Server, path: Path) -> None:
    path.parent.mkdir()
    path.with_name("file.tar.gz.part").write_bytes(CONTENT)
    download(published(server.url), path)
    assert path.read_bytes() == CONTENT


def test_other_bytes_are_removed(server: Server, path: Path) -> None:
    server.content = CONTENT[:-1] + b"!"
    with pytest.raises(DownloadError, match=f"other bytes, md5 .*, expected {MD5}"):
        download(published(server.url), path)
    assert list(path.parent.iterdir()) == []


def test_part_of_another_file_is_fetched_anew(server: Server, path: Path) -> None:
    path.parent.mkdir()
    for size in (SIZE, SIZE + 5):
        path.with_name("file.tar.gz.part").write_bytes(b"x" * size)
        download(published(server.url), path)
        assert path.read_bytes() == CONTENT
    assert server.ranges == [None, None]


def test_second_server_where_the_first_fails(server: Server, path: Path) -> None:
    download(published(server.url.replace("file", "missing"), server.url), path)
    assert path.read_bytes() == CONTENT


def answer(status: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode() + body


def to(address: str) -> bytes:
    return answer("302 Found", f"Location: {address}")


LENGTH = f"Content-Length: {SIZE}"
CHUNKED = "Transfer-Encoding: chunked"
PAGE = b"<html>please log in</html>"
ODD = {
    "416": answer("416 Range Not Satisfiable"),
    "length that is a word": answer("200 OK", "Content-Length: abc", body=CONTENT[::-1]),
    "length below zero": answer("200 OK", "Content-Length: -5", body=CONTENT[::-1]),
    "two lengths": answer("200 OK", f"Content-Length: {SIZE}, 7", body=CONTENT[::-1]),
    "length of 5,000 digits": answer("200 OK", "Content-Length: " + "9" * 5_000),
    "redirect to half an address": to("http://[::1"),
    "redirect to no port": to("http://127.0.0.1:port/"),
    "redirect to a name too long": to(f"http://{'a' * 100}.invalid/"),
    "redirect to nothing": to("http://"),
    "redirect to itself": to("/odd"),
    "redirect to a file": to("file:///etc/passwd"),
    "redirect to FTP": to("ftp://127.0.0.1/file"),
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "nothing": b"\n",
    "too many headers": answer("200 OK", *(f"X-{i}: {i}" for i in range(1_000))),
    "a page": answer("200 OK", f"Content-Length: {len(PAGE)}", body=PAGE),
    "a page without its length": answer("200 OK", "Content-Type: text/html", body=PAGE),
    "a file without its length": answer("200 OK", "Connection: close", body=PAGE),
    "a page in chunks": answer("200 OK", CHUNKED, body=b"1a\r\n" + PAGE + b"\r\n0\r\n\r\n"),
    "chunks that are none": answer("200 OK", CHUNKED, body=b"zz\r\n" + PAGE),
    "another part": answer("206 Partial Content", f"Content-Range: bytes 7-{SIZE - 1}/{SIZE}", body=CONTENT),
    "part of another file": answer("206 Partial Content", f"Content-Range: bytes 0-{SIZE - 1}/{SIZE + 1}", LENGTH),
    "compressed on the way": answer("200 OK", "Content-Encoding: gzip", body=gzip.compress(CONTENT)),
    "longer": answer("200 OK", "Connection: close", body=b"x" + CONTENT),
    "no content": answer("204 No Content"),
    "another code": answer("999 What"),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize("has_part", [False, True])
def test_second_server_where_the_first_answers_oddly(has_part: bool, odd: bytes, server: Server, path: Path) -> None:
    if has_part:
        path.parent.mkdir()
        path.with_name("file.tar.gz.part").write_bytes(CONTENT[:1_000])
    server.answers["/odd"] = odd
    address = server.url.replace("file.tar.gz", "odd")
    with pytest.raises(DownloadError) as error:
        download(published(address), path)
    assert str(error.value).startswith(f"{address}: ")
    assert "\n" not in str(error.value)
    if (has_part and not odd.startswith(b"HTTP/1.1 200 OK")) or b"text/html" in odd:
        assert ("1,000 bytes are kept" in str(error.value)) is has_part
    download(published(address, server.url), path)
    assert path.read_bytes() == CONTENT
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_chunks_that_break_off_are_kept(server: Server, path: Path) -> None:
    body = b"10000\r\n" + CONTENT[:0x10000] + b"\r\n10000\r\n" + CONTENT[0x10000:0x10500]
    server.answers["/odd"] = answer("200 OK", CHUNKED, body=body)
    with pytest.raises(DownloadError, match="65,536 bytes are kept"):
        download(published(server.url.replace("file.tar.gz", "odd")), path)
    download(published(server.url), path)
    assert server.ranges == [None, "bytes=65536-"]


@pytest.mark.parametrize("is_chunked", [False, True])
def test_body_without_end_stops_at_the_size(
    is_chunked: bool, server: Server, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []

    def endless(handler: Handler) -> None:
        handler.wfile.write(answer("200 OK", CHUNKED if is_chunked else "Connection: close"))
        while len(sent) < 10_000:
            handler.wfile.write((b"1000\r\n" if is_chunked else b"") + bytes(0x1000) + b"\r\n" * is_chunked)
            sent.append(1)

    monkeypatch.setattr(Handler, "do_GET", endless)
    monkeypatch.setattr(server, "handle_error", lambda *_: None)  # the client goes away
    with pytest.raises(DownloadError, match="delivered other bytes"):
        download(published(server.url), path)
    assert len(sent) < 10_000
    assert list(path.parent.iterdir()) == []


def test_every_failure_is_named(server: Server, path: Path) -> None:
    nobody = "http://127.0.0.1:9/file"
    with pytest.raises(DownloadError) as error:
        download(published(server.url.replace("file", "missing"), nobody), path)
    assert "answered 404" in str(error.value)
    assert f"{nobody}: ConnectionError" in str(error.value)
    assert "\n" not in str(error.value)


def test_server_that_falls_silent(server: Server, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    released = threading.Event()
    monkeypatch.setattr(Handler, "do_GET", lambda handler: released.wait(10))
    with pytest.raises(DownloadError, match="Timeout"):
        download(published(server.url), path)
    released.set()


def test_place_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.tar.gz.part").mkdir()
    with pytest.raises(OutputError, match=r"file\.tar\.gz\.part"):
        download(published(server.url), tmp_path / "file.tar.gz")


def unstable(*urls: str, most: int = SIZE) -> Published:
    """A file that the server packs anew for each: its bytes are not known before."""
    return Published("file.tar.gz", urls, "", most)


@pytest.mark.parametrize("most", [SIZE, SIZE + 1])
def test_unknown_bytes_are_fetched_whole_and_anew(most: int, server: Server, path: Path) -> None:
    path.parent.mkdir()
    path.with_name("file.tar.gz.part").write_bytes(CONTENT[:1_000])
    assert download(unstable(server.url, most=most), path).read_bytes() == CONTENT
    assert server.ranges == [None]
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_unknown_bytes_in_chunks(server: Server, path: Path) -> None:
    server.answers["/odd"] = answer("200 OK", CHUNKED, body=b"5\r\nhello\r\n0\r\n\r\n")
    assert download(unstable(server.url.replace("file.tar.gz", "odd")), path).read_bytes() == b"hello"


UNKNOWN = {
    "too large by its length": (answer("200 OK", f"Content-Length: {SIZE + 1}"), "announces"),
    "too large without one": (answer("200 OK", "Connection: close", body=CONTENT + b"x"), "delivers more"),
    "too large in chunks": (answer("200 OK", CHUNKED, body=b"80000\r\n" + bytes(0x80000) + b"\r\n0\r\n\r\n"), "more"),
    "broken off": (answer("200 OK", "Content-Length: 9", body=b"hello"), "delivers 5 bytes, expected 9|Incomplete|Pro"),
    "chunks broken off": (answer("200 OK", CHUNKED, body=b"9\r\nhello"), "Error|Incomplete"),
    "empty": (answer("200 OK", "Content-Length: 0"), "announces 0"),
    "empty without a length": (answer("200 OK", "Connection: close"), "delivers 0 bytes"),
    "length below zero": (answer("200 OK", "Content-Length: -5", body=b"hello"), "announces"),
    "length that is a word": (answer("200 OK", "Content-Length: abc", body=b"hello"), "abc"),
    "length of 5,000 digits": (answer("200 OK", "Content-Length: " + "9" * 5_000), "Exceeds the limit"),
    "a part": (answer("206 Partial Content", "Content-Length: 5", body=b"hello"), "a part"),
    "compressed": (answer("200 OK", "Content-Encoding: gzip", body=gzip.compress(b"hello")), "compressed"),
    "a page": (ODD["a page without its length"], "a page"),
    "416": (ODD["416"], "answered 416"),
}


@pytest.mark.parametrize("odd", UNKNOWN)
def test_second_server_where_the_first_delivers_no_whole_file(odd: str, server: Server, path: Path) -> None:
    server.answers["/odd"], said = UNKNOWN[odd]
    address = server.url.replace("file.tar.gz", "odd")
    with pytest.raises(DownloadError, match=said) as error:
        download(unstable(address), path)
    assert str(error.value).startswith(f"{address}: ")
    assert "\n" not in str(error.value)
    assert "kept" not in str(error.value)
    assert list(path.parent.iterdir()) == []
    download(unstable(address, server.url), path)
    assert path.read_bytes() == CONTENT
