"""Compiling the operator: what it needs, what it keeps, and what a machine without it is told."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nndl  # noqa: F401, before Paddle

# isort: split
import pytest

from nndl.error import BuildError
from nndl.op import build, onednn

pytestmark = pytest.mark.skipif(bool(onednn.why_not()), reason="the oneDNN operator cannot be had here")
USE = "import paddle, nndl; print(list(nndl.LSTM(3, 4, backend='auto')(paddle.ones([1, 2, 3]))[0].shape))"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    build.library.cache_clear()
    yield tmp_path / "nndl"
    build.library.cache_clear()


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=os.environ | environment, check=False
    )


def fake_compiler(folder: Path, script: str) -> str:
    path = folder / "compiler"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def libraries(cache: Path) -> list[Path]:
    return sorted(cache.glob("*.so"))


def test_the_command_builds_once_and_says_where(cache: Path) -> None:
    first = python("-m", "nndl.op.build")
    assert first.returncode == 0, first.stderr
    [library] = libraries(cache)
    assert first.stdout.strip() == str(library)
    built = library.stat().st_mtime_ns
    assert python("-m", "nndl.op.build").stdout == first.stdout
    assert library.stat().st_mtime_ns == built
    assert {path.suffix for path in cache.iterdir()} <= {".so", ".lock"}


def test_several_processes_at_once_build_one_library(cache: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: python("-c", USE), range(3)))
    assert [run.stdout for run in done] == ["[1, 2, 4]\n"] * 3
    assert len(libraries(cache)) == 1


def test_other_flags_or_sources_give_another_library(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = build._command()
    assert build._fingerprint(command) == build._fingerprint(list(command))
    assert build._fingerprint([*command, "-g"]) != build._fingerprint(command)
    source = cache.parent / "native" / "lstm.cc"
    source.parent.mkdir()
    source.write_bytes(build.SOURCE.read_bytes() + b"\n")
    before = build._fingerprint(command)
    monkeypatch.setattr(build, "SOURCE", source)
    assert build._fingerprint(command) != before


@pytest.mark.parametrize(
    ("compiler", "message"),
    [
        ("no-such-compiler", r"no C\+\+ compiler found \(no-such-compiler\); CXX names another"),
        ("echo 'x.cc:1: error: no such luck' >&2; exit 3", "ended with 3: x.cc:1: error: no such luck"),
        ("kill -9 $$", "ended with -9"),
    ],
)
def test_without_a_working_compiler(cache: Path, tmp_path: Path, compiler: str, message: str) -> None:
    cxx = compiler if compiler == "no-such-compiler" else fake_compiler(tmp_path, compiler)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXX", cxx)
        with pytest.raises(BuildError, match=message) as raised:
            build.library()
    assert "\n" not in str(raised.value)
    assert not libraries(cache)
    told = python("-m", "nndl.op.build", CXX=cxx)
    assert (told.returncode, told.stdout) == (2, "")
    assert "Traceback" not in told.stderr
    used = python("-c", USE, CXX=cxx)  # fused serves, and one line says so
    assert used.stdout == "[1, 2, 4]\n"
    assert used.stderr.count("the oneDNN operator is not there") == 1


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    used = python("-c", USE, XDG_CACHE_HOME=str(tmp_path / "file"))
    assert used.stdout == "[1, 2, 4]\n"
    assert "XDG_CACHE_HOME" in used.stderr


def test_a_damaged_library_is_named(cache: Path) -> None:
    library = build.library()
    library.write_bytes(b"no library")
    used = python("-c", USE)
    assert used.stdout == "[1, 2, 4]\n"
    assert f"{library}: cannot be loaded" in used.stderr
    assert "delete it" in used.stderr


def test_paddle_without_onednn(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "ONEDNN", "libno.so.3")
    with pytest.raises(BuildError, match="this Paddle comes without oneDNN"):
        build.library()
