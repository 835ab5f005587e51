"""The recogniser: scores at every step, and that padding changes nothing."""

import nndl

# isort: split
from nndl import op
from nndl.error import SettingError

import numpy as np
import paddle
import pytest


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
@pytest.mark.parametrize("cell", [nndl.GRU, op.ResidualSRNCell])
def test_padding_changes_nothing(cell: type, direction: str) -> None:
    make = cell if issubclass(cell, op.Recurrent) else lambda M, D, **more: op.Recurrent(cell, M, D, **more)
    model = nndl.Recogniser(make(3, 4, direction=direction), 5, dropout=0.5)
    model.eval()
    X = paddle.randn([2, 7, 3])
    logits, lengths = model((X, [7, 4]))
    alone, _ = model((X[1:, :4], paddle.to_tensor([4])))
    assert (list(logits.shape), lengths.tolist()) == ([2, 7, 6], [7, 4])
    assert np.allclose(logits.numpy()[1, :4], alone.numpy()[0], atol=1e-6)


def test_refused() -> None:
    with pytest.raises(SettingError, match="layer of Linear"):
        nndl.Recogniser(paddle.nn.Linear(2, 2), 5)
    with pytest.raises(SettingError, match="num_labels 0"):
        nndl.Recogniser(nndl.GRU(2, 2), 0)
    with pytest.raises(SettingError, match="sequence_length"):
        nndl.Recogniser(nndl.GRU(2, 2), 5)((paddle.zeros([1, 3, 2]), [4]))
