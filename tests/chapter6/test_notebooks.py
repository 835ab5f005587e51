"""The notebooks: each is what its text and the lessons' code make, each runs from top to bottom."""

import re
import sys
from pathlib import Path

from chapter6.contents import ENTRIES
from chapter6.notebooks import build, tools
from nndl.error import DataError, NndlError, SettingError

import nbformat
import pytest

MOST_BYTES = 500_000
ROOT = Path(build.__file__).parents[2]


def committed(name: str) -> nbformat.NotebookNode:
    return nbformat.read(build.FOLDER / f"{name}.ipynb", as_version=4)


def test_every_lesson_has_a_notebook() -> None:
    assert {entry.module.rpartition(".")[2] for entry in ENTRIES} <= set(build.NAMES)


@pytest.mark.parametrize("name", build.NAMES)
def test_the_notebook_is_no_older_than_its_text_and_the_code_it_quotes(name: str) -> None:
    kept = committed(name)
    assert build.fingerprint(kept) == kept.metadata["chapter6"]["fingerprint"], "a cell was edited: edit its text"
    assert build.fingerprint(build.cells(name)) == build.fingerprint(kept), f"stale: make notebooks ARGS={name}"


@pytest.mark.parametrize("name", build.NAMES)
def test_the_notebook_is_small_and_was_run(name: str) -> None:
    text = (build.FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    assert len(text.encode()) <= MOST_BYTES
    assert str(ROOT) not in text, "the place of the project on one machine"
    code = [cell for cell in committed(name).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert sum(bool(cell.outputs) for cell in code) > len(code) / 3
    assert all("chapter6-" not in str(cell.outputs) for cell in code), "the place of a temporary folder"


@pytest.mark.parametrize("name", build.NAMES)
def test_the_notebook_teaches_in_chinese(name: str) -> None:
    told = "".join(cell.source for cell in build.cells(name).cells if cell.cell_type == "markdown")
    assert len(re.findall("[\u4e00-\u9fff]", told)) > 300
    assert "改" in told, "something to change"
    assert "思考" in told, "a question"


@pytest.mark.parametrize("name", build.NAMES)
def test_the_notebook_runs_from_top_to_bottom(name: str) -> None:
    build.execute(build.cells(name))  # raises with the cell that fails


def test_what_is_quoted_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "odd.py").write_text("# %% [markdown]\n# title\n\n# %%\n# 摘自 nndl.op.cell: Cel\n", encoding="utf-8")
    monkeypatch.setattr(build, "SOURCE", tmp_path)
    with pytest.raises(DataError, match=r"nndl.op.cell defines no 'Cel'.*SRNCell"):
        build.cells("odd")


@pytest.mark.parametrize("line", ["# 摘自 nndl.op.cell:", "# 摘自 nndl.op.cell: Cell and more", "# 摘自 no.such: Cell"])
def test_a_quotation_of_nothing_is_an_error(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "odd.py").write_text(f"# %% [markdown]\n# title\n\n# %%\n{line}\n", encoding="utf-8")
    monkeypatch.setattr(build, "SOURCE", tmp_path)
    with pytest.raises(DataError, match="quotes"):
        build.cells("odd")


@pytest.mark.parametrize("names", [("../x",), ()], ids=["no name", "edited by hand"])
def test_bad_input_is_refused_before_anything_runs(
    names: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("my own work")])
    mine.metadata["chapter6"] = {"fingerprint": "0"}
    nbformat.write(mine, tmp_path / "mine.ipynb")
    for name, value in {"FOLDER": tmp_path, "NAMES": ("new", "mine"), "make": lambda name: pytest.fail(name)}.items():
        monkeypatch.setattr(build, name, value)
    with pytest.raises(NndlError, match=r"no such notebook|mine.ipynb: edited by hand"):
        build.main(names)


def test_a_cell_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    monkeypatch.setattr(build, "cells", lambda name: nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1/0")]))
    with pytest.raises(DataError, match=r"odd: a cell fails(.|\n)*ZeroDivisionError"):
        build.make("odd")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("place", [".", "nndl", "..", "../.."])
def test_the_set_up_finds_the_project(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "home" / "project"
    (project / "nndl/op").mkdir(parents=True)
    (project / "nndl/op/cell.py").touch()
    monkeypatch.chdir(project / place)
    monkeypatch.setattr("sys.path", [])
    exec(build.SET_UP.split("\nimport nndl")[0], {})
    assert sys.path == [str(project)]


def test_a_wrong_name_in_a_notebook_is_named() -> None:
    for words, settings in ((["6.9"], {}), (["6.2", "fast"], {}), (["6.2"], {"lenghts": (10,)})):
        with pytest.raises(SettingError, match=r"('6.9'|'fast'|'lenghts').*expected .*(6.2|quick|lengths)"):
            tools.prepare(*words, **settings)


def test_names_that_are_defined_together_are_quoted_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pairs.py").write_text("A, B = 1, 2\n")
    (tmp_path / "text.py").write_text("# %% [markdown]\n# title\n\n# %%\n# 摘自 pairs: B\n", encoding="utf-8")
    monkeypatch.setattr(build, "SOURCE", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert build.cells("text").cells[2].source == "# 摘自 pairs: B\nA, B = 1, 2"


def test_a_change_of_the_quoted_code_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "quoted.py").write_text("@str\ndef double(x):\n    return 2 * x\n\nTHREE: int = 3\n")
    (tmp_path / "text.py").write_text("# %% [markdown]\n# title\n\n# %%\n# 摘自 quoted: double, THREE\ndouble\n")
    monkeypatch.setattr(build, "SOURCE", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = build.cells("text")
    assert before.cells[2].source == (
        "# 摘自 quoted: double, THREE\n@str\ndef double(x):\n    return 2 * x\n\n\nTHREE: int = 3\ndouble"
    )
    (tmp_path / "quoted.py").write_text("def double(x):\n    return x + x\n\nTHREE = 3\n")
    build._definitions.cache_clear()
    assert build.fingerprint(build.cells("text")) != build.fingerprint(before)
