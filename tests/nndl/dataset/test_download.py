"""Downloads against a server of our own: whole, broken off and taken up again, wrong, or not there at all."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from nndl.dataset import download as module
from nndl.dataset.download import download
from nndl.error import DownloadError, OutputError

CONTENT = bytes(range(256)) * 2_000
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves CONTENT; what it does wrong is in its attributes."""

    resumes = True
    breaks_after: int | None = None
    content = CONTENT

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges: list[str | None] = []

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
        if start >= len(self.server.content):
            self.send_error(416)
            return
        body = self.server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.breaks_after])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "file.tar.gz"


def test_whole(server: Server, path: Path) -> None:
    assert download((server.url,), path, MD5).read_bytes() == CONTENT
    assert [item.name for item in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("resumes", [True, False])
def test_broken_off_and_taken_up_again(resumes: bool, server: Server, path: Path) -> None:
    server.breaks_after, server.resumes = 100_000, resumes
    with pytest.raises(DownloadError, match="the same command goes on from there"):
        download((server.url,), path, MD5)
    assert not path.exists()
    kept = path.with_name("file.tar.gz.part").stat().st_size
    assert 0 < kept <= 100_000
    server.breaks_after = None
    download((server.url,), path, MD5)
    assert path.read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={kept}-"]


def test_part_that_is_whole_already(server: Server, path: Path) -> None:
    path.parent.mkdir()
    path.with_name("file.tar.gz.part").write_bytes(CONTENT)
    download((server.url,), path, MD5)
    assert path.read_bytes() == CONTENT


def test_other_bytes_are_removed(server: Server, path: Path) -> None:
    server.content = CONTENT[:-1] + b"!"
    with pytest.raises(DownloadError, match=f"other bytes, MD5 .*, expected {MD5}"):
        download((server.url,), path, MD5)
    assert list(path.parent.iterdir()) == []


def test_part_of_another_file_is_fetched_anew(server: Server, path: Path) -> None:
    """The first server finds the part too long and the sum wrong, so the second delivers all of it."""
    path.parent.mkdir()
    path.with_name("file.tar.gz.part").write_bytes(b"x" * (len(CONTENT) + 5))
    download((server.url, server.url), path, MD5)
    assert path.read_bytes() == CONTENT


def test_second_server_where_the_first_fails(server: Server, path: Path) -> None:
    download((server.url.replace("file", "missing"), server.url), path, MD5)
    assert path.read_bytes() == CONTENT


def test_every_failure_is_named(server: Server, path: Path) -> None:
    nobody = "http://127.0.0.1:9/file"
    with pytest.raises(DownloadError) as error:
        download((server.url.replace("file", "missing"), nobody), path, MD5)
    assert "answered 404" in str(error.value)
    assert f"{nobody}: ConnectionError" in str(error.value)
    assert "\n" not in str(error.value)


def test_server_that_falls_silent(server: Server, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    released = threading.Event()
    monkeypatch.setattr(Handler, "do_GET", lambda handler: released.wait(10))
    with pytest.raises(DownloadError, match="Timeout"):
        download((server.url,), path, MD5)
    released.set()


def test_place_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.tar.gz.part").mkdir()
    with pytest.raises(OutputError, match=r"file\.tar\.gz\.part"):
        download((server.url,), tmp_path / "file.tar.gz", MD5)
