"""The digit model: from a sequence to a class (序列到类别)."""

from collections.abc import Iterator
from typing import Any

from nndl.error import SettingError
from nndl.model.last_state import last_state, num_directions
from nndl.op import Embedding
from nndl.op.setting import whole

import paddle
from paddle import Tensor, nn


class Model_RNN4SeqClass(nn.Layer):
    """The digit model (section 6.2, printed 6.1.2): embedding, recurrent layer, classifier on the last state.

    Of a layer that runs in both directions, the classifier sees the last state of each, side by side.

    To export a model trained with ours, put Paddle's layer in its place, which computes the same and can be exported:
    ``model.rnn_model = model.rnn_model.to_paddle()``, then ``paddle.jit.save``.

    Shapes: inputs int64 [B, L] with digits 0..num_digits-1; result logits (对数几率) float [B, num_classes].

    Args:
        model: the recurrent layer: ours, Paddle's, or a book reader's own that returns only the last hidden
            state [B, D]. A reader's own that returns (outputs, states) as Paddle's do, and runs in both directions,
            says so by an attribute num_directions = 2.
        num_digits: the number of symbols.
        input_size: M, the size of an embedding.
        hidden_size: D, the size of the hidden state (隐状态), of one direction.
        num_classes: the number of classes.

    Raises:
        SettingError: a size out of its range; a layer with time_major, or whose last state is not what the classifier
            takes.
        DataError: in use, a digit outside 0..num_digits-1.

    Example:
        >>> import nndl, paddle
        >>> model = Model_RNN4SeqClass(nndl.SRN(32, 32), 10, 32, 32, 19)
        >>> list(model(paddle.to_tensor([[6, 7, 0, 0, 1]])).shape)
        [1, 19]
    """

    def __init__(self, model: nn.Layer, num_digits: int, input_size: int, hidden_size: int, num_classes: int) -> None:
        super().__init__()
        if getattr(model, "time_major", False):
            raise SettingError("a recurrent layer with time_major=True: expected one that takes [B, L, M]")
        self.embedding = Embedding(num_digits, input_size)
        self.rnn_model = model
        self.width = num_directions(model) * whole("hidden_size", hidden_size)
        self.linear = nn.Linear(self.width, whole("num_classes", num_classes))

    def named_parameters(self, *args: Any, **settings: Any) -> Iterator[tuple[str, Tensor]]:
        """As the book's ``custom_print_log`` looks for them: a layer of one cell has ``rnn_model.W``, ``.U``, ``.b``.

        In ``state_dict``, and so in files, they are called ``rnn_model.cells.0.W`` and so on.
        """
        cells = getattr(self.rnn_model, "cells", ())
        for name, parameter in super().named_parameters(*args, **settings):
            yield name.replace("rnn_model.cells.0.", "rnn_model.") if len(cells) == 1 else name, parameter

    def forward(self, inputs: Tensor) -> Tensor:
        layer = self.rnn_model
        H = last_state(layer, layer(self.embedding(inputs)))
        expected = [inputs.shape[0], self.width]
        if paddle.in_dynamic_mode() and list(H.shape) != expected:
            raise SettingError(
                f"a recurrent layer with last states of shape {list(H.shape)}: expected {expected}; "
                "hidden_size must be the layer's, and its inputs [B, L, M]"
            )
        return self.linear(H)
