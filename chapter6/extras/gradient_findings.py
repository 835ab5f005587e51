"""Gradients, what was found: what the notes say of powers, the wall and the cells, judged (结论)."""

from collections.abc import Sequence
from itertools import pairwise
from math import hypot, log10
from statistics import median
from typing import Any

from chapter6.lab.claim import Claim
from chapter6.lab.record import Record, Results
from chapter6.lab.text import Text, same

# --- 结论 claims ---

VANISHES, EXPLODES = 1e-3, 1e3
"""What is left of a gradient after all steps: less than the first is vanishing, more than the second exploding."""
SMALLEST = 1e-300
"""What counts for a gradient of 0 where a logarithm is taken."""
WALL = 1000
"""How many times the median the largest gradient norm of a surface with a wall is."""
SRNS = ("SRN tanh", "SRN sigmoid", "SRN ReLU")
USUAL = ("N / √n", "Xavier", "orthogonal")
"""The initialisations that are in use."""


def claims(record: Record) -> list[Claim]:
    """What the notes state of the powers, the error surface and the cells."""
    return [*_of_powers(record), *_of_surface(record), *_of_distance(record), _of_scaled(record), _of_zeros(record)]


def _of_powers(record: Record) -> list[Claim]:
    found, steps = record.metrics["powers"], record.metrics["learning_rates"]
    y = dict(zip(found["w"], found["y"], strict=True))
    gap = max(abs(a - b) / max(abs(b), SMALLEST) for a, b in zip(found["derivative"], found["formula"], strict=True))
    above, below, far = ({s["w"]: s for s in steps}[w] for w in (1.01, 0.99, 0.01))
    exponent = log10(1000) + 999 * log10(far["w"])  # of 1000 w^999, which y - 1 = -1 only turns round
    thrown, crept = abs(_landing(above, below["rate"]) - 1), abs(_landing(below, above["rate"]) - below["w"])
    return [
        Claim(
            "powers",
            Text(
                "w^1000: 1 stays 1, 1.01 becomes 20,000, 0.99 and 0.01 become 0",
                "w^1000：1 仍为 1，1.01 变为 20000，0.99 与 0.01 变为 0",
            ),
            same(", ".join(f"{w:g}^1000 = {value:.5g}" for w, value in y.items())),
            y[1.0] == 1 and abs(y[1.01] / 2e4 - 1) < 0.1 and max(y[0.99], y[0.01]) < 1e-3,
        ),
        Claim(
            "powers_derivative",
            Text("backpropagation through 1000 steps gives 1000 w^999", "沿 1000 步反向传播得到 1000 w^999"),
            Text(f"largest relative difference {gap:.1e}", f"最大相对误差 {gap:.1e}"),
            gap < 1e-9,
        ),
        Claim(
            "powers_rate",
            Text(
                "right of 1 the learning rate must be small, left of 1 large: no one rate suits both",
                "在 1 的右侧学习率须小，左侧须大：没有一个学习率两处都合适",
            ),
            Text(
                f"the rate whose step leads to 1: {above['rate']:.1e} from 1.01, {below['rate']:.2g} from 0.99; with "
                f"the second, 1.01 lands {thrown:.0e} away; with the first, 0.99 moves by {crept:.0e}",
                f"一步到达 1 的学习率：从 1.01 为 {above['rate']:.1e}，从 0.99 为 {below['rate']:.2g}；"
                f"用后者，1.01 被抛到 {thrown:.0e} 之外；用前者，0.99 只移动 {crept:.0e}",
            ),
            thrown > abs(above["w"] - 1) and crept < abs(below["w"] - 1) / 1000,
        ),
        Claim(
            "powers_plain",
            Text("at w = 0.01 a larger learning rate helps", "在 w = 0.01 处，调大学习率有效"),
            Text(
                f"the gradient is {abs(far['gradient']):g} in float64 (10^{exponent:.0f} in truth), no rate moves w",
                f"梯度在 float64 下为 {abs(far['gradient']):g}（真值为 10^{exponent:.0f}），任何学习率都不能移动 w",
            ),
            bool(far["gradient"]),
        ),
    ]


def _landing(step: dict[str, Any], rate: float) -> float:
    """Where a step with this learning rate leads."""
    return next(place for each, place in step["landings"] if each == rate)


def _of_surface(record: Record) -> list[Claim]:
    norms = [norm for row in record.metrics["surface"]["norms"] for norm in row]
    steepest, middle = max(norms), median(norms)
    free, clipped = (record.metrics["paths"][name] for name in ("free", "clipped"))
    jump, longest = longest_step(free["places"]), longest_step(clipped["places"])
    rate, v = record.settings["surface_rate"], record.settings["surface_clip"]
    start, half = free["losses"][0], len(free["losses"]) // 2
    lowest = {name: min(path["losses"][half:]) for name, path in (("free", free), ("clipped", clipped))}
    return [
        Claim(
            "wall",
            Text(
                f"the error surface has a wall (the largest gradient norm is over {WALL} times the median)",
                f"误差面上有墙（最大梯度范数超过中位数的 {WALL} 倍）",
            ),
            Text(
                f"largest {steepest:.3g}, median {middle:.2g}: {steepest / middle:,.0f} times",
                f"最大 {steepest:.3g}，中位数 {middle:.2g}：{steepest / middle:,.0f} 倍",
            ),
            steepest > WALL * middle,
        ),
        Claim(
            "thrown",
            Text(
                "at the wall gradient descent is thrown away (its longest step is over ten times the longest of the "
                "clipped path), and with clipping it is not: no step is longer than η v",
                "梯度下降在墙边被抛出去（最长的一步超过截断路径最长一步的十倍）；截断则不会：每一步不长于 η v",
            ),
            Text(
                f"longest step {jump:.3g} without, {longest:.3g} with clipping (η v = {rate * v:.3g})",
                f"最长的一步：不截断 {jump:.3g}，截断 {longest:.3g}（η v = {rate * v:.3g}）",
            ),
            jump > 10 * longest and longest <= rate * v * (1 + 1e-9),
        ),
        Claim(
            "comes_back",
            Text(
                "after that the clipped path comes down into the valley again, the one without clipping does not",
                "此后截断的路径又回到谷中，不截断的路径则不能",
            ),
            Text(
                f"lowest loss in the second half: {lowest['free']:.2g} without, {lowest['clipped']:.2g} with clipping; "
                f"the start {start:.2g}",
                f"后一半的最低损失：不截断 {lowest['free']:.2g}，截断 {lowest['clipped']:.2g}；起点 {start:.2g}",
            ),
            lowest["clipped"] < start < lowest["free"],
        ),
    ]


def longest_step(places: Sequence[Sequence[float]]) -> float:
    """The longest way from one place of a path to the next."""
    return max(hypot(x - a, y - b) for (a, b), (x, y) in pairwise(places))


def _of_distance(record: Record) -> list[Claim]:
    results = record.results("distance")

    def left(cell: str, *names: str) -> list[list[float]]:
        return [exponents(results.where(cell=cell, initialisation=name)) for name in names]

    irnn, *others = (left(cell, "identity") for cell in ("SRN ReLU", "SRN tanh", "SRN sigmoid"))
    small = [row for cell in SRNS for row in left(cell, "0.01 N")]
    scaled = [row for cell in SRNS for row in left(cell, "N / √n")]
    relu, others_usual = left("SRN ReLU", *USUAL), [*left("SRN tanh", *USUAL), *left("SRN sigmoid", *USUAL)]
    none, one, wide = (left(cell, *USUAL) for cell in ("LSTM", "LSTM b_f = 1", "LSTM open"))
    L = record.settings["distance"]
    return [
        Claim(
            "small_vanishes",
            Text("an SRN initialised with 0.01 N: the gradient vanishes", "SRN 以 0.01 N 初始化，梯度消失"),
            _powers_of_ten("tanh, sigmoid, ReLU", small),
            _vanish(small),
        ),
        Claim(
            "scaled_keeps",
            Text("initialised with N / √n instead it does not", "改用 N / √n 初始化则不消失"),
            _powers_of_ten("tanh, sigmoid, ReLU", scaled),
            _stay(scaled),
        ),
        Claim(
            "relu_cures",
            Text(
                f"ReLU cures vanishing in an SRN, tanh and sigmoid do not ({', '.join(USUAL)})",
                f"ReLU 能解决 SRN 的梯度消失，tanh 与 sigmoid 不能（{'、'.join(USUAL)}）",
            ),
            Text(
                f"left of the gradient, ReLU: {_each(relu)}; tanh, sigmoid: {_range(others_usual)}",
                f"剩余的梯度，ReLU：{_each(relu)}；tanh、sigmoid：{_range(others_usual)}",
            ),
            [*_stay(relu), *_vanish(others_usual)],
        ),
        Claim(
            "irnn_cures",
            Text(
                "ReLU with U = I (IRNN) does, tanh and sigmoid with U = I do not",
                "ReLU 配合 U = I（IRNN）能解决，tanh 与 sigmoid 配合 U = I 仍不能",
            ),
            _powers_of_ten("ReLU, tanh, sigmoid", [*irnn, *(row for rows in others for row in rows)]),
            [*_stay(irnn), *(row for rows in others for row in _vanish(rows))],
        ),
        Claim(
            "forget_bias",
            Text(
                f"an LSTM whose forget gate has the bias 1 keeps the gradient over {L} steps",
                f"遗忘门偏置为 1 的 LSTM 在 {L} 步内保持梯度",
            ),
            Text(
                f"bias 1: {_range(one)}; bias 0: {_range(none)}",
                f"偏置 1：{_range(one)}；偏置 0：{_range(none)}",
            ),
            _stay(one),
        ),
        Claim(
            "open_gate",
            Text(
                f"with an open forget gate, of bias ln({L} - 1), it does",
                f"遗忘门打开（偏置为 ln({L} - 1)）时则能",
            ),
            same(_range(wide)),
            _stay(wide),
        ),
    ]


def exponents(results: Results) -> list[float]:
    """For each seed the power of ten of what is left of the gradient after all steps."""
    return [log10(max(norms[-1], SMALLEST) / norms[0]) for norms in results.each("norms")]


def _vanish(rows: Sequence[Sequence[float]]) -> list[list[float]]:
    """Evidence that less than VANISHES is left."""
    return [[log10(VANISHES) - exponent for exponent in row] for row in rows]


def _stay(rows: Sequence[Sequence[float]]) -> list[list[float]]:
    """Evidence that more than VANISHES is left."""
    return [[exponent - log10(VANISHES) for exponent in row] for row in rows]


def _range(rows: Sequence[Sequence[float]]) -> str:
    """From the least to the most that is left: the medians of the rows."""
    middle = sorted(10 ** median(row) for row in rows)
    return f"{middle[0]:.0e}" if middle[0] == middle[-1] else f"{middle[0]:.0e} … {middle[-1]:.0e}"


def _each(rows: Sequence[Sequence[float]]) -> str:
    """What is left, the median of each row."""
    return ", ".join(f"{10 ** median(row):.0e}" for row in rows)


def _powers_of_ten(names: str, rows: Sequence[Sequence[float]]) -> Text:
    return Text(f"left of the gradient, {names}: {_each(rows)}", f"剩余的梯度，{names}：{_each(rows)}")


def _of_scaled(record: Record) -> Claim:
    """Vanishing is what an open LSTM cures; exploding comes as U grows."""
    scales = record.settings["scales"]
    srn, lstm = (
        {scale: exponents(record.results("scaled").where(cell=cell, scale=scale)) for scale in scales}
        for cell in ("SRN tanh", "LSTM open")
    )
    first, last = min(scales), max(scales)
    shown = [f"{scale} U: {10 ** median(lstm[scale]):.0e}" for scale in scales]
    plain = f"{first} U: {10 ** median(srn[first]):.0e}"
    return Claim(
        "lstm_explodes",
        Text(
            f"an open LSTM cures vanishing, which an SRN has (U times {first}), but not exploding (U times {last})",
            f"遗忘门打开的 LSTM 解决了 SRN 的梯度消失（U 乘以 {first}），却不能防止梯度爆炸（U 乘以 {last}）",
        ),
        Text(
            f"left of the LSTM's gradient: {', '.join(shown)}; of the SRN's, {plain}",
            f"LSTM 剩余的梯度：{'，'.join(shown)}；SRN 剩余的，{plain}",
        ),
        [*_vanish([srn[first]]), *_stay([lstm[first]]), [exponent - log10(EXPLODES) for exponent in lstm[last]]],
    )


def _of_zeros(record: Record) -> Claim:
    found = record.metrics["zeros"]
    stuck = [name for name, result in found.items() if result["moved"] == ["c"]]
    alike = max(result["difference"] for result in found.values())
    others = ", ".join(name for name in found if name not in stuck)
    return Claim(
        "zeros_alike",
        Text(
            "all parameters 0: nothing but the last bias learns; with sigmoid all do, but every unit the same",
            "全部参数为 0：除最后的偏置外什么都学不到；用 sigmoid 时都在变，但各隐藏单元始终相同",
        ),
        Text(
            f"only c moved: {', '.join(stuck)}; all moved: {others}; largest difference of two units {alike:.0e}",
            f"只有 c 变化：{', '.join(stuck)}；全部变化：{others}；两个单元的最大差别 {alike:.0e}",
        ),
        set(found) - set(stuck) == {"SRN sigmoid"} and alike < 1e-9,
    )
