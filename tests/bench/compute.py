"""What a contender computes, in a process of its own: ``python compute.py NAME ARGUMENTS``; a turn for every line read.

``nndl`` is that of the tree which PYTHONPATH names first, this one or an older one, so nothing here asks for more than
both have.
"""

import inspect
import json
import os
import random
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import nndl

GATES = {"SRN": 1, "GRU": 3, "LSTM": 4}
PADDLES = {"SRN": "SimpleRNN", "GRU": "GRU", "LSTM": "LSTM"}
TORCHS = {"SRN": "RNN", "GRU": "GRU", "LSTM": "LSTM"}
STEPS_PER_EPOCH = 38  # the book's: 300 examples in batches of 8
WARM_UP = 0.3  # seconds: after a rest the first calls are slower, and training does not rest
MEASURED = 0.3  # seconds, of at least three calls
CALLS = 3

Step = Callable[[], object]


# --- the libraries ---


def _paddle() -> Any:
    nndl.runtime.start("cpu")
    import paddle

    return paddle


def _torch() -> Any:
    import torch

    torch.set_num_threads(int(os.environ.get(nndl.runtime.THREADS, nndl.runtime.usable_cores())))  # as the others
    return torch


# --- a layer, forward and backward ---


def own_layer(cell: str, size: int) -> Any:
    """Ours, computed in the best way there is: an older tree has no choice for each of its layers."""
    make = getattr(nndl, cell)
    has_choice = "backend" in inspect.signature(make.__init__).parameters
    return make(size, size, backend="auto") if has_choice else make(size, size)


KINDS: dict[str, Callable[[str, int], Any]] = {
    "ours": own_layer,
    "native": lambda cell, size: getattr(nndl, cell)(size, size, backend="native"),
    "unrolled": lambda cell, size: nndl.op.Recurrent(getattr(nndl.op, cell), size, size),
    "paddle": lambda cell, size: getattr(_paddle().nn, PADDLES[cell])(size, size),
}


def layer(kind: str, cell: str, shape: tuple[int, int, int], lengths: list[int] | None = None) -> Step:
    """Forward and backward of a layer, one of KINDS or "torch", the gradient of its inputs among them."""
    B, L, D = shape
    if kind == "torch":
        return _torch_layer(cell, B, L, D)
    paddle = _paddle()
    computed = KINDS[kind](cell, D)
    X = paddle.randn([B, L, D])
    X.stop_gradient = False
    leaves = [X, *computed.parameters()]
    sequence_length = None if lengths is None else paddle.to_tensor(lengths)

    def step() -> None:
        outputs, _ = computed(X, sequence_length=sequence_length)
        outputs.sum().backward()
        for leaf in leaves:
            leaf.clear_gradient(False)  # freed, as the optimizers of a training do, and not set to zero

    return step


def _torch_layer(cell: str, B: int, L: int, D: int) -> Step:
    torch = _torch()
    X, computed = torch.randn(B, L, D, requires_grad=True), getattr(torch.nn, TORCHS[cell])(D, D, batch_first=True)

    def step() -> None:
        outputs, _ = computed(X)
        outputs.sum().backward()
        X.grad = None
        computed.zero_grad()

    return step


def products(kind: str, cell: str, shape: tuple[int, int, int]) -> Step:
    """The matrix products that a layer cannot do without, by "paddle" or "torch", on numbers that mean nothing."""
    B, L, D = shape
    G = GATES[cell]
    randn = (_torch() if kind == "torch" else _paddle()).randn
    X, W, X_T, W_T = randn([B * L, D]), randn([D, G * D]), randn([D, B * L]), randn([G * D, D])
    delta, H, delta_t = randn([B * L, G * D]), randn([B, D]), randn([B, G * D])

    def step() -> None:
        X @ W
        for _ in range(L):
            H @ W  # U is as large as W
        for _ in range(L):
            delta_t @ W_T  # dH_{t-1} = δ_t Uᵀ
        X_T @ delta  # dW
        X_T @ delta  # dU
        delta @ W_T  # dX

    return step


# --- a training ---


def digit_training(cell: str, length: int) -> Step:
    """An epoch of the digit model: embedding, layer, classifier, loss, Adam, in the tree's own training loop."""
    paddle = _paddle()
    model = nndl.Model_RNN4SeqClass(own_layer(cell, 32), 10, 32, 32, 19)
    Adam = getattr(nndl, "Adam", paddle.optimizer.Adam)  # of the older version's lessons
    optimizer = Adam(0.001, parameters=model.parameters())
    runner = nndl.RunnerV3(model, optimizer, paddle.nn.CrossEntropyLoss(), nndl.Accuracy())
    batches = [tuple(map(paddle.to_tensor, batch)) for batch in digit_batches(length)]
    return lambda: runner.train(batches, num_epochs=1, log_steps=0)


def books_training(cell: str, length: int) -> Step:
    """A training step of the digit model as the book writes it."""
    _paddle()
    import book

    return book.training_step(cell, digit_batches(length))


def digit_batches(length: int) -> list[tuple[list[list[int]], list[int]]]:
    """An epoch of batches of 8 with the form of the digit sums: two digits, then zeros."""
    draw = random.Random(0).randrange
    pairs = [[(draw(10), draw(10)) for _ in range(8)] for _ in range(STEPS_PER_EPOCH)]
    return [([[a, b] + [0] * (length - 2) for a, b in batch], [a + b for a, b in batch]) for batch in pairs]


# --- turns ---


def take_turn(step: Step) -> float:
    """Median milliseconds of a call."""
    _call_for(WARM_UP, step)
    return median(_call_for(MEASURED, step, CALLS))


def _call_for(seconds: float, step: Step, at_least: int = 1) -> list[float]:
    """Milliseconds of each call of a step that is called again and again for so long."""
    end, times = time.perf_counter() + seconds, list[float]()
    while len(times) < at_least or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3)
    return times


COMPUTED = {function.__name__: function for function in (layer, products, digit_training, books_training)}

if __name__ == "__main__":
    computed_step = COMPUTED[sys.argv[1]](**json.loads(sys.argv[2]))
    for _ in sys.stdin:
        print(take_turn(computed_step), flush=True)
