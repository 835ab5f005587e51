"""The digits: what is generated, written, committed and refused."""

import os
import random
import shutil
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from nndl.dataset import DATA, digit_sum
from nndl.error import DataError, OutputError, SettingError

import pytest
from hypothesis import given
from hypothesis import strategies as st

LENGTHS, COUNTS, SEEDS = st.integers(3, 40), st.integers(1, 4), st.integers(0, 2**32)

# --- what is generated ---


@given(length=LENGTHS, k=COUNTS, seed=SEEDS)
def test_every_pair_k_times_labelled_with_its_sum_and_disturbed_at_most_once(length, k, seed):
    examples = digit_sum.generate(length, k, random.Random(seed))
    assert len(examples) == 100 * k
    assert Counter(tuple(digits[:2]) for digits, _ in examples) == {(a, b): k for a in range(10) for b in range(10)}
    for digits, label in examples:
        assert len(digits) == length
        assert label == digits[0] + digits[1]
        assert set(digits) <= set(range(10))
        assert sum(digit != 0 for digit in digits[2:]) <= 1


def test_position_and_digit_of_the_disturbance_are_uniform():
    examples = digit_sum.generate(6, 500, random.Random(0))
    found = Counter((i, digit) for digits, _ in examples for i, digit in enumerate(digits[2:], 2) if digit)
    # 50,000 examples, 40 pairs of position and digit, each 1250 times; five standard deviations are 175
    assert set(found) == {(i, digit) for i in range(2, 6) for digit in range(1, 10)}
    assert all(abs(count - 1250) < 175 for count in found.values())


def test_each_example_draws_a_digit_then_its_position():
    class Recorder(random.Random):
        drawn = ()

        def randrange(self, *limits):
            self.drawn += (limits,)
            return super().randrange(*limits)

    rng = Recorder(0)
    digit_sum.generate(7, 1, rng)
    assert rng.drawn == ((10,), (2, 7)) * 100


@pytest.mark.parametrize(("length", "k", "fault"), [(2, 1, "length 2"), (-1, 1, "length -1"), (3, 0, "k 0")])
def test_settings_out_of_range(tmp_path, length, k, fault):
    with pytest.raises(SettingError, match=fault):
        digit_sum.generate(length, k, random.Random(0))
    with pytest.raises(SettingError, match=fault):
        digit_sum.write(tmp_path / "root", length, k)
    assert not (tmp_path / "root").exists()


# --- what is written ---


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(("length", "k"), [(3, 1), (5, 2), (12, 3)])
def test_round_trip(tmp_path, length, k):
    folder = digit_sum.write(tmp_path / "new", length, k)
    assert folder == tmp_path / "new" / str(length)
    splits = digit_sum.load(folder)
    assert {split: len(examples) for split, examples in splits.items()} == {"train": 100 * k, "dev": 100, "test": 100}
    for split, examples in splits.items():
        lines = [" ".join(map(str, digits)) + f"\t{label}\n" for digits, label in examples]
        assert (folder / f"{split}.txt").read_bytes() == "".join(lines).encode()


def test_the_splits_are_drawn_apart(tmp_path):
    splits = digit_sum.load(digit_sum.write(tmp_path, 10, k=1))
    assert splits["train"] != splits["dev"] != splits["test"] != splits["train"]


def test_the_same_seed_gives_the_same_files_and_another_seed_others(tmp_path):
    first, again, other = (
        contents(digit_sum.write(tmp_path / name, 6, seed=seed)) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first == again
    assert all(first[name] != other[name] for name in first)


def test_one_length_does_not_depend_on_another(tmp_path):
    for length in (5, 7, 6):
        digit_sum.write(tmp_path / "many", length)
    digit_sum.write(tmp_path / "alone", 6)
    assert contents(tmp_path / "many" / "6") == contents(tmp_path / "alone" / "6")


@pytest.mark.parametrize("length", digit_sum.LENGTHS)
def test_the_committed_files_are_those_of_the_generator(tmp_path, length):
    committed = digit_sum.DEFAULT_ROOT / str(length)
    assert contents(digit_sum.write(tmp_path, length)) == contents(committed)


def test_an_existing_folder_is_left_alone(tmp_path):
    folder = tmp_path / "5"
    folder.mkdir()
    (folder / "train.txt").write_text("mine")
    with pytest.raises(OutputError, match="5 is there already"):
        digit_sum.write(tmp_path, 5)
    assert contents(folder) == {"train.txt": b"mine"}
    assert list(tmp_path.iterdir()) == [folder]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write .*file/5"):
        digit_sum.write(tmp_path / "file", 5)


def test_an_error_while_writing_leaves_nothing(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(OutputError, match="No space left on device"):
        digit_sum.write(tmp_path, 5)
    assert list(tmp_path.iterdir()) == []


# --- what is provided ---


def test_a_length_of_the_book_is_read_where_it_is():
    for length in digit_sum.LENGTHS:
        assert digit_sum.provide(DATA, length) == digit_sum.DEFAULT_ROOT / str(length)


def test_another_length_is_made_once_where_git_looks_away(tmp_path):
    folder = tmp_path / "made" / "digit_sum" / "7"
    assert digit_sum.provide(tmp_path, 7) == folder
    assert contents(folder) == contents(digit_sum.write(tmp_path / "again", 7))
    assert digit_sum.provide(tmp_path, 7) == folder
    assert "data/made/" in (DATA.parent / ".gitignore").read_text().split()


def test_what_was_made_by_hand_serves_and_is_not_made_again(tmp_path):
    digit_sum.write(tmp_path / "digit_sum", 5)
    with pytest.raises(OutputError, match="digit_sum/5 is there already"):
        digit_sum.make(tmp_path, 5)
    made = digit_sum.make(tmp_path, 6, k=1, seed=3)
    with pytest.raises(OutputError, match="made/digit_sum/6 is there already"):
        digit_sum.make(tmp_path, 6)
    assert digit_sum.provide(tmp_path, 6) == made
    assert len(digit_sum.load(made)["train"]) == 100


@pytest.mark.parametrize("place", ["digit_sum", "made/digit_sum"])
def test_what_is_there_is_checked(tmp_path, place):
    shutil.copytree(digit_sum.write(tmp_path / "other", 5), tmp_path / place / "7")
    with pytest.raises(SettingError, match=f"{place}/7: holds sequences of 5 digits, expected 7"):
        digit_sum.provide(tmp_path, 7)
    (tmp_path / place / "7" / "dev.txt").write_text("1 2 0 0 0 0 0 4")
    with pytest.raises(DataError, match=rf"{place}/7/dev\.txt, line 1: no tab"):
        digit_sum.provide(tmp_path, 7)


@pytest.mark.parametrize("length", [2, digit_sum.MAX_LENGTH + 1])
def test_a_length_that_cannot_be_provided(tmp_path, length):
    with pytest.raises(SettingError, match=f"length {length}"):
        digit_sum.provide(tmp_path, length)
    assert list(tmp_path.iterdir()) == []


def test_a_place_where_nothing_can_be_made(tmp_path):
    (tmp_path / "made").write_text("")
    with pytest.raises(OutputError, match=r"cannot write .*made/digit_sum/6"):
        digit_sum.provide(tmp_path, 6)


def test_a_run_that_was_quicker(tmp_path, monkeypatch):
    """Its files serve, for they are the same; whenever it comes in between."""
    write = digit_sum.write

    def beaten(root, length, *more):
        write(root, length, *more)
        return write(root, length, *more)

    monkeypatch.setattr(digit_sum, "write", beaten)
    assert contents(digit_sum.provide(tmp_path, 6)) == contents(write(tmp_path / "again", 6))


def test_many_at_once(tmp_path):
    start = threading.Barrier(8)

    def provide(_):
        start.wait()
        return contents(digit_sum.provide(tmp_path, 9))

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(provide, range(8)))
    assert found == [contents(digit_sum.write(tmp_path / "again", 9))] * 8
    assert [path.name for path in (tmp_path / "made" / "digit_sum").iterdir()] == ["9"]


# --- what is read ---

GOOD = "1 2 0 0\t3\n"


@pytest.mark.parametrize(
    ("text", "line", "fault"),
    [
        pytest.param(f"{GOOD}1 2 0 0 3\n", 2, "no tab", id="no tab"),
        pytest.param(f"{GOOD}\n{GOOD}", 2, "no tab", id="blank line"),
        pytest.param(f"{GOOD}{GOOD}1 a 0 0\t3\n", 3, "'a' is no digit", id="letter"),
        pytest.param("1 12 0 0\t13\n", 1, "'12' is no digit", id="two digits in one"),
        pytest.param("1 -2 0 0\t3\n", 1, "'-2' is no digit", id="sign"),
        pytest.param("1 ２ 0 0\t3\n", 1, "'２' is no digit", id="a digit of another script"),
        pytest.param("1 2  0 0\t3\n", 1, "'' is no digit", id="double space"),
        pytest.param("1 2 0 0 \t3\n", 1, "'' is no digit", id="space before the tab"),
        pytest.param("\t3\n", 1, "'' is no digit", id="no digits"),
        pytest.param("1 2 0 0\t4\n", 1, "label '4', expected 1 + 2 = 3", id="wrong label"),
        pytest.param("1 2 0 0\t\n", 1, "label ''", id="no label"),
        pytest.param("1 2 0 0\tthree\n", 1, "label 'three'", id="label in letters"),
        pytest.param("1 2 0 0\t３\n", 1, "label '３'", id="label of another script"),
        pytest.param("1 2 0 0\t3\t3\n", 1, "label '3\\t3'", id="two labels"),
        pytest.param("1 2\t3\n", 1, "2 digits, expected at least 3", id="too short"),
        pytest.param(f"{GOOD}1 2 0 0 0\t3\n", 2, "5 digits, expected 4", id="longer than the first"),
        pytest.param(f"{GOOD}1 2 0\t3\n", 2, "3 digits, expected 4", id="shorter than the first"),
    ],
)
def test_a_fault_is_named_with_file_and_line(tmp_path, text, line, fault):
    path = tmp_path / "train.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        digit_sum.load_file(path)
    message = str(caught.value)
    assert message.startswith(f"{path}, line {line}: ")
    assert fault in message


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param("1 2 0 0\t3 五\n".encode("gb18030"), "byte 0xce at character 11 is no text", id="GB18030"),
        pytest.param("1 2 0 0\t3\n".encode("utf-16-le"), "holds a NUL", id="UTF-16 without its mark"),
        pytest.param("1 2 0 0\t3\n".encode("utf-16")[:-1], "no UTF-16", id="UTF-16 cut off"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path, content, fault):
    path = tmp_path / "train.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{path}.*{fault}"):
        digit_sum.load_file(path)


def test_a_missing_file_comes_with_the_way_to_make_it(tmp_path):
    with pytest.raises(DataError, match=r"train\.txt: no such file; remove its folder"):
        digit_sum.load(tmp_path / "10")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "train.txt")
    with pytest.raises(DataError, match=r"train\.txt: cannot be read \(a device or a pipe"):
        digit_sum.load_file(tmp_path / "train.txt")


def test_a_line_that_does_not_end(tmp_path, monkeypatch):
    monkeypatch.setattr("nndl.dataset.reading.MAX_LINE", 1_000)
    path = tmp_path / "train.txt"
    path.write_text("1" * 999)
    with pytest.raises(DataError, match="no tab") as caught:
        digit_sum.load_file(path)
    assert len(str(caught.value)) < 300
    path.write_text(GOOD + "1" * 1_001)
    with pytest.raises(DataError, match="line 2: longer than 1,000"):
        digit_sum.load_file(path)


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path):
    with pytest.raises(DataError, match=f"{tmp_path}: a folder, expected a file"):
        digit_sum.load_file(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"1 2 0 0\t3\n9 9 0 7\t18\n", id="as written"),
        pytest.param(b"\xef\xbb\xbf1 2 0 0\t3\n9 9 0 7\t18\n", id="byte order mark"),
        pytest.param(b"1 2 0 0\t3\r\n9 9 0 7\t18\r\n", id="CRLF"),
        pytest.param(b"1 2 0 0\t3\r9 9 0 7\t18\r", id="CR"),
        pytest.param(b"1 2 0 0\t3\n9 9 0 7\t18", id="no newline at the end"),
        pytest.param(b"1 2 0 0\t3\r\n9 9 0 7\t18\r\n\x1a", id="Ctrl-Z at the end"),
        pytest.param("1 2 0 0\t3\n9 9 0 7\t18\n".encode("utf-16"), id="UTF-16"),
        pytest.param("\ufeff1 2 0 0\t3\r\n9 9 0 7\t18\r\n".encode("utf-32-be"), id="UTF-32"),
    ],
)
def test_what_is_accepted(tmp_path, content):
    (tmp_path / "train.txt").write_bytes(content)
    assert digit_sum.load_file(tmp_path / "train.txt") == [([1, 2, 0, 0], 3), ([9, 9, 0, 7], 18)]


def test_all_three_files_have_one_length(tmp_path):
    for split, zeros in (("train", " 0 0"), ("dev", " 0 0"), ("test", " 0 0 0")):
        (tmp_path / f"{split}.txt").write_text(f"1 2{zeros}\t3\n")
    with pytest.raises(DataError, match=r"'test': 5.*expected one length"):
        digit_sum.load(tmp_path)
