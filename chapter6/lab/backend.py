"""Until nndl.op.backend is there."""

from nndl.error import BuildError


def choose_backend(wanted: str, otherwise: str) -> str:
    if wanted not in ("auto", "onednn"):
        return wanted
    from nndl.op import onednn

    import paddle

    on_cpu = paddle.device.get_device() == "cpu"
    why_not = onednn.why_not() if on_cpu else "it computes on the CPU"
    if wanted == "onednn" and why_not:
        raise BuildError(f"backend onednn: {why_not}; --backend auto takes what is there")
    return otherwise if why_not else "onednn"
