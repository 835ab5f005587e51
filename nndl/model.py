"""The chapter's models."""

from paddle import Tensor, nn

from nndl.op import Embedding


class Model_RNN4SeqClass(nn.Layer):
    """The digit model (section 6.2, printed 6.1.2): embedding, recurrent layer, classifier on the last state.

    Shapes: inputs int64 [B, L] with digits 0..num_digits-1; result logits (对数几率) float [B, num_classes].

    Args:
        model: the recurrent layer: ours, Paddle's, or a book reader's own that returns only the last hidden
            state [B, D].
        num_digits: the number of symbols.
        input_size: M, the size of an embedding.
        hidden_size: D, the size of the hidden state (隐状态).
        num_classes: the number of classes.

    Example:
        >>> import nndl, paddle
        >>> model = Model_RNN4SeqClass(nndl.SRN(32, 32), 10, 32, 32, 19)
        >>> list(model(paddle.to_tensor([[6, 7, 0, 0, 1]])).shape)
        [1, 19]
    """

    def __init__(self, model: nn.Layer, num_digits: int, input_size: int, hidden_size: int, num_classes: int) -> None:
        super().__init__()
        self.embedding = Embedding(num_digits, input_size)
        self.rnn_model = model
        self.linear = nn.Linear(hidden_size, num_classes)

    def forward(self, inputs: Tensor) -> Tensor:
        result = self.rnn_model(self.embedding(inputs))
        # Layers return (outputs, state), the state being H [N, B, D] or (H, C); the book's own SRN returns H [B, D].
        H = result[1] if isinstance(result, tuple) else result
        H = H[0] if isinstance(H, tuple) else H
        return self.linear(H[-1] if H.ndim == 3 else H)
