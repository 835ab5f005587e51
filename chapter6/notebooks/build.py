"""Makes the notebooks: ``python -m chapter6.notebooks.build [NAME ...]``, all where none is named; ``make notebooks``.

A notebook is written as a text, ``source/NAME.py``, in jupytext's percent format. A line of a code cell such as

    # 摘自 chapter6.sec_6_2_srn_memory: make_loaders, learn

is followed in the notebook by the code of these names: the reader sees and edits the lesson's own code, and no copy
of it is kept. The notebook is run here, its outputs are kept, and with them a fingerprint of its cells, by which a
test finds the notebook that is older than its text or the code that it quotes.
"""

import ast
import hashlib
import re
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from chapter6.lab.cli import carry_out
from nndl.error import DataError, SettingError
from nndl.file import replacing
from nndl.needed import check

if TYPE_CHECKING:
    from nbformat import NotebookNode

FOLDER = Path(__file__).parent
SOURCE = FOLDER / "source"
NAMES = tuple(sorted(path.stem for path in SOURCE.glob("*.py")))
"""A notebook for each text; it bears the name of the lesson's module."""

QUOTE = re.compile(r"^# 摘自(?: ([\w.]+): (\w+(?:, \w+)*)$)?.*", re.MULTILINE)
PACKAGES = {"PIL": "pillow", **{name: name for name in ("jupytext", "nbclient", "nbformat", "ipykernel")}}
"""What making a notebook needs, as in :mod:`nndl.needed`. Loaded where it is used, so that one line says it."""
MOST_SECONDS = 600
"""What one cell may take on the slowest machine; a notebook takes half a minute or less."""

SET_UP = """\
# 环境（Jupyter、VS Code、AI Studio 通用）：找到本项目，并在 paddle 之前导入 nndl
# set-up for Jupyter, VS Code and AI Studio: find the project, and import nndl before paddle
import sys
from pathlib import Path

here = Path.cwd()
folders = (here, *here.parents, *here.glob("*/"), *here.glob("*/*/"))
places = [folder for folder in folders if (folder / "nndl/op/cell.py").exists()]
if not places:
    raise SystemExit(f"找不到本项目，请在项目目录中打开本文件。Not found from {here}: open this file in the project.")
sys.path.insert(0, str(places[0]))

import nndl  # noqa: E402
from chapter6.notebooks import tools  # noqa: E402

tools.begin()"""


def cells(name: str) -> "NotebookNode":
    """A notebook without outputs: the text, the set-up after its title, and the code that it quotes.

    Raises:
        DataError: it quotes what is not there.
    """
    import jupytext
    import nbformat

    notebook = jupytext.read(SOURCE / f"{name}.py", fmt="py:percent")
    notebook.cells.insert(1, nbformat.v4.new_code_cell(SET_UP))
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        if cell.cell_type == "code":
            cell.source = QUOTE.sub(_quoted, cell.source)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata = nbformat.NotebookNode(kernelspec=kernel, language_info={"name": "python"})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def _quoted(line: re.Match[str]) -> str:
    if line[1] is None:
        raise DataError(f"{line[0]!r} quotes nothing; expected such as '# 摘自 nndl.op.cell: SRNCell, LSTMCell'")
    return f"{line[0]}\n{_code(line[1], line[2].split(', '))}"


def _code(module: str, names: Sequence[str]) -> str:
    """The code of names that a module defines, as it stands there."""
    lines, places = _definitions(module)
    if missing := [name for name in names if name not in places]:
        raise DataError(f"{module} defines no {missing[0]!r}, which a notebook quotes; expected one of {list(places)}")
    return "\n\n\n".join("\n".join(lines[slice(*places[name])]) for name in names)


@cache
def _definitions(module: str) -> tuple[list[str], dict[str, tuple[int, int]]]:
    """The lines of a module, and where in them each of its functions, classes and constants is."""
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:  # of a package that is not there either
        spec = None
    if spec is None or spec.origin is None:
        raise DataError(f"{module}: no such module, which a notebook quotes")
    text = Path(spec.origin).read_text(encoding="utf-8")
    places = {}
    for node in ast.parse(text).body:
        first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
        for target in targets:
            for each in getattr(target, "elts", [target]):  # A, B = 1, 2
                if name := getattr(each, "id", getattr(each, "name", None)):
                    places[name] = first - 1, node.end_lineno
    return text.splitlines(), places


def fingerprint(notebook: "NotebookNode") -> str:
    """Changes with any cell."""
    text = "\n".join(f"{cell.cell_type}\n{cell.source}" for cell in notebook.cells)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def execute(notebook: "NotebookNode") -> float:
    """Run all cells, from the folder where the reader opens it; returns the seconds that took.

    What goes to standard error is about this machine and is dropped. Raises CellExecutionError where a cell fails.
    """
    from nndl.plot.page import in_few_colours

    import nbclient

    start = time.perf_counter()
    place = {"metadata": {"path": str(FOLDER)}}
    nbclient.NotebookClient(
        notebook, timeout=MOST_SECONDS, record_timing=False, coalesce_streams=True, resources=place
    ).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            for output in cell.outputs:
                if png := output.get("data", {}).get("image/png"):
                    output.data["image/png"] = b64encode(in_few_colours(b64decode(png))).decode()
    return time.perf_counter() - start


def make(name: str) -> float:
    """Write one notebook, run, with its fingerprint; returns the seconds it took.

    Raises:
        DataError: it quotes what is not there, or a cell fails.
    """
    import nbformat
    from nbclient.exceptions import CellExecutionError

    notebook = cells(name)
    mark = fingerprint(notebook)
    try:
        seconds = execute(notebook)
    except CellExecutionError as error:
        raise DataError(f"{name}: a cell fails, nothing is written: {error}") from None
    notebook.metadata["chapter6"] = {"fingerprint": mark, "source": f"source/{name}.py"}
    with replacing(FOLDER / f"{name}.ipynb") as temporary:
        temporary.write_text(nbformat.writes(notebook), encoding="utf-8")
    return seconds


def _check_not_edited(path: Path) -> None:
    """Raise DataError where a reader's own work would be lost: cells that are not those that were made here."""
    import nbformat

    if not path.exists():
        return
    try:
        there = nbformat.read(path, as_version=4)
        is_ours = fingerprint(there) == there.metadata["chapter6"]["fingerprint"]
    except (ValueError, KeyError, AttributeError):  # no notebook, or none of ours
        is_ours = False
    if not is_ours:
        raise DataError(f"{path}: edited by hand; move it away, and change source/{path.stem}.py instead")


def main(names: Sequence[str]) -> None:
    """Make the notebooks of these names, or all.

    Raises:
        SettingError: there is no such notebook.
        PackageError: a package of :data:`PACKAGES` is missing.
    """
    check(PACKAGES, "making the notebooks")
    if odd := [name for name in names if name not in NAMES]:
        raise SettingError(f"{odd[0]!r}: no such notebook; expected {', '.join(NAMES)}")
    for name in names or NAMES:
        _check_not_edited(FOLDER / f"{name}.ipynb")
    for name in names or NAMES:
        seconds = make(name)
        size = (FOLDER / f"{name}.ipynb").stat().st_size
        print(f"{name}: {seconds:.0f} s, {size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    carry_out(lambda: main(sys.argv[1:]))
