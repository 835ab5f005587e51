"""The digest of the code that a training reaches changes with that code, and with no other."""

import ast
import inspect
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import nndl
from chapter6 import sec_6_2_srn_memory, sec_6_4_gradient_explosion, sec_6_5_lstm_memory
from chapter6.lab import interruption
from chapter6.lab.reach import PACKAGES, ROOT, code_of, reached
from chapter6.lab.training import Training, fit, train_one
from nndl.dataset import DATA
from nndl.error import SettingError

import pytest

TRAIN = {
    "6.2": sec_6_2_srn_memory.train,
    "6.4": sec_6_4_gradient_explosion.train,
    "6.5": sec_6_5_lstm_memory.train,
}
"""The functions of the lessons that train."""
SET_BY = {
    **{"epochs": 1, "batch_size": 50, "learning_rate": 0.01, "input_size": 4, "hidden_size": 4, "eval_steps": 3},
    **{"seed": 0, "clip": "norm", "clip_at": 1.0, "backend": "fused"},
}
"""What each can be handed, for a training of a second."""


# --- small packages, written for one question each ---


TOOLS = """
LIMIT = 3
def helper(x):
    return x + LIMIT
def other(x):
    return x - 1
class Base:
    def run(self):
        return helper(1)
class Child(Base):
    factor = 2
    def walk(self):
        return other(2)
"""


class Packages:
    """Some modules by name, and a lesson; each question writes and reads them anew."""

    def __init__(self, tmp_path: Path, lesson: str, tools: str = TOOLS, modules: dict[str, str] | None = None) -> None:
        self.tmp_path, self.count = tmp_path, 0
        self.files = {"nndl.__init__": "", "chapter6.__init__": "", "nndl.tools": tools, "chapter6.lesson": lesson}
        self.files |= modules or {}

    def _written(self) -> Path:
        self.count += 1
        root = self.tmp_path / str(self.count)
        for name, text in self.files.items():
            path = root / f"{name.replace('.', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return root

    def code(self) -> str:
        return code_of(named("chapter6.lesson", "train"), root=self._written())

    def reached(self) -> list[str]:
        return reached(named("chapter6.lesson", "train"), root=self._written())


def named(module: str, name: str) -> SimpleNamespace:
    """What stands for a function that is not imported."""
    return SimpleNamespace(__module__=module, __qualname__=name)


@pytest.mark.parametrize(
    ("lesson", "expected"),
    [
        ("from nndl.tools import helper\ndef train(): return helper(1)", "helper"),
        ("from nndl.tools import helper as h\ndef train(): return h(1)", "helper"),
        ("from nndl import tools\ndef train(): return tools.helper(1)", "helper"),
        ("import nndl\ndef train(): return nndl.tools.helper(1)", "helper"),
        ("import nndl.tools\ndef train(): return nndl.tools.helper(1)", "helper"),
        ("import nndl.tools as t\ndef train(): return t.helper(1)", "helper"),
        ("def train():\n    from nndl.tools import helper\n    return helper(1)", "helper"),
        ("def train():\n    from nndl import tools\n    return lambda: [tools.helper(i) for i in (1, 2)]", "helper"),
        ("import nndl.tools as t\ndef train(f=t.helper): return f(1)", "helper"),
        ("import nndl.tools as t\ndef train(): return {'a': t.helper, 'b': len}['a'](1)", "helper"),
        ("from functools import partial\nimport nndl.tools as t\ndef train(): return partial(t.helper, 1)()", "helper"),
        ("import nndl.tools as t\n@t.helper\ndef train(): pass", "helper"),
        ("import nndl.tools as t\nTABLE = {'a': t.helper}\nadd = TABLE['a']\ndef train(): return add(1)", "helper"),
        (
            "import nndl.tools as t\nclass C:\n    def f(self): return t.helper(1)\ndef train(): return C().f()",
            "helper",
        ),
        ("import nndl.tools as t\nclass C:\n    f = t.helper\ndef train(): return C", "helper"),
        ("import nndl.tools as t\ndef train():\n    if (x := t.helper(1)): return x", "helper"),
        ("import nndl.tools as t\nasync def train():\n    async with t.helper(1) as f: return await f", "helper"),
        ("import nndl.tools as t\nhelp = None\ndef train():\n    global help\n    help = t.helper(1)", "helper"),
        ("from nndl import tools\ndef train(x): return x.tools, [t for t in tools.other(x)]", "other"),
        ("from nndl.tools import helper, other\ndef train(): return [other for other in [helper(1)]]", "helper"),
        ("from nndl.tools import other\ndef train(): return [other for other in other(1)]", "other"),
        ("from nndl.tools import helper, other\ndef train(helper): return helper(other(1))", "other"),
        ("from nndl.tools import helper, other\ndef train():\n    for helper in other(1): helper.x", "other"),
        ("from nndl.tools import helper, other\ndef train(*helper): return (lambda other: other)(other(1))", "other"),
        ("from nndl.tools import helper, other\ndef train(x: helper) -> helper:\n    y: helper = other(x)", "other"),
    ],
)
def test_a_name_is_followed_wherever_it_stands_and_a_local_one_is_not(
    lesson: str, expected: str, tmp_path: Path
) -> None:
    found = Packages(tmp_path, lesson).reached()
    assert "chapter6.lesson.train" in found
    functions = {"nndl.tools.helper": "helper", "nndl.tools.other": "other"}
    assert [functions[name] for name in found if name in functions] == [expected]
    assert ("nndl.tools.LIMIT" in found) == (expected == "helper")


def test_a_class_counts_whole_with_its_bases(tmp_path: Path) -> None:
    lesson = "import nndl\ndef train(): return nndl.tools.Child().anything()"
    found = Packages(tmp_path, lesson).reached()
    assert found == ["chapter6.lesson.train", *(f"nndl.tools.{n}" for n in "Base Child LIMIT helper other".split())]


def test_packages_hand_on_names_that_stand_elsewhere(tmp_path: Path) -> None:
    lesson = "from nndl import helper, tools\nimport nndl.op\ndef train(): helper(nndl.op.other(tools.LIMIT))"
    modules = {
        "nndl.__init__": "_HOME = {'helper': 'nndl.op'}\nfrom nndl import tools\ndef __getattr__(name): return 1",
        "nndl.op.__init__": "_HOME = {'helper': 'tools'}\nfrom ..tools import other\ndef __getattr__(name): return 1",
        "nndl.op.tools": TOOLS,
    }
    expected = ["nndl.op.tools.LIMIT", "nndl.op.tools.helper", "nndl.tools.LIMIT", "nndl.tools.other"]
    assert Packages(tmp_path, lesson, modules=modules).reached() == ["chapter6.lesson.train", *expected]


@pytest.mark.parametrize(
    "lesson",
    [
        "from nndl import tools\ndef train(name): return getattr(tools, name)",
        "import nndl.tools\ndef train(f): return f(nndl.tools)",
        "from importlib import import_module\ndef train(): return import_module('nndl.tools')",
        "from importlib import import_module\ndef train(name): return import_module(f'nndl.{name}')",
        "TABLE = {'a': 'nndl.tools:helper', 'b': 'nndl.tools.Child'}\ndef train(): return load(TABLE)",
    ],
)
def test_a_module_that_is_handed_on_counts_whole(lesson: str, tmp_path: Path) -> None:
    found = Packages(tmp_path, lesson).reached()
    assert {f"nndl.tools.{name}" for name in "Base Child LIMIT helper other".split()} < set(found)


def test_a_package_can_name_its_modules_by_its_own_name(tmp_path: Path) -> None:
    modules = {"nndl.op.tools": TOOLS, "nndl.op.more": "B = 2"}
    for table in ("{'a': f'{__name__}.tools'}", "f'{__name__}.tools:Child'", "f'{__name__}.{SUFFIX}'"):
        modules["nndl.op.__init__"] = f"SUFFIX = 's'\nTABLE = {table}\ndef load(name): return import_module(TABLE)"
        found = Packages(tmp_path / table, "import nndl.op\ndef train(): nndl.op.load('a')", modules=modules).reached()
        assert {"nndl.op.TABLE", "nndl.op.tools.Child"} < set(found)
        assert ("nndl.op.more.B" in found) == ("SUFFIX" in table)


def test_a_package_that_is_handed_on_counts_with_all_that_is_in_it(tmp_path: Path) -> None:
    modules = {"nndl.op.__init__": "A = 1", "nndl.op.deep.__init__": "", "nndl.op.deep.tools": TOOLS}
    packages = Packages(tmp_path, "from nndl import op\ndef train(f): return f(op)", modules=modules)
    assert {"nndl.op.A", "nndl.op.deep.tools.Child"} < set(packages.reached())


def test_text_that_only_looks_like_a_name_is_a_text(tmp_path: Path) -> None:
    lesson = "def train(): return 'nndl.nothing', 'nndl', 'nndl: said', 'chapter6.lesson.figures of train'"
    assert Packages(tmp_path, lesson).reached() == ["chapter6.lesson.train"]


LESSON_TEXT = '''
"""A lesson."""
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from nndl.tools import helper
if TYPE_CHECKING:
    from nndl.tools import Child

@dataclass
class Settings:
    """Settings."""
    rate: float = 0.1
    """The rate."""

def train(x: int) -> "Child":
    """Train."""
    total: float = helper(x)  # add
    return total + Settings().rate

def claims():
    return ["the book says"]

if __name__ == "__main__":
    sys.exit(train(1))
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""A lesson."""', '"""Another."""'),
        ('    """Train."""\n', ""),
        ('"""The rate."""', '"""Of learning."""'),
        ("# add", "# sum"),
        ('(x: int) -> "Child"', "(x)"),
        ("total: float = helper(x)", "total = helper(\n        x\n    )"),
        ("the book says", "the book claims"),
        ("    from nndl.tools import Child", "    from nndl.tools import Base as Child"),
        ("sys.exit(train(1))", "sys.exit(train(2))"),
        ("import sys", "import math\nimport sys"),
    ],
)
def test_what_has_no_effect_does_not_count(old: str, new: str, tmp_path: Path) -> None:
    assert LESSON_TEXT.count(old) == 1
    packages = Packages(tmp_path, LESSON_TEXT)
    before = packages.code()
    packages.files["chapter6.lesson"] = LESSON_TEXT.replace(old, new)
    assert packages.code() == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("total + Settings", "total - Settings"),
        ("rate: float = 0.1", "rate: float = 0.2"),
        ("rate: float = 0.1", "rate: int = 0.1"),  # a field's kind may decide how it is read
        ("@dataclass\n", ""),
        ("import helper", "import other as helper"),
        ("from dataclasses import dataclass", "from attr import dataclass"),
        ("import sys\n", "import sys\nsys.setrecursionlimit(99)\n"),
        ("import sys\n", "import sys\nsys.tracebacklimit = 9\n"),
        ("import sys\n", "import sys\nfor i in (1, 2):\n    print(i)\n"),
    ],
)
def test_what_has_an_effect_counts(old: str, new: str, tmp_path: Path) -> None:
    assert LESSON_TEXT.count(old) == 1
    packages = Packages(tmp_path, LESSON_TEXT)
    before = packages.code()
    packages.files["chapter6.lesson"] = LESSON_TEXT.replace(old, new)
    assert packages.code() != before


def test_two_imports_that_change_places_are_a_change_although_the_same_is_reached(tmp_path: Path) -> None:
    lesson = "from nndl.tools import {} as a\nfrom nndl.tools import {} as b\ndef train(): return a(1) / b(2)"
    packages = Packages(tmp_path, lesson.format("helper", "other"))
    code, found = packages.code(), packages.reached()
    packages.files["chapter6.lesson"] = lesson.format("other", "helper")
    assert packages.reached() == found
    assert packages.code() != code


def test_what_the_import_of_a_package_around_it_does_counts(tmp_path: Path) -> None:
    lesson = "from nndl.op.tools import other\ndef train(): return other(1)"
    packages = Packages(tmp_path, lesson, modules={"nndl.op.__init__": "", "nndl.op.tools": TOOLS})
    before = packages.code()
    packages.files["nndl.__init__"] = "from nndl.threads import choose\nchoose()"
    packages.files["nndl.threads"] = "def choose(): pass"
    assert packages.reached() == ["chapter6.lesson.train", "nndl", "nndl.op.tools.other", "nndl.threads.choose"]
    assert packages.code() != before


def test_a_name_bound_by_an_if_or_a_try_counts_with_all_of_it(tmp_path: Path) -> None:
    tools = "try:\n    from nndl.fast import add\nexcept ImportError:\n    def add(x): return x + {}"
    lesson = "from nndl.tools import add\ndef train(): return add(1)"
    packages = Packages(tmp_path, lesson, tools.format(1), {"nndl.fast": "def add(x): pass"})
    assert {"nndl.fast.add", "nndl.tools"} < set(packages.reached())
    before = packages.code()
    packages.files["nndl.tools"] = tools.format(2)
    assert packages.code() != before


@pytest.mark.parametrize(
    ("lesson", "message"),
    [
        ("import nndl\ndef train(): return nndl.foo(1)", "nndl has no foo"),
        ("from nndl.tools import foo\ndef train(): return foo(1)", "nndl.tools has no foo"),
        ("def train():\n    from nndl.foo import bar\n    return bar(1)", "there is no module nndl.foo"),
        ("from nndl.tools import *\ndef train(): return helper(1)", "cannot be followed; write the names"),
    ],
)
def test_a_name_that_leads_nowhere_is_an_error(lesson: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ImportError, match=message):
        Packages(tmp_path, lesson).code()


@pytest.mark.parametrize("thing", [test_a_class_counts_whole_with_its_bases, partial(TRAIN["6.2"]), Path, print, 3])
def test_only_what_stands_in_the_two_packages_can_be_followed(thing: Any) -> None:
    with pytest.raises(SettingError, match="expected a function or class at the top of a file of nndl or chapter6"):
        code_of(thing)


# --- the project itself ---


def copied(root: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def change(root: Path, function: Callable) -> None:
    """Give a function of a copy one more statement."""
    path = root / (function.__module__.replace(".", "/") + ".py")
    path = path if path.exists() else path.with_suffix("") / "__init__.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    node: Any = tree
    for name in function.__qualname__.split("."):
        node = next(each for each in node.body if getattr(each, "name", "") == name)
    node.body.append(ast.parse("changed = True").body[0])
    path.write_text(ast.unparse(tree), encoding="utf-8")


def codes(root: Path = ROOT) -> dict[str, str]:
    things = {"SRN": [nndl.SRN], "LSTM": [nndl.LSTM]} | {number: [train, train_one] for number, train in TRAIN.items()}
    return {name: code_of(*together, root=root) for name, together in things.items()}


def changed(root: Path) -> str:
    """Whose digests differ from those of the project."""
    return " ".join(name for name, code in codes(root).items() if code != codes()[name])


class _Reworded(ast.NodeTransformer):
    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        for each in (*node.args.args, *node.args.kwonlyargs):
            each.annotation = None
        return self.visit_Module(node)

    def visit_Module(self, node: Any) -> ast.AST:
        if ast.get_docstring(node):
            node.body[0].value.value = "Reworded."
        return self.generic_visit(node)

    visit_ClassDef = visit_Module


def test_rewording_and_formatting_the_whole_project_changes_nothing(tmp_path: Path) -> None:
    for path in copied(tmp_path).rglob("*.py"):
        tree = _Reworded().visit(ast.parse(path.read_text(encoding="utf-8")))
        path.write_text(ast.unparse(tree), encoding="utf-8")  # without comments
    assert changed(tmp_path) == ""


def test_what_does_not_train_changes_nothing(tmp_path: Path) -> None:
    copied(tmp_path)
    lesson = sec_6_2_srn_memory
    for function in (
        *(
            lesson.LESSON.figures,
            lesson.experiment,
            lesson.LESSON.claims,
            nndl.plot.plot_training_loss,
            nndl.VisualDLLogger.__init__,
        ),
        *(nndl.runtime.set_device, nndl.dataset.digit_sum.generate, Training.folder_name.func),
        *(interruption.say, interruption.leave_from_now_on),
    ):
        change(tmp_path, function)
    assert changed(tmp_path) == ""


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (nndl.SRNCell.step, "SRN 6.2 6.4"),
        (nndl.LSTMCell.step, "LSTM 6.5"),
        (nndl.op.unroll, "SRN LSTM 6.2 6.4 6.5"),
        (nndl.Model_RNN4SeqClass.forward, "6.2 6.4 6.5"),
        (nndl.RunnerV3._train_step, "6.2 6.4 6.5"),
        (nndl.Accuracy.update, "6.2 6.4 6.5"),
        (nndl.GradientNormRecorder.on_backward_end, "6.4"),
        (nndl.dataset.digit_sum.load, "6.2 6.4 6.5"),
        (nndl.runtime.prepare, "SRN LSTM 6.2 6.4 6.5"),
        (nndl.runtime.seed_everything, "6.2 6.4 6.5"),
        (fit, "6.2 6.4 6.5"),
        (sec_6_2_srn_memory.learn, "6.2 6.5"),
        (sec_6_2_srn_memory.train, "6.2"),
    ],
    ids=lambda value: getattr(value, "__qualname__", None),
)
def test_a_changed_definition_changes_what_runs_through_it(function: Callable, expected: str, tmp_path: Path) -> None:
    change(copied(tmp_path), function)
    assert changed(tmp_path) == expected


@pytest.mark.parametrize("name", ["paddle_kernel.py", "bptt.py", "stepwise.py", "operator.cc"])
def test_the_ways_to_compute_a_layer_are_reached_by_all_layers(name: str, tmp_path: Path) -> None:
    (path,) = copied(tmp_path).rglob(name)
    if path.suffix == ".py":
        module = ".".join(path.relative_to(tmp_path).with_suffix("").parts)
        change(tmp_path, named(module, "unroll"))
    else:
        path.write_bytes(path.read_bytes() + b"\n")
    assert changed(tmp_path) == "SRN LSTM 6.2 6.4 6.5"


def test_several_things_count_together() -> None:
    both = code_of(TRAIN["6.2"], nndl.LSTM)
    assert both == code_of(nndl.LSTM, TRAIN["6.2"])
    assert both not in (code_of(TRAIN["6.2"]), code_of(nndl.LSTM))
    assert set(reached(TRAIN["6.2"], nndl.LSTM)) == {*reached(TRAIN["6.2"]), *reached(nndl.LSTM)}


def test_every_name_in_the_project_leads_somewhere(tmp_path: Path) -> None:
    lesson = copied(tmp_path) / "chapter6" / "everything.py"
    lesson.write_text("import chapter6, nndl\ndef train(f): return f(chapter6, nndl)", encoding="utf-8")
    found = reached(named("chapter6.everything", "train"), root=tmp_path)
    assert {"chapter6.__main__.main", "nndl.plot.book.plot_training_loss", "nndl.op.cell.SRNCell"} < set(found)


def called_by(run: Callable) -> set[str]:
    """The definitions of the project whose functions are called while another runs."""
    called = set()

    def note(frame: FrameType, *_: Any) -> None:
        code, module = frame.f_code, frame.f_globals.get("__name__", "")
        is_function = code.co_flags & inspect.CO_OPTIMIZED and code.co_name != "<lambda>"  # no body of a class
        if is_function and module.partition(".")[0] in PACKAGES and code.co_filename[0] != "<":
            called.add(f"{module}.{code.co_qualname.partition('.')[0]}")

    before = sys.gettrace()
    sys.settrace(note)
    try:
        run()
    finally:
        sys.settrace(before)
    return called


@pytest.mark.parametrize("number", TRAIN)
def test_all_that_a_training_calls_is_reached(number: str, tmp_path: Path) -> None:
    training = Training(TRAIN[number], "example", SET_BY, DATA / "digit_sum" / "5", "")
    called = called_by(lambda: train_one(training, tmp_path))
    assert len(called) > 40
    found = reached(TRAIN[number], train_one)
    # The tables of names were followed when they were read, and a training only hands over what it is set by.
    left_out = {"nndl.__getattr__", "nndl.op.__getattr__", "nndl.runtime.load_paddle", "chapter6.lab.training.Training"}
    assert called - set(found) <= left_out
