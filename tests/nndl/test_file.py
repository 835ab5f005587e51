"""What is written is there whole, or not at all."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

from nndl import file
from nndl.error import OutputError
from nndl.file import check_sum, clear_leftovers, open_regular, replacing

import pytest


def write(path, text="new"):
    with replacing(path) as temporary:
        temporary.write_text(text)


def write_half(path, error):
    with replacing(path) as temporary:
        temporary.write_text("half of the n")
        raise error("stop")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(OutputError if error is OSError else error):
        write_half(path, error)
    assert os.listdir(tmp_path) == ["file"]
    assert path.read_text() == "old"


def test_makes_the_folder_replaces_the_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a" / "b" / "file.txt"
    for content in ("old", "new"):
        with replacing(path) as temporary:
            temporary.write_text(content)
        assert path.read_text() == content
        assert os.listdir(path.parent) == ["file.txt"]


def test_a_folder_appears_whole(tmp_path):
    with replacing(tmp_path / "folder") as temporary:
        temporary.mkdir()
        (temporary / "file").write_text("inside")
        assert not (tmp_path / "folder").exists()
    assert (tmp_path / "folder" / "file").read_text() == "inside"


def test_the_temporary_name_keeps_the_suffix(tmp_path):
    with replacing(tmp_path / "figure.pdf") as temporary:
        temporary.touch()
        assert temporary.suffix == ".pdf"
        assert temporary != tmp_path / "figure.pdf"


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot write .*file/below: .*choose another place"):
        write_half(tmp_path / "file" / "below", None)


# --- where nothing can be written ---


@pytest.mark.parametrize(
    "name", ["x" * 300, f"folder/{'x' * 300}", "a\0b", "a\ud800b", "..", "new/deep/..", "x/" * 3000 + "x"], ids=ascii
)
def test_a_name_that_cannot_be_is_refused_in_one_line(tmp_path, name):
    with pytest.raises(OutputError, match=r"^cannot write .*; choose another place$") as caught:
        write(tmp_path / name)
    str(caught.value).encode()
    assert not os.listdir(tmp_path)


def test_so_is_a_folder_of_such_a_name(tmp_path):
    for name in ("x" * 300, "a\0b", "a\ud800b"):
        with pytest.raises(OutputError, match=r"^cannot write .*; choose another place$"):
            write(tmp_path / name / "record.json")
    assert not os.listdir(tmp_path)


def test_a_name_that_is_no_utf_8_is_written(tmp_path):
    try:
        name = os.fsdecode(b"\xb2\xe2.txt")
        write(tmp_path / name)
    except OutputError:
        pytest.skip("not on this file system")
    assert os.listdir(tmp_path) == [name]


def fill(temporary, kind):
    if kind == "folder":
        temporary.mkdir()
        (temporary / "inner").write_text("new")
    else:
        temporary.write_text("new")


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("old", ["folder", "link to a folder", "pipe", "link to a pipe"])
def test_a_file_is_replaced_by_a_file_and_by_nothing_else(tmp_path, old, kind):
    path, target = tmp_path / "path", tmp_path / "target"
    if "folder" in old:
        target.mkdir()
        (target / "old").write_text("old")
    else:
        getattr(os, "mkfifo", pytest.skip)(target)
    if "link" in old:
        path.symlink_to(target)
    else:
        target.rename(path)
    before = {name: os.lstat(tmp_path / name).st_ino for name in os.listdir(tmp_path)}
    with pytest.raises(OutputError, match=r"cannot write .*path: "), replacing(path) as temporary:
        fill(temporary, kind)
    assert {name: os.lstat(tmp_path / name).st_ino for name in os.listdir(tmp_path)} == before
    if "folder" in old:
        assert os.listdir(path) == ["old"]


def test_a_folder_does_not_replace_a_file(tmp_path):
    write(tmp_path / "path", "old")
    with pytest.raises(OutputError, match=r"cannot write .*path: "), replacing(tmp_path / "path") as temporary:
        fill(temporary, "folder")
    assert (tmp_path / "path").read_text() == "old"
    assert os.listdir(tmp_path) == ["path"]


def test_a_working_directory_that_is_gone(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    try:
        os.rmdir(tmp_path / "gone")
    except OSError:
        pytest.skip("not on this system")
    for name in ("file", "folder/file"):
        with pytest.raises(OutputError, match=f"^cannot write {name}: "):
            write(name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("function", ["mkdir", "fsync", "replace"])
@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT], ids=errno.errorcode.get)
def test_a_full_or_broken_disk_leaves_the_old_file_and_no_new_folder(tmp_path, monkeypatch, function, fault):
    write(tmp_path / "path", "old")

    def fail(*_, **__):
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(os, function, fail)
    for path in (tmp_path / "path", tmp_path / "new" / "folder" / "path"):
        with pytest.raises(OutputError, match=f"cannot write {path}: {os.strerror(fault)}"):
            write(path)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["path"]
    assert (tmp_path / "path").read_text() == "old"


def test_folders_that_were_made_go_with_the_failure_others_stay(tmp_path):
    (tmp_path / "old").mkdir()
    with pytest.raises(ValueError, match="stop"):
        write_half(tmp_path / "old" / "new" / "newer" / "file", ValueError)
    assert os.listdir(tmp_path) == ["old"]
    assert not os.listdir(tmp_path / "old")


# --- it reaches the disk ---


def order_of(monkeypatch):
    """The inodes and names in the order of the calls."""
    calls, fsync, replace = [], os.fsync, os.replace

    def note_fsync(handle):
        calls.append(("fsync", os.fstat(handle).st_ino))
        fsync(handle)

    def note_replace(source, target):
        calls.append(("replace", os.stat(source).st_ino))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    return calls


def inode(path):
    return os.stat(path).st_ino


def test_a_file_is_on_the_disk_before_it_is_renamed(tmp_path, monkeypatch):
    calls = order_of(monkeypatch)
    write(tmp_path / "file")
    expected = [("fsync", inode(tmp_path / "file")), ("replace", inode(tmp_path / "file")), ("fsync", inode(tmp_path))]
    assert calls == expected[: 2 if os.name == "nt" else 3]


@pytest.mark.skipif(os.name == "nt", reason="folders have no fsync there")
def test_so_are_all_files_of_a_folder(tmp_path, monkeypatch):
    calls = order_of(monkeypatch)
    with replacing(tmp_path / "folder") as temporary:
        (temporary / "inner").mkdir(parents=True)
        for name in ("a", "inner/b"):
            (temporary / name).write_text(name)
    folder = tmp_path / "folder"
    before = {inode(path) for path in (folder, folder / "a", folder / "inner", folder / "inner" / "b")}
    assert {number for name, number in calls[:4]} == before
    assert calls[4:] == [("replace", inode(folder)), ("fsync", inode(tmp_path))]


@pytest.mark.parametrize("fault", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS], ids=errno.errorcode.get)
def test_a_file_system_without_fsync_is_written_all_the_same(tmp_path, monkeypatch, fault):
    def refuse(handle):
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(os, "fsync", refuse)
    write(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "new"


# --- what a killed process leaves ---

WRITER = """
import sys, time
from pathlib import Path
from nndl.file import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def writer(tmp_path):
    """A process that is in the middle of writing; it ends with a line, or is killed."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "theirs")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


@pytest.mark.skipif(file.fcntl is None, reason="told apart by their age there")
def test_what_a_living_process_writes_stays_and_what_a_killed_one_left_goes(tmp_path, writer):
    write(tmp_path / "ours")
    clear_leftovers(tmp_path)
    assert len(list(tmp_path.glob(".writing-*"))) == 1
    writer.kill()
    writer.wait()
    assert len(list(tmp_path.glob(".writing-*"))) == 1
    write(tmp_path / "ours")
    assert os.listdir(tmp_path) == ["ours"]


def test_a_living_process_ends_as_if_it_were_alone(tmp_path, writer):
    for _ in range(3):
        write(tmp_path / "theirs", "ours")
    writer.communicate("\n")
    assert writer.returncode == 0
    assert (tmp_path / "theirs").read_text() == "half"
    assert os.listdir(tmp_path) == ["theirs"]


def test_two_in_one_process_do_not_clear_each_other(tmp_path):
    with replacing(tmp_path / "outer") as outer:
        outer.write_text("outer")
        write(tmp_path / "inner")
    assert sorted(os.listdir(tmp_path)) == ["inner", "outer"]


def test_without_locks_the_age_decides(tmp_path, monkeypatch):
    monkeypatch.setattr(file, "fcntl", None)
    for name, age in ((".writing-old", 2 * file._OLD), (".writing-new", 60)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").write_text("half")
        changed = os.stat(tmp_path / name).st_mtime - age
        os.utime(tmp_path / name, (changed, changed))
    write(tmp_path / "file")
    assert sorted(os.listdir(tmp_path)) == [".writing-new", "file"]


def test_what_only_has_such_a_name_is_left_alone(tmp_path):
    """A file, and links: what they point to is somebody else's."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "kept").write_text("kept")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / ".writing-file").write_text("mine")
    (folder / ".writing-link").symlink_to(tmp_path / "other")
    (folder / ".writing-nowhere").symlink_to(tmp_path / "missing")
    (folder / ".writing-leftover").mkdir()
    (folder / ".writing-leftover" / "link").symlink_to(tmp_path / "other")
    names = {".writing-file", ".writing-link", ".writing-nowhere"}
    write(folder / "file")
    clear_leftovers(folder)
    assert names | {"file"} <= set(os.listdir(folder))
    assert (".writing-leftover" in os.listdir(folder)) is (file.fcntl is None)
    assert (tmp_path / "other" / "kept").read_text() == "kept"
    clear_leftovers(tmp_path / "missing")
    clear_leftovers(folder / "file")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do everything")
def test_a_leftover_that_cannot_be_read_is_left_alone(tmp_path):
    (tmp_path / ".writing-shut" / "in").mkdir(parents=True)
    (tmp_path / ".writing-shut").chmod(0)
    write(tmp_path / "file")
    (tmp_path / ".writing-shut").chmod(stat.S_IRWXU)
    assert (tmp_path / "file").exists()


# --- reading ---


def test_only_files_are_opened(tmp_path):
    write(tmp_path / "file")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with open_regular(tmp_path / "link") as opened:
        assert opened.read() == b"new"
    pipe = [tmp_path / "pipe"] if hasattr(os, "mkfifo") else []
    for path in pipe:
        os.mkfifo(path)
    for path in (tmp_path, tmp_path / "missing", *pipe, *filter(Path.exists, [Path("/dev/zero"), Path("/dev/null")])):
        with pytest.raises(OSError, match=r".+"):
            open_regular(path)
        with pytest.raises(OSError, match=r".+"):
            check_sum(path)


def test_check_sums(tmp_path):
    """Those of "abc" in FIPS 180-2 and RFC 1321."""
    write(tmp_path / "file", "abc")
    assert check_sum(tmp_path / "file") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert check_sum(tmp_path / "file", "md5") == "900150983cd24fb0d6963f7d28e17f72"
