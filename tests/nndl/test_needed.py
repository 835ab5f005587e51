"""A package that is missing is one line that says what to install, and for what."""

import subprocess
import sys

from chapter6.__main__ import main
from nndl import needed
from nndl.error import PackageError

import pytest


@pytest.mark.parametrize(
    ("module", "package", "use"),
    [
        ("sacrebleu.metrics", "sacrebleu", lambda: __import__("nndl.metric.bleu").metric.bleu.bleu([[1]], [[[1]]])),
        ("sklearn.datasets", "scikit-learn", lambda: strips().images.__wrapped__()),
    ],
)
def test_of_one_lesson(monkeypatch, module, package, use):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(PackageError, match=f"run: pip install {package}") as raised:
        use()
    assert "\n" not in str(raised.value)


def strips():
    from nndl.dataset import digit_strips

    return digit_strips


def test_of_every_lesson_before_anything_is_done(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(needed, "BASIS", {"no_such_module": "no-such-package", "json": "json"})
    for words in (["run", "6.2", "--out", str(tmp_path)], ["predict", "a text"]):
        with pytest.raises(SystemExit) as exit_:
            main(words)
        assert exit_.value.code == 2
        assert "pip install no-such-package 缺少" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_of_making_the_notebooks():
    code = "import sys; sys.modules['jupytext'] = None; from runpy import run_module; "
    code += "run_module('chapter6.notebooks.build', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "making the notebooks needs jupytext: pip install jupytext" in done.stderr
