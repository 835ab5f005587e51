"""What is written is there whole, or not at all."""

import os

import pytest

from nndl.error import OutputError
from nndl.file import replacing


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
