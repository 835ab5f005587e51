"""The powers and the error surface on the page, computed in the browser by the same equations (梯度之墙)."""

from chapter6.extras import gradient_surface as surface
from chapter6.lab.lesson import Exhibit
from chapter6.lab.record import Record
from chapter6.lab.text import Text

RANGE = (0.99, 1.01)
"""Of w, in the powers."""


def exhibits(record: Record) -> list[Exhibit]:
    """The powers of one weight; the error surface of one unit."""
    return [_powers(record), _wall(record)]


def _powers(record: Record) -> Exhibit:
    wall = record.metrics["wall"]
    every = list(zip(wall["w"], wall["y"], wall["derivative"], strict=True))[::10]
    return Exhibit(
        "powers",
        Text("The powers of one weight", "一个权重的 1000 次方"),
        Text(
            "A network of one weight that multiplies 1000 times. Move w a little around 1: what comes out, and what is "
            "the gradient? Which learning rate would do for both ends of the slider?",
            "只有一个权重、连乘 1000 次的网络。w 在 1 附近稍作移动，输出与梯度各是多少？滑块两端能用同一个学习率吗？",
        ),
        {"power": 1000, "range": RANGE, "measured": [each for each in every if RANGE[0] <= each[0] <= RANGE[1]]},
    )


def _wall(record: Record) -> Exhibit:
    settings = record.settings
    return Exhibit(
        "wall",
        Text("The gradient wall: walk on the error surface", "梯度之墙：在误差面上行走"),
        Text(
            f"The loss of one unit after {surface.STEPS} steps over its two parameters, the deeper the higher. Drag "
            "the point, or move it with the arrow keys (with Shift ten times as far); the dotted line is the step that "
            "gradient descent would take from there. Then let it walk, without clipping (solid) and clipped (dashed). "
            "Where does the gradient become large? Does a smaller learning rate help as clipping does?",
            f"一个单元 {surface.STEPS} 步之后的损失随两个参数的变化，颜色越深损失越大。拖动圆点，或用方向键移动（按住 "
            "Shift 为十倍）；点线是梯度下降在该处将走的一步。再让它走下去：不截断（实线）与按模截断（虚线）。"
            "梯度在哪里变大？调小学习率能代替截断吗？",
        ),
        {
            "steps": surface.STEPS,
            "h_0": surface.H_0,
            "target": surface.TARGET,
            "w_range": surface.W_RANGE,
            "b_range": surface.B_RANGE,
            "start": surface.START,
            "rate": settings["surface_rate"],
            "clip": settings["surface_clip"],
            "walk": settings["surface_steps"],
        },
    )
