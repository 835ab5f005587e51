"""Weights from Paddle's layers and to them; how they are laid out there, each cell says itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from nndl.error import SettingError
from nndl.op.backend.equation import has_own
from nndl.paddle_versions import projection

import paddle
from paddle import Tensor

PADDLES_DIRECTIONS = ("forward", "bidirectional", "bidirect")
Ours = TypeVar("Ours", bound="PaddleTwin")


class PaddleTwin:
    """Part of a layer of our cells that has a counterpart in Paddle: copies the weights both ways."""

    paddle_class: type[Any]

    @classmethod
    def from_paddle(cls: type[Ours], layer: Any) -> Ours:
        """Our layer with the sizes and a copy of the weights of Paddle's.

        Raises:
            SettingError: another kind of layer, another activation than tanh, or an LSTM with projection.
        """
        if not isinstance(layer, cls.paddle_class):
            raise SettingError(f"{type(layer).__name__}: expected a paddle.nn.{cls.paddle_class.__name__}")
        activation = getattr(layer, "activation", "tanh")
        if activation != "tanh" or projection(layer):
            raise SettingError(
                f"{type(layer).__name__} with activation {activation} and proj_size {projection(layer)}: "
                "expected the activation tanh and proj_size 0"
            )
        direction = "forward" if layer.num_directions == 1 else "bidirectional"
        sizes = (layer.input_size, layer.hidden_size, layer.num_layers, direction)
        weights = paddle_weights(layer)
        # What Paddle was told to leave out is there all the same: zero, and never trained.
        left_out = all(b.stop_gradient and not b.any() for _, _, *biases in weights for b in biases if b is not None)
        with _default_dtype(weights[0][0].dtype):
            ours = cls(*sizes, time_major=layer.time_major, dropout=layer.dropout, b_attr=False if left_out else None)
        for cell, theirs in zip(ours.cells, weights, strict=True):
            nothing = paddle.zeros([theirs[0].shape[0]], theirs[0].dtype)
            W_ih, W_hh, b_ih, b_hh = (nothing if weight is None else weight for weight in theirs)
            W, U, b = cell.weights_of_paddle(W_ih, W_hh, b_ih, b_hh)
            _copy([W_ih], cell.W, W)
            _copy([W_hh], cell.U, U)
            if not left_out:
                _copy([b_ih, b_hh], cell.b, b)
        if not layer.training:
            ours.eval()
        return ours

    def to_paddle(self) -> Any:
        """Paddle's layer with a copy of our weights.

        It can be exported, which ours cannot. Where ours has no b, both biases are zero and do not train (a layer that
        was told to have none crashes in Paddle 3.3.1). Of a stateful layer it keeps no states: hand them over.

        Raises:
            SettingError: a layer in reverse, one that merges directions by another way than "concat", or a cell with an
                equation of its own, such as another activation than tanh.
        """
        name = f"paddle.nn.{self.paddle_class.__name__}"
        if self.direction not in PADDLES_DIRECTIONS:
            raise SettingError(
                f"direction {self.direction!r}: {name} has none such; paddle.nn.RNN(cell, is_reverse=True) reads so"
            )
        if self.merge != "concat":
            raise SettingError(f"merge {self.merge!r}: {name} has concat alone; merge its outputs yourself")
        for cell in self.cells:
            if has_own(type(cell)) or cell.is_changed:
                raise SettingError(f"to_paddle of {cell}: Paddle has no layer with such an equation")
        sizes = (self.input_size, self.hidden_size, self.num_layers, self.direction)
        with _default_dtype(self.cells[0].W.dtype):
            theirs = self.paddle_class(*sizes, time_major=self.time_major, dropout=self.dropout)
        for cell, weights in zip(self.cells, paddle_weights(theirs), strict=True):
            ours = (cell.W, cell.U, cell.b, cell.b)
            for source, target, value in zip(ours, weights, cell.weights_for_paddle(), strict=True):
                _copy([source], target, value.T.reshape(target.shape))
        if not self.training:
            theirs.eval()
        return theirs


def paddle_weights(layer: Any) -> list[tuple[Tensor | None, ...]]:
    """(weight_ih, weight_hh, bias_ih, bias_hh) for each layer and direction of a Paddle layer, in our order."""
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    # From the cells: the layer's own names are shifted where a bias is left out.
    cells = [cell for layer_of_cells in layer for cell in layer_of_cells.children()]
    return [tuple(getattr(cell, kind, None) for kind in kinds) for cell in cells]


def _copy(sources: list[Tensor], target: Tensor, value: Tensor) -> None:
    """Give a parameter its value; what was frozen in all its sources stays frozen."""
    target.set_value(value)
    target.stop_gradient = all(source.stop_gradient for source in sources)


@contextmanager
def _default_dtype(dtype: paddle.dtype) -> Iterator[None]:
    """Layers made inside have parameters of this dtype (Paddle's own ``Layer.to`` fails on its LSTM)."""
    before = paddle.get_default_dtype()
    paddle.set_default_dtype(dtype)
    try:
        yield
    finally:
        paddle.set_default_dtype(before)
