"""6.5 on the page: the gate explorer, from the weights of the reader's own models (门控探索)."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import nndl
from chapter6.lab import result
from chapter6.lab.lesson import Exhibit
from chapter6.lab.record import Record
from chapter6.lab.text import Text
from nndl.dataset import digit_sum

MOST_WEIGHTS = 100_000
"""Of both models together, about 530 KB of the page; the book's have 12,294. Larger ones are not shown."""
MOST_DIGITS = 40
"""That can be typed."""
LAYERS = {"LSTM": nndl.LSTM, "SRN": nndl.SRN}
LETTERS = {
    "embedding.W": "E",
    "rnn_model.cells.0.W": "W",
    "rnn_model.cells.0.U": "U",
    "rnn_model.cells.0.b": "b",
    "linear.weight": "V",
    "linear.bias": "c",
}
"""The parameters of the digit model as the script calls them: H_t from E, W, U, b; the classes from V, c."""


def exhibits(record: Record) -> list[Exhibit]:
    """The gate explorer: the LSTM that is best on dev, and the best SRN of the same length, beside it."""
    watched, digits = record.metrics["gates"], record.settings["digits"]
    length = watched[0]["length"]
    lstm, srn = (
        max(record.results().where(model=name, length=length), key=lambda found: found["dev_accuracy"])
        for name in LAYERS
    )
    models = {name.lower(): _model(found) for name, found in zip(LAYERS, (lstm, srn), strict=True)}
    if sum(model["parameters"] for model in models.values()) > MOST_WEIGHTS:
        return []
    [states] = [each for each in watched if each["seed"] == lstm["seed"]]
    return [
        Exhibit(
            "gates",
            Text("Gate explorer: type digits, look into every gate", "门控探索：输入数字，查看每一个门"),
            Text(
                f"Two models that you have trained at L = {length}, the best of each kind on dev (LSTM: seed "
                f"{lstm['seed']}, SRN: seed {srn['seed']}), read the digits; the answer is the sum of the first two. "
                "A row is a unit, a column a step; the deeper the colour the larger, blue below zero. "
                "Point at a cell, or walk with the arrow keys, and read how its number comes about. What does a zero "
                "do to C, and what does another digit do? What is left of the first digits in the SRN's H?",
                f"你在 L = {length} 上训练的两个模型（各取验证集上最好的：LSTM 为种子 {lstm['seed']}，SRN 为种子 "
                f"{srn['seed']}）逐个读入数字，答案是前两个数字之和。每行一个单元，每列一步；颜色越深数值越大，"
                "负值为蓝色。把指针移到某一格，或用方向键移动，可看到该数如何算出。读到 0 时 C 如何变化？"
                "读到其他数字时呢？SRN 的 H 中还剩下多少最初的数字？",
            ),
            {
                "input_size": lstm["input_size"],
                "hidden_size": lstm["hidden_size"],
                "num_classes": digit_sum.NUM_CLASSES,
                "length": length,
                "most": max(MOST_DIGITS, len(digits)),
                **models,
                "check": {"digits": digits, **{name: states[name] for name in ("cell_state", "hidden_state")}},
            },
        )
    ]


def _model(found: dict[str, Any]) -> dict[str, Any]:
    """The weights that a training left, float32 in base64 under the letters of the equations."""
    M, D = found["input_size"], found["hidden_size"]
    model = nndl.Model_RNN4SeqClass(LAYERS[found["model"]](M, D), digit_sum.NUM_DIGITS, M, D, digit_sum.NUM_CLASSES)
    nndl.RunnerV3(model, None, None, None).load_model(Path(found["folder"]) / result.MODEL)
    weights = {LETTERS[name]: tensor.numpy() for name, tensor in model.state_dict().items()}
    return {
        "seed": found["seed"],
        "test_accuracy": found["test_accuracy"],
        "parameters": sum(array.size for array in weights.values()),
        "weights": {name: b64encode(array.astype("<f4").tobytes()).decode() for name, array in weights.items()},
    }
