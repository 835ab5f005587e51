"""What the tests of the operators share."""

import nndl  # noqa: F401 - before Paddle: it chooses the threads

# isort: split
from contextlib import contextmanager

import paddle
import pytest


@contextmanager
def default_dtype(name):
    before = paddle.get_default_dtype()
    paddle.set_default_dtype(name)
    try:
        yield name
    finally:
        paddle.set_default_dtype(before)


@pytest.fixture
def float64():
    """Layers and tensors made in the test have double precision."""
    with default_dtype("float64") as name:
        yield name


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    """Runs the test in both precisions."""
    with default_dtype(request.param) as name:
        yield name


@pytest.fixture(autouse=True)
def seed():
    paddle.seed(6)
