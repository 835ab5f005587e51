"""The linear layer: Paddle's results, to the last bit, and the product in NumPy."""

from nndl.op import Linear

import numpy as np
import paddle
import pytest
from paddle import nn


@pytest.mark.parametrize("shape", [[3], [4, 3], [2, 5, 3], [0, 3]])
@pytest.mark.parametrize("bias_attr", [None, False])
def test_results_and_gradients_are_paddles(shape, bias_attr):
    ours, paddles = Linear(3, 2, bias_attr=bias_attr), nn.Linear(3, 2, bias_attr=bias_attr)
    paddles.set_state_dict(ours.state_dict())
    found = []
    for layer in (ours, paddles):
        X = paddle.to_tensor(np.random.default_rng(0).standard_normal(shape).astype("float32"), stop_gradient=False)
        Y = layer(X)
        (Y * Y).sum().backward()
        found.append([Y.numpy(), X.grad.numpy(), *(p.grad.numpy() for p in layer.parameters())])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
    b = 0 if bias_attr is False else ours.bias.numpy()
    np.testing.assert_allclose(found[0][0], X.numpy() @ ours.weight.numpy() + b, rtol=1e-5, atol=1e-6)


def test_mixed_precision_is_paddles():
    ours, paddles = Linear(3, 2), nn.Linear(3, 2)
    paddles.set_state_dict(ours.state_dict())
    with paddle.amp.auto_cast(dtype="bfloat16"):
        assert ours(paddle.ones([4, 3])).dtype == paddles(paddle.ones([4, 3])).dtype


def test_it_can_be_exported(tmp_path):
    layer = Linear(3, 2)
    paddle.jit.save(layer, str(tmp_path / "layer"), input_spec=[paddle.static.InputSpec([None, 3], "float32")])
    X = paddle.ones([4, 3])
    np.testing.assert_allclose(paddle.jit.load(str(tmp_path / "layer"))(X).numpy(), layer(X).numpy(), rtol=1e-6)
