"""Compiling the operator: what it needs, what it keeps, and what a machine without it is told."""

import os
import random
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nndl  # noqa: F401, before Paddle

# isort: split
from nndl.error import BuildError
from nndl.op.backend import build, native

import pytest

pytestmark = pytest.mark.skipif(bool(native.why_not()), reason="the native operator cannot be had here")
READY = None if native.why_not() else build.library()  # compiled once, in the user's own cache
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


@pytest.fixture
def copying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiler that takes a second; the file that is returned grows by one byte with each library it makes."""
    count = tmp_path / "count"
    copy = f'sleep 1; cp {shlex.quote(str(READY))} "$last"; printf . >> {count}'
    script = f'for last; do :; done; case "$last" in -) ;; *.o) touch "$last" ;; *) {copy} ;; esac'
    monkeypatch.setenv("CXX", fake_compiler(tmp_path, script))
    return count


def libraries(cache: Path) -> list[Path]:
    return sorted(cache.glob("*.so"))


def test_the_command_builds_once_and_says_where(cache: Path) -> None:
    first = python("-m", "nndl.op.backend.build")
    assert first.returncode == 0, first.stderr
    [library] = libraries(cache)
    assert first.stdout.strip() == str(library)
    built = library.stat().st_mtime_ns
    assert python("-m", "nndl.op.backend.build").stdout == first.stdout
    assert library.stat().st_mtime_ns == built
    assert {path.suffix for path in cache.iterdir()} <= {".so", ".lock", ".sha256"}


def test_several_processes_at_once_build_one_library(cache: Path, copying: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: python("-c", USE), range(3)))
    assert [run.stdout for run in done] == ["[1, 2, 4]\n"] * 3
    assert len(libraries(cache)) == 1
    assert copying.read_text() == "."


def test_other_flags_or_sources_give_another_library(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = build._compiling()
    before = build._fingerprint(command)
    assert build._fingerprint(list(command)) == before
    assert build._fingerprint([*command, "-g"]) != before
    source = shutil.copytree(build.SOURCE, cache.parent / "cpp")
    monkeypatch.setattr(build, "SOURCE", source)
    assert build._fingerprint(command) == before
    (source / "cells.h").write_bytes((source / "cells.h").read_bytes() + b"\n")
    assert build._fingerprint(command) != before
    monkeypatch.undo()
    monkeypatch.setitem(build.UNITS, "layer.cc", ["-O3"])
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
    told = python("-m", "nndl.op.backend.build", CXX=cxx)
    assert (told.returncode, told.stdout) == (2, "")
    assert "Traceback" not in told.stderr
    used = python("-c", USE, CXX=cxx)  # Paddle's serves, and one line says so
    assert used.stdout == "[1, 2, 4]\n"
    assert used.stderr.count("our native operator is not there") == 1


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    used = python("-c", USE, XDG_CACHE_HOME=str(tmp_path / "file"))
    assert used.stdout == "[1, 2, 4]\n"
    assert "XDG_CACHE_HOME" in used.stderr


@pytest.mark.parametrize(
    ("cxx", "message"),
    [
        ("'", "No closing quotation"),
        ('c++ -DX="', "No closing quotation"),
        ("/", r"found \(/\)"),
        ("false", "false ended with 1"),
        ("\udcb2\udce2", r"found \(.udcb2.udce2\)"),  # bytes that are no UTF-8
        ("x" * 5000, "found"),
        ("c++ -no-such-option", "ended with 1"),
        ("c++ -fsyntax-only", "without a result"),
        ("not a program", r"Exec format error|cannot be run"),
    ],
)
def test_odd_compilers(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cxx: str, message: str) -> None:
    if cxx == "not a program":
        path = tmp_path / "text"
        path.write_text("text")
        path.chmod(0o755)
        cxx = str(path)
    monkeypatch.setenv("CXX", cxx)
    with pytest.raises(BuildError, match=message) as raised:
        build.library()
    assert len(str(raised.value).splitlines()) == 1
    assert len(str(raised.value)) < 500
    assert not libraries(cache)


def test_a_compiler_of_blanks_is_none_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "")
    expected = build._compiler()
    monkeypatch.setenv("CXX", "   ")
    assert build._compiler() == expected


def test_a_damaged_library_is_compiled_again(cache: Path, copying: Path) -> None:
    """Loaded as it is, a truncated one ends the process."""
    library = build.library()
    whole = library.read_bytes()
    library.write_bytes(whole[: len(whole) // 2])
    used = python("-c", USE)
    assert used.stdout == "[1, 2, 4]\n"
    assert used.stderr.count(f"{library} is damaged") == 1
    assert library.read_bytes() == whole
    assert copying.read_text() == ".."
    assert "nndl: " not in python("-c", USE).stderr


def test_no_flipped_bit_is_overlooked(tmp_path: Path) -> None:
    library, draw = tmp_path / "cells-0.so", random.Random(6)
    content = READY.read_bytes()
    build._sum_file(library).write_text(build._sum_file(READY).read_text())
    library.write_bytes(content)
    library.chmod(0o700)
    assert build._is_sound(library)
    for _ in range(200):
        bit = draw.randrange(8 * len(content))
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        library.write_bytes(damaged)
        assert not build._is_sound(library)
    library.write_bytes(content)
    sums = build._sum_file(library).read_bytes()
    for bit in range(8 * 64):
        damaged = bytearray(sums)
        damaged[bit // 8] ^= 1 << bit % 8
        build._sum_file(library).write_bytes(damaged)
        assert not build._is_sound(library)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes")
def test_a_pipe_or_a_device_as_check_sum_is_not_waited_for(tmp_path: Path) -> None:
    library, sum_file = tmp_path / "cells-1.so", tmp_path / "cells-1.sha256"
    library.touch(mode=0o700)
    os.mkfifo(sum_file)
    assert not build._is_sound(library)
    sum_file.unlink()
    sum_file.symlink_to("/dev/zero")
    assert not build._is_sound(library)


def test_a_library_that_others_could_have_written_is_not_loaded(tmp_path: Path) -> None:
    library = tmp_path / "cells-0.so"
    library.write_bytes(READY.read_bytes())
    build._sum_file(library).write_text(build._sum_file(READY).read_text())
    for mode, expected in ((0o700, True), (0o720, False), (0o702, False), (0o644, True)):
        library.chmod(mode)
        assert build._is_sound(library) is expected
    link = tmp_path / "cells-1.so"
    link.symlink_to(library)
    build._sum_file(link).write_text(build._sum_file(READY).read_text())
    assert not build._is_sound(link)
    build._sum_file(library).unlink()
    assert not build._is_sound(library)


@pytest.mark.usefixtures("copying")
def test_the_folder_is_the_users_alone(cache: Path) -> None:
    cache.mkdir(mode=0o777)
    cache.chmod(0o777)
    build.library()
    assert cache.stat().st_mode & 0o777 == 0o700


def test_a_folder_of_another_user_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.mkdir()
    another = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: another)
    with pytest.raises(BuildError, match="belongs to another user; XDG_CACHE_HOME names another"):
        build.library()


@pytest.mark.usefixtures("copying")
def test_a_file_that_is_no_library_is_named(cache: Path) -> None:
    library = build.library()
    library.write_bytes(b"no library")
    build._sum_file(library).write_text(build.check_sum(library))
    used = python("-c", USE)
    assert used.stdout == "[1, 2, 4]\n"
    assert f"{library}: cannot be loaded" in used.stderr
    assert "delete it" in used.stderr


@pytest.mark.usefixtures("copying")
def test_float_and_double_are_two_libraries() -> None:
    assert build.library("float") != build.library("double")


def test_another_processor_gets_a_library_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A home folder may be shared, and what one processor computes with may be missing in another."""
    command = build._compiling()
    before = build._fingerprint(command)
    monkeypatch.setattr(build, "THIS_PROCESSOR", "-msse2")  # the same command, but for what -march=native stands for
    assert build._fingerprint(command) != before


def test_a_paddle_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "-l:libpaddle.so" not in build._linking()
    monkeypatch.setattr(build, "LIBRARIES", ("libphi_none.so",))
    assert "-l:libpaddle.so" in build._linking()
