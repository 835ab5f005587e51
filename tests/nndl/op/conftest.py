"""What the tests of the operators share."""

import nndl  # noqa: F401 - before Paddle: it chooses the threads

# isort: split
from collections.abc import Generator
from contextlib import contextmanager

from nndl.paddle_versions import IS_OLD

import paddle
import pytest

OLD_CANNOT = {
    "it needs PaddlePaddle 3.3 or newer": "has neither our bptt nor our native operator",
    "Required tensor shall not be nullptr": "cannot leave out some gradients of its recurrent kernel",
    "cannot pickle 'EagerParamBase' object": "cannot pickle its parameters",
    "is_autocast_enabled": "does not tell whether amp casts, so another precision is an AttributeError of its own",
    "doesn't have any gradop": "has no second derivative of stack, where and its recurrent kernel",
}
"""What an older Paddle says of what it cannot do (make test-old): such a test is skipped, for that reason."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    try:
        return (yield)
    except Exception as error:
        for said, reason in OLD_CANNOT.items():
            if IS_OLD and said in str(error):
                pytest.skip(f"PaddlePaddle {paddle.__version__} {reason}")
        raise


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
