"""What the tests of nndl share: a task of twenty examples and a runner that learns it in a moment."""

import os
from collections.abc import Callable
from typing import Any

import nndl  # here, so that it comes before Paddle in every test

import numpy as np
import pytest

os.environ["MPLBACKEND"] = "Agg"  # figures go to files, never to a window


@pytest.fixture
def make_batches() -> Callable[..., list]:
    """Makes batches (X, y): three numbers an example, and whether their sum is positive."""
    import paddle

    def make(sizes: tuple[int, ...] = (4, 4, 4, 4, 4), seed: int = 0) -> list:
        draw = np.random.default_rng(seed)
        inputs = [draw.standard_normal((size, 3)).astype("float32") for size in sizes]
        return [(paddle.to_tensor(X), paddle.to_tensor((X.sum(axis=1) > 0).astype("int64"))) for X in inputs]

    return make


@pytest.fixture
def batches(make_batches: Callable) -> list:
    return make_batches()


@pytest.fixture
def make_runner() -> Callable[..., "nndl.RunnerV3"]:
    """Makes runners of a linear model that all start from the same parameters."""
    import paddle

    def make(learning_rate: float = 0.1, grad_clip: Any = None, metric: Any = None) -> "nndl.RunnerV3":
        paddle.seed(1)
        model = paddle.nn.Linear(3, 2)
        optimizer = paddle.optimizer.SGD(learning_rate, parameters=model.parameters(), grad_clip=grad_clip)
        return nndl.RunnerV3(model, optimizer, paddle.nn.CrossEntropyLoss(), metric or nndl.Accuracy())

    return make


@pytest.fixture
def parameters() -> Callable[..., dict[str, np.ndarray]]:
    """A copy of a model's parameters."""
    return lambda model: {name: tensor.numpy().copy() for name, tensor in model.state_dict().items()}
