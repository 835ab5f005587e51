"""Gradients, the remedies, what was found: what the notes say of each, judged."""

from collections import Counter
from statistics import fmean

from chapter6.extras.gradient_explosion import SATURATED
from chapter6.lab.claim import Claim, mean_and_spread
from chapter6.lab.record import Record, Results
from chapter6.lab.text import Text

# --- 结论 claims ---

CHANCE = max(Counter(a + b for a in range(10) for b in range(10)).values()) / 100
"""The test accuracy of always saying 9, the most frequent sum."""
LEARNED = 2 * CHANCE
"""A test accuracy that must be exceeded by what has learned anything of the digits."""
NAMES = {
    "none": Text("plain SRN", "普通 SRN"),
    "relu": Text("ReLU", "ReLU"),
    "sigmoid": Text("sigmoid", "sigmoid"),
    "small": Text("start at 0.01 N(0, 1)", "初始化 0.01 N(0, 1)"),
    "scaled": Text("start at N(0, 1/n)", "初始化 N(0, 1/n)"),
    "orthogonal": Text("start at U orthogonal", "初始化 U 正交"),
    "identity": Text("start at U = I", "初始化 U = I"),
    "zeros": Text("start at 0, all parameters", "初始化 全部参数为 0"),
    "batch_norm": Text("batch normalisation", "批归一化"),
    "layer_norm": Text("layer normalisation", "层归一化"),
    "residual": Text("residual connection", "残差连接"),
    "LSTM": Text("LSTM", "LSTM"),
    "GRU": Text("GRU", "GRU"),
}
CLIPPED = {
    "none": Text("no clipping", "不截断"),
    "value": Text("by value", "按值"),
    "norm": Text("by norm (each parameter)", "按模（各参数分别）"),
    "global_norm": Text("by global norm", "按全局模"),
}


def name_of(remedy: str) -> Text:
    """What the reader sees; of a weight decay its strength."""
    if remedy in NAMES:
        return NAMES[remedy]
    kind, strength = remedy.split()
    return Text(f"{kind} weight decay {strength}", f"{kind} 正则化 {strength}")


def kept(record: Record, part: str = "trainings") -> Results:
    """What a part of the remedies has left."""
    return Results(record.metrics["remedies"][part])


def accuracies(record: Record, remedy: str, kind: str = "test_accuracy") -> list[float]:
    """One a seed."""
    return kept(record).where(remedy=remedy).each(kind)


def gains(record: Record, remedy: str, over: str = "none") -> list[float]:
    """Test accuracy with a remedy minus that of the plain SRN, or of another remedy, seed by seed."""
    pairs = zip(accuracies(record, remedy), accuracies(record, over), strict=True)
    return [with_ - without for with_, without in pairs]


def zh(listed: str) -> str:
    """A list of numbers as a Chinese line has it."""
    return listed.replace(", ", "，").replace(": ", "：")


def claims(record: Record) -> list[Claim]:
    """What the notes say of the remedies, in their order; then what truncation costs and what saturation is."""
    mild, strong = _decays(record)
    return [
        _helps(record, "relu", "ReLU in place of tanh helps", "用 ReLU 代替 tanh 有帮助"),
        _hurts(record, "sigmoid", "sigmoid in place of tanh hurts", "用 sigmoid 代替 tanh 有害"),
        _zeros(record),
        _small(record),
        _regularisation(record, mild),
        _decay(record, strong),
        _batch_norm(record),
        _helps(record, "residual", "a residual connection helps", "残差连接有帮助"),
        _residual_best(record),
        _clipping(record),
        _clipping_by_value(record),
        _direction(record),
        _helps(record, "LSTM", "an LSTM in place of the SRN helps", "用 LSTM 代替 SRN 有帮助"),
        _helps(record, "GRU", "a GRU in place of the SRN helps", "用 GRU 代替 SRN 有帮助"),
        _truncation(record),
        _saturation(record),
        _clipped_saturation(record),
    ]


def remedies_of(record: Record) -> list[str]:
    """Their names, as they were trained; the plain SRN first."""
    return list(dict.fromkeys(kept(record).each("remedy")))


def _helps(record: Record, remedy: str, *statement: str) -> Claim:
    return Claim(f"remedy_{remedy}", Text(*statement), _against(record, remedy), [gains(record, remedy)])


def _hurts(record: Record, remedy: str, *statement: str) -> Claim:
    losses = [-gain for gain in gains(record, remedy)]
    return Claim(f"remedy_{remedy}", Text(*statement), _against(record, remedy), [losses])


def _against(record: Record, *remedies: str) -> Text:
    """The test accuracies of remedies and of the plain SRN."""
    parts = [(name_of(remedy), mean_and_spread(accuracies(record, remedy))) for remedy in (*remedies, "none")]
    return Text(
        "test accuracy: " + ", ".join(f"{value} ({name.en})" for name, value in parts),
        "测试准确率：" + "，".join(f"{value}（{name.zh}）" for name, value in parts),
    )


def _zeros(record: Record) -> Claim:
    found = accuracies(record, "zeros")
    return Claim(
        "remedy_zeros",
        Text("with all parameters 0 nothing is learned", "全部参数初始化为 0 什么也学不到"),
        Text(
            f"test accuracy {mean_and_spread(found)}; always saying the most frequent sum gives {CHANCE:.2f}",
            f"测试准确率 {mean_and_spread(found)}；总是回答最常见的和为 {CHANCE:.2f}",
        ),
        max(found) <= CHANCE,
    )


def _small(record: Record) -> Claim:
    return Claim(
        "remedy_small",
        Text("initialising with 0.01 N(0, 1) hurts, N(0, 1/n) is better", "用 0.01 N(0, 1) 初始化有害，N(0, 1/n) 更好"),
        _against(record, "small", "scaled"),
        [[-gain for gain in gains(record, "small")], gains(record, "scaled", over="small")],
    )


def _decays(record: Record) -> tuple[list[str], list[str]]:
    """The weight decays: all but the strongest of each kind, and the strongest; where there is but one, it is both."""
    kinds = [[remedy for remedy in remedies_of(record) if remedy.startswith(kind)] for kind in ("L1 ", "L2 ")]
    ordered = [sorted(kind, key=lambda remedy: float(remedy.split()[1])) for kind in kinds]
    return [decay for kind in ordered for decay in kind[:-1] or kind], [kind[-1] for kind in ordered]


def _regularisation(record: Record, mild: list[str]) -> Claim:
    return Claim(
        "remedy_regularisation",
        Text(f"regularisation of the weights helps ({', '.join(mild)})", f"权重参数正则化有帮助（{'、'.join(mild)}）"),
        _against(record, *mild),
        [gains(record, decay) for decay in mild],
    )


def _decay(record: Record, strong: list[str]) -> Claim:
    def fall(decay: str) -> list[float]:
        values = zip(
            accuracies(record, "none", "singular_value"), accuracies(record, decay, "singular_value"), strict=True
        )
        return [plain - decayed for plain, decayed in values]

    shown = ", ".join(f"{name} {mean_and_spread(accuracies(record, name, 'singular_value'))}" for name in strong)
    plain, measured = mean_and_spread(accuracies(record, "none", "singular_value")), _against(record, *strong)
    return Claim(
        "remedy_decay_forgets",
        Text(
            f"too much of it ({', '.join(strong)}) pulls the largest singular value of U down, and the memory goes",
            f"过强的正则化（{'、'.join(strong)}）使 U 的最大奇异值变小，记忆随之丧失",
        ),
        Text(
            f"singular value: plain {plain}, {shown}; {measured.en}",
            f"奇异值：普通 {plain}，{zh(shown)}；{measured.zh}",
        ),
        [row for decay in strong for row in (fall(decay), [-gain for gain in gains(record, decay)])],
    )


def _batch_norm(record: Record) -> Claim:
    measured = _against(record, "batch_norm")
    batch = mean_and_spread(accuracies(record, "batch_norm", "batch_accuracy"))
    return Claim(
        "remedy_batch_norm",
        Text("batch normalisation helps", "批归一化有帮助"),
        Text(
            f"{measured.en}; {batch} if the statistics of the test batch stand in for the running averages",
            f"{measured.zh}；若以测试批自身的统计量代替滑动平均，则为 {batch}",
        ),
        [gains(record, "batch_norm")],
    )


def _residual_best(record: Record) -> Claim:
    others = [remedy for remedy in remedies_of(record) if remedy not in ("none", "residual")]
    means = {remedy: fmean(accuracies(record, remedy)) for remedy in others}
    second = max(means, key=means.__getitem__)
    name, own = name_of(second), mean_and_spread(accuracies(record, "residual"))
    return Claim(
        "remedy_residual_best",
        Text(
            "the residual connection is the most effective remedy (higher than each of the others)",
            "残差结构是最有效的方法（高于其他每一种）",
        ),
        Text(
            f"residual {own}, the best of the others: {name.en} {mean_and_spread(accuracies(record, second))}",
            f"残差 {own}，其余最好的：{name.zh} {mean_and_spread(accuracies(record, second))}",
        ),
        [gains(record, "residual", over=other) for other in others],
    )


# --- 结论：截断与饱和 claims on clipping, truncation, saturation ---


def clipped_gains(record: Record, clip: str) -> list[float]:
    """Test accuracy with clipping minus without, in section 6.4's gentler setting."""
    with_, without = (kept(record, "clipped").where(clip=c).each("test_accuracy") for c in (clip, "none"))
    return [a - b for a, b in zip(with_, without, strict=True)]


def _clipping(record: Record) -> Claim:
    return Claim(
        "remedy_clipping",
        Text(
            "clipping by norm, each parameter's or the global one, helps where gradients explode (6.4's gentler "
            "setting)",
            "梯度爆炸时（6.4 节较温和的设置）按模截断有帮助，无论各参数分别还是全局",
        ),
        _clipped(record, "norm", "global_norm"),
        [clipped_gains(record, "norm"), clipped_gains(record, "global_norm")],
    )


def _clipping_by_value(record: Record) -> Claim:
    found = kept(record, "clipped").where(clip="value").each("test_accuracy")
    return Claim(
        "remedy_clipping_value",
        Text(
            f"clipping by value, at the same bound v, helps as well, so that something is learned (over {LEARNED:.2f})",
            f"阈值 v 相同时，按值截断也有帮助，使网络学到东西（高于 {LEARNED:.2f}）",
        ),
        _clipped(record, "value"),
        [clipped_gains(record, "value"), [accuracy - LEARNED for accuracy in found]],
    )


def _clipped(record: Record, *clips: str) -> Text:
    """The test accuracies without clipping and with these."""
    found = {clip: kept(record, "clipped").where(clip=clip).each("test_accuracy") for clip in ("none", *clips)}
    return Text(
        "test accuracy: " + ", ".join(f"{CLIPPED[clip].en} {mean_and_spread(v)}" for clip, v in found.items()),
        "测试准确率：" + "，".join(f"{CLIPPED[clip].zh} {mean_and_spread(v)}" for clip, v in found.items()),
    )


SAME_DIRECTION = 1e-6
"""How far below 1 a cosine may be, by rounding, of two gradients of one direction."""


def _direction(record: Record) -> Claim:
    cosines = {clip: kept(record, "directions").where(clip=clip).each("cosine") for clip in CLIPPED if clip != "none"}
    shown = {clip: f"{fmean(of_seeds):.4f}" for clip, of_seeds in cosines.items()}
    turned = all(c < 1 - SAME_DIRECTION for clip in ("value", "norm") for c in cosines[clip])
    return Claim(
        "clip_direction",
        Text(
            "only clipping by global norm keeps the gradient's direction, by value and by norm (each parameter by "
            "itself) turn it",
            "只有按全局模截断保持梯度方向，按值与按模（各参数分别）截断都会改变方向",
        ),
        Text(
            "cosine: " + ", ".join(f"{CLIPPED[clip].en} {value}" for clip, value in shown.items()),
            "余弦：" + "，".join(f"{CLIPPED[clip].zh} {value}" for clip, value in shown.items()),
        ),
        turned and min(cosines["global_norm"]) > 1 - SAME_DIRECTION,
    )


def by_steps(record: Record) -> tuple[dict[int, list[float]], ...]:
    """Test accuracy, gradient error and cosine, for each k of truncated BPTT one number a seed.

    Where k is the whole length, nothing is truncated: that is the plain SRN.
    """
    results, whole = kept(record, "truncated"), record.settings["length"]
    at_the_end = {"test_accuracy": accuracies(record, "none"), "error": [0.0], "cosine": [1.0]}
    return tuple(
        {k: results.where(k=k).each(kind) for k in sorted(set(results.each("k")))} | {whole: values}
        for kind, values in at_the_end.items()
    )


def _truncation(record: Record) -> Claim:
    (accuracy, _, cosines), length = by_steps(record), record.settings["length"]
    # 两个加数在最前   both digits come first: the second is length - 1 steps from the end
    short = [k for k in accuracy if k < length - 1]
    shown = ", ".join(f"k = {k}: {mean_and_spread(of_seeds)}" for k, of_seeds in accuracy.items())
    alike = ", ".join(f"k = {k}: {fmean(cosines[k]):.3f}" for k in short)
    return Claim(
        "truncation",
        Text(
            f"truncated BPTT shorter than the dependency (k < {length - 1}) learns nothing beyond chance (test "
            f"accuracy under {LEARNED:.2f}; always saying the most frequent sum gives {CHANCE:.2f})",
            f"截断长度短于依赖距离（k < {length - 1}）时学到的不超过随机猜测（测试准确率低于 {LEARNED:.2f}；"
            f"总是回答最常见的和为 {CHANCE:.2f}）",
        ),
        Text(
            f"test accuracy {shown}; yet at the start the cosine between its gradient and the whole is {alike}",
            f"测试准确率 {zh(shown)}；而训练开始时，截断的梯度与完整梯度的余弦为 {zh(alike)}",
        ),
        [[LEARNED - value for value in accuracy[k]] for k in short],
    )


def saturated(record: Record, clip: str) -> list[float]:
    """For each seed the share of activations beyond the bound at the end of the training."""
    return [fmean(r["activations"][-1]["saturated"]) for r in kept(record, "saturated").where(clip=clip)]


def _saturation(record: Record) -> Claim:
    free = saturated(record, "none")
    start = fmean(fmean(r["activations"][0]["saturated"]) for r in kept(record, "saturated").where(clip="none"))
    return Claim(
        "saturated",
        Text(
            f"6.4's SRN without clipping ends saturated: most activations are beyond ±{SATURATED}",
            f"6.4 节的 SRN 不截断则最终饱和：多数激活值的绝对值超过 {SATURATED}",
        ),
        Text(
            f"share beyond: {start:.0%} before, {fmean(free):.0%} after the training",
            f"所占比例：训练前 {start:.0%}，训练后 {fmean(free):.0%}",
        ),
        [[share - 0.5 for share in free]],
    )


def _clipped_saturation(record: Record) -> Claim:
    free, clipped = saturated(record, "none"), saturated(record, "norm")
    return Claim(
        "clipped_unsaturated",
        Text("with clipping by norm fewer are", "按模截断后饱和的激活值较少"),
        Text(f"{fmean(clipped):.0%}, without {fmean(free):.0%}", f"{fmean(clipped):.0%}，不截断 {fmean(free):.0%}"),
        [[a - b for a, b in zip(free, clipped, strict=True)]],
    )
