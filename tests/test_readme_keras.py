"""The guides' table from Keras to Paddle to here: the same code in both, and all of it runs, with results alike."""

import nndl  # before Paddle: it chooses the threads

# isort: split
import re
from pathlib import Path
from typing import Any

import paddle
import pytest
from paddle import nn
from paddle.utils import flatten

GUIDE = Path(__file__).parents[1] / "chapter6" / "guide"


def rows(name: str) -> list[list[list[str]]]:
    """What stands in backticks in each row: Keras', Paddle's and ours."""
    text = (GUIDE / name).read_text(encoding="utf-8")
    [section] = re.findall(r"^## [^\n]*Keras[^\n]*\n(.*?)\Z", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]  # without the head
    return [[re.findall(r"`([^`]+)`", cell) for cell in line.strip("|").split(" | ")] for line in lines]


TABLE = rows("OPERATORS.md")


def test_both_carry_the_same_table() -> None:
    assert 8 < len(TABLE) <= 14
    assert rows("OPERATORS_cn.md") == TABLE
    assert all(len(row) == 3 and row[2] for row in TABLE)


def made_by(code: list[str]) -> list[Any]:
    """Run the pieces, one after the other, on a batch; what the expressions among them are."""
    X, lengths = paddle.randn([4, 5, 32]), paddle.to_tensor([5, 1, 3, 5])
    layer = nndl.LSTM(32, 64, direction="bidirectional", stateful=True)
    outputs, (H, C) = layer(X)
    names = {"nndl": nndl, "nn": nn, "paddle": paddle, "X": X, "lengths": lengths}
    names |= {"layer": layer, "outputs": outputs, "H": H, "C": C}
    values = []
    for piece in code:
        try:
            expression = compile(piece, piece, "eval")
        except SyntaxError:
            exec(piece, names)
            values.append(names["H"])
        else:
            values.append(eval(expression, names))
    return [
        value(X) if isinstance(value, nn.Layer) and not isinstance(value, nn.RNNCellBase) else value for value in values
    ]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: " ".join(row[0]))
def test_all_code_runs_and_ours_gives_what_paddles_does(row: list[list[str]]) -> None:
    theirs, ours = made_by(row[1]), made_by(row[2])
    for value, other in zip(theirs, ours, strict=False):  # the first of ours are the counterparts
        if isinstance(other, tuple | paddle.Tensor) and not isinstance(value, nn.RNNCellBase):
            assert flatten(value)[0].shape == flatten(other)[0].shape
