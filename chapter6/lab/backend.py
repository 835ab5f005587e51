"""What computes an LSTM (算子): the one asked for, or the fastest that this machine has."""

from nndl.error import BuildError


def choose(wanted: str, otherwise: str) -> str:
    """The backend asked for; "auto" takes oneDNN's operator where it can be had, and ``otherwise`` elsewhere.

    Raises:
        BuildError: "onednn" is asked for and cannot be had.
    """
    if wanted not in ("auto", "onednn"):
        return wanted
    from nndl.op import onednn

    import paddle

    on_cpu = paddle.device.get_device() == "cpu"
    why_not = onednn.why_not() if on_cpu else "it computes on the CPU"
    if wanted == "onednn" and why_not:
        raise BuildError(f"backend onednn: {why_not}; --backend auto takes what is there")
    return otherwise if why_not else "onednn"
