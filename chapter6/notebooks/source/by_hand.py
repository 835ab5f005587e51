# %% [markdown]
# # 手算循环网络
# *Recurrent networks by hand*
#
# 练习与拓展 · 对应学习笔记（李宏毅课程）“RNN 基本概念”、“LSTM”、“时间回溯传播”三节，以及《动手学深度学习》的拼接与独热 · 代码：`chapter6/extras/by_hand.py`
#
# 循环网络的公式并不长，难的是相信它。这里的网络小到可以在纸上算完，每一个数都印出来，再与本项目的循环层核对：
#
# 1. **只做加法的 RNN**：输入的次序改变输出；
# 2. **手工设定门的 LSTM**：累加、保持、清零、输出；
# 3. **拼接与独热**：两次乘积合为一次，独热乘积就是查表；
# 4. **随时间反向传播**（BPTT）：两步，逐项写出，再用差分检验；
# 5. **初始状态** $H_0$：零、随机、学得，有区别吗？（唯一要训练的一节）
#
# 从头到尾约半分钟。带“← 改这里”的单元格可以随意修改，改完按 Shift + Enter。

# %%
import math
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

from chapter6.extras import by_hand_findings as findings
from chapter6.extras import by_hand_starts as starts
from chapter6.extras.presets.by_hand import OF_THE_NOTES, parse_steps
from chapter6.lab.lesson import Run
from chapter6.lab.report import Table
from chapter6.lab.text import Text
from chapter6.lab.training import Training
from chapter6.sec_6_2_srn_memory import find_data, learn, make_loaders, trainings
from nndl import plot
from nndl.dataset import digit_sum
from nndl.op import Embedding, LSTMCell, Recurrent, SRNCell, recording

import numpy as np
import paddle
from paddle import Tensor, nn
from paddle.nn.initializer import Assign, Constant

# %% [markdown]
# ## 一、只做加法的 RNN
# *An RNN that only adds*
#
# 两个输入、两个隐藏单元、两个输出；所有权重为 1，没有偏置，激活函数是恒等函数：
#
# $$H_t = X_t W + H_{t-1} U, \qquad Y_t = H_t V, \qquad W = U = V = \begin{pmatrix} 1 & 1 \\ 1 & 1 \end{pmatrix}, \quad H_0 = (0, 0)$$
#
# 依次读入 $(1,1)$、$(1,1)$、$(2,2)$。两个单元完全相同，只写一个：
#
# | 时刻 | 来自输入 $X_t W$ | 来自记忆 $H_{t-1} U$ | 隐状态 $H_t$ | 输出 $Y_t$ |
# |---|---|---|---|---|
# | 1 | 1 + 1 = 2 | 0 + 0 = 0 | 2 | 2 + 2 = 4 |
# | 2 | 1 + 1 = 2 | 2 + 2 = 4 | 6 | 6 + 6 = 12 |
# | 3 | 2 + 2 = 4 | 6 + 6 = 12 | 16 | 16 + 16 = 32 |
#
# 第 1、2 步的输入都是 $(1,1)$，输出却是 4 和 12：区别全在记忆里。下面让循环层来算，并把三个输入换成所有可能的次序。`Recurrent` 逐步调用单元 `SRNCell`，输入形状 $B \times L \times M = 1 \times 3 \times 2$，输出 $B \times L \times D = 1 \times 3 \times 2$。

# %%
# 摘自 chapter6.extras.by_hand: add_only

added = add_only()
tools.show(findings.order_table(added["orders"]))

# %%
figure, (axes,) = plot.panels(1, size=(5.0, 2.4))
first = added["orders"][0]
plot.unrolled(axes, *([f"({a:g}, {b:g})" for a, b in first[name]] for name in ("inputs", "outputs")))
axes.set_xlim(-1.5, 1.5)
_ = axes.set_title(plot.both("unrolled: the same W, U, V at each step", "按时间展开：每一步用同一组 W、U、V"))

# %% [markdown]
# 三行的输入之和都是 $(4, 4)$，只数词频的模型看不出区别；RNN 的最后输出却是 32、36、44。
#
# ### 动手改一改
# $U$ 决定记忆有多重。取 0 时记忆消失，次序还重要吗？取 0.5、−1 又如何？先猜，再运行。

# %%
U = 0.5  # ← 改这里：1.0（上面的情形）、0.5、0.0、-1.0
own = partial(SRNCell, W_attr=Constant(1.0), U_attr=Constant(U), b_attr=False, activation="identity")
layer = Recurrent(own, 2, 2)
for X in dict.fromkeys(permutations([(1.0, 1.0), (1.0, 1.0), (2.0, 2.0)])):
    H, _ = layer(paddle.to_tensor([X]))
    print("输入", *X, "  最后的隐状态 H_3 =", H[0, -1].tolist())

# %% [markdown]
# ### 思考
# $U$ 全为 1 时，最早的输入与最后的输入相比，谁对 $Y_3$ 的影响大？若序列有 100 步呢？
#
# <details><summary>参考答案</summary>
#
# 每一步 $H_{t-1}U$ 把两个相同的单元加起来，即乘以 2（$U$ 的最大特征值）。记 $s_t$ 为第 $t$ 步两个输入之和，则 $H_3 = s_3 + 2 s_2 + 4 s_1$：最早的输入权重最大。所以 $(2,2)$ 越靠前，表中的输出越大。100 步之后，第一个输入的权重是 $2^{99} \approx 6 \times 10^{29}$，对它的导数同样如此：这就是梯度爆炸。上面的单元中 $U = 0.5$，特征值恰为 1，$H_3 = s_3 + s_2 + s_1$：次序不再重要；更小的 $U$ 则使早先的输入按几何级数消失。详见notebook `gradient_lab`。
#
# </details>

# %% [markdown]
# ## 二、手工设定门的 LSTM
# *An LSTM whose gates are set by hand*
#
# 讲座中的例子：一个 LSTM 单元读三个数 $X_t = (x_1, x_2, x_3)$，应当这样做：
#
# - $x_2 = 1$：把 $x_1$ 加入记忆；$x_2 = -1$：记忆清零；$x_2 = 0$：记忆不变；
# - $x_3 = 1$：输出记忆；否则输出 0。
#
# LSTM 的公式中 $H_{t-1}$ 也通向各个门，这里不需要，取 $U = 0$；两处 $\tanh$ 换成恒等函数，否则记忆加不到 1 以上：
#
# $$I_t = \sigma(X_t W_i + b_i), \quad F_t = \sigma(X_t W_f + b_f), \quad O_t = \sigma(X_t W_o + b_o), \quad \tilde C_t = X_t W_c + b_c$$
# $$C_t = F_t \odot C_{t-1} + I_t \odot \tilde C_t, \qquad H_t = O_t \odot C_t$$
#
# 规则怎样变成权重？门要么全开（1）要么全关（0），所以让 $\sigma$ 的自变量远离 0：取 ±50。例如输入门只在 $x_2 = 1$ 时打开：$100 x_2 - 50$ 在 $x_2 = 1$ 时为 50，在 $x_2 = 0$ 时为 −50。注意遗忘门的名字：**打开是记住，关上才是遗忘**。

# %%
# 摘自 chapter6.extras.by_hand: FAR, WEIGHTS, NOTED

NAMES = {"i": "输入门 I", "f": "遗忘门 F", "c": "候选状态 C̃", "o": "输出门 O"}
X_1 = (3, 1, 0)  # ← 改这里：第一步读入的 x1, x2, x3

rows, values = [], {}
for gate, (w, b) in WEIGHTS.items():
    z = sum(weight * x for weight, x in zip(w, X_1, strict=True)) + b
    values[gate] = z if gate == "c" else 1 / (1 + math.exp(-z))
    terms = " + ".join(f"{weight:g}×{x}" for weight, x in zip(w, X_1, strict=True))
    rows.append([NAMES[gate], f"{terms} + ({b:g})", f"{z:g}", f"{values[gate]:.4g}"])
title = Text(f"Four gates read {X_1}", f"读入 {X_1} 时的四个数")
tools.show(Table(title, ["", "X W + b", "=", Text("the gate", "门的值")], rows))

C_1 = values["f"] * 0 + values["i"] * values["c"]
H_1 = values["o"] * C_1
print(f"C_1 = F × C_0 + I × C̃ = {values['f']:.4g} × 0 + {values['i']:.4g} × {values['c']:g} = {C_1:g}")
print(f"H_1 = O × C_1 = {values['o']:.4g} × {C_1:g} = {H_1:.4g}")

# %% [markdown]
# 记忆成了 3，输出门关着，什么也没有输出（$2 \times 10^{-22}$ 量级的数就是“关着”）。
#
# 现在把这些数交给真正的 LSTM 单元。四组权重并排放在一个矩阵里：$W$ 为 $3 \times 4$，列的次序是 $i, f, \tilde c, o$。`follow_rule` 不用任何网络，直接按规则算，作为对照；`recording` 记下单元每一步的门与状态。

# %%
# 摘自 chapter6.extras.by_hand: hand_set_lstm, follow_rule, watch

lstm = hand_set_lstm()
print("W =", lstm.cells[0].W.tolist())
print("b =", lstm.cells[0].b.tolist())

watched = watch(parse_steps(OF_THE_NOTES))
tools.show(findings.lstm_table(watched), findings.draw_lstm(watched))

# %% [markdown]
# 逐行看：3、4 先后加入（输入门开），读到 2 时输入门关着，记忆保持 7；$x_3 = 1$ 时输出 7；最后遗忘门关上，记忆清零。没有一步需要“学习”，门本身就能做到这些；训练要做的，只是找到这样的权重。
#
# ### 动手改一改
# 写一个自己的序列：先累加两个数，中间放几个干扰，然后输出、清零、再累加。网络与规则应当一致。

# %%
own = parse_steps("5,1,0 100,0,0 -2,1,0 7,0,1 0,-1,1 8,1,1")  # ← 改这里：每步 x1,x2,x3
watched = watch(own)
tools.show(findings.lstm_table(watched))
print("记忆，按规则：", watched["memory_by_rule"])
print("输出，按规则：", watched["outputs_by_rule"])

# %% [markdown]
# ### 动手改一改：门关不严
# 讲座里的数是 10 而不是 50。真实的网络里，门更少走到极端。把 ±50 换小，先存入 3，再读入 30 个“不要理会的 1”，记忆还是 3 吗？

# %%
of_50 = dict(WEIGHTS)
for far in (2, 3, 5, 10, 50):  # ← 改这里
    for gate in "ifo":
        w, b = of_50[gate]
        WEIGHTS[gate] = ([x * far / FAR for x in w], b * far / FAR)
    steps = watch([(3, 1, 0)] + [(1, 0, 0)] * 30)
    open_, closed = steps["forget_gate"][-1], steps["input_gate"][-1]
    print(f"±{far:<3} 遗忘门 {open_:.6f}  输入门 {closed:.6f}   30 步之后的记忆 {steps['cell_state'][-1]:.4f}")
WEIGHTS.update(of_50)

# %% [markdown]
# 每一步记忆乘以 $F$（略小于 1），又漏进 $I \tilde C$（略大于 0）：漏得最多时，旧的 3 已被新的 1 取代。记忆多长，取决于门能关得多严。
#
# ### 思考
# 1. 遗忘门始终为 0.9，记忆剩下一半要多少步？为 0.99 呢？
# 2. 三个门与候选状态各有自己的 $W, U, b$。输入、隐状态大小同为 $M$、$D$ 时，LSTM 的参数是 SRN 的几倍？
#
# <details><summary>参考答案</summary>
#
# 1. $0.9^n = 1/2$ 得 $n = \ln 2 / {-\ln 0.9} \approx 6.6$ 步；0.99 时约 69 步。要在 $L$ 步内大致保住记忆，$1 - F$ 须小到 $1/L$ 的量级，这正是notebook `gradient_lab` 中偏置取 $\ln(L-1)$ 的理由。
# 2. 4 倍：$4(MD + D^2 + D)$ 对 $MD + D^2 + D$。上面的 $W$ 有四列，三个门与候选状态各一列。
#
# </details>

# %% [markdown]
# ## 三、拼接与独热
# *One product instead of two; a one-hot product is a lookup*
#
# 许多实现把 $X_t$ 与 $H_{t-1}$ 拼在一起，只做一次乘法：
#
# $$[X, H] \begin{pmatrix} W \\ U \end{pmatrix} = X W + H U$$
#
# 形状（同《动手学深度学习》）：$X: 3 \times 1$，$W: 1 \times 4$，$H: 3 \times 4$，$U: 4 \times 4$；拼接之后是 $3 \times 5$ 乘 $5 \times 4$。

# %%
# 摘自 chapter6.extras.by_hand: one_product

nndl.runtime.seed_everything(0)
tools.show(findings.product_table(one_product()))

# %% [markdown]
# 一样的数。拼接减少的是调用次数，不是模型；本项目则更进一步，先把所有时刻的 $X_t W + b$ 一次算完，每步只剩 $H_{t-1} U$。
#
# 同样，“独热向量乘嵌入矩阵”与“按行号查表”是同一件事：$S'$ 的每一行只有一个 1，乘积恰好取出 $E$ 的那一行。

# %%
# 摘自 chapter6.extras.by_hand: one_hot

tools.show(findings.one_hot_table(one_hot()))

# %% [markdown]
# ### 思考
# 既然结果相同，词表有一万个词时为什么没有人真的去乘？
#
# <details><summary>参考答案</summary>
#
# 长度 $L$、词表 $V$、嵌入大小 $M$：乘积要 $L \cdot V \cdot M$ 次乘法，其中除 $L \cdot M$ 次外都是乘 0，还要存下 $L \times V$ 的独热矩阵；查表只复制 $L \cdot M$ 个数。独热的写法用来理解（它说明嵌入层就是没有偏置的线性层，所以能够训练），查表的写法用来计算。
#
# </details>

# %% [markdown]
# ## 四、手算反向传播
# *Backpropagation through time, on paper*
#
# 还是 6.2 节那个可以笔算的 SRN，加上初始状态 $H_0 = (0.5, -0.5)$ 和目标 $Y = (0, 1)$，损失只看最后一步：
#
# $$H_t = \tanh(X_t W + H_{t-1} U + b), \qquad \mathcal L = \tfrac12 \lVert H_2 - Y \rVert^2$$
#
# 记 $Z_t = X_t W + H_{t-1} U + b$ 为净输入，$\delta_t = \partial \mathcal L / \partial Z_t$ 为误差项。从后往前只有两种动作：
#
# - **穿过 $\tanh$**：乘以它的导数 $1 - H_t^2$；
# - **沿 $U$ 退一步**：乘以 $U^{\mathsf T}$。
#
# $$\delta_2 = (H_2 - Y) \odot (1 - H_2^2), \qquad \delta_1 = \delta_2 U^{\mathsf T} \odot (1 - H_1^2)$$
#
# 两步用的是同一组参数，所以各步的份额**相加**：
#
# $$\frac{\partial \mathcal L}{\partial W} = X_1^{\mathsf T} \delta_1 + X_2^{\mathsf T} \delta_2, \qquad
# \frac{\partial \mathcal L}{\partial U} = H_0^{\mathsf T} \delta_1 + H_1^{\mathsf T} \delta_2, \qquad
# \frac{\partial \mathcal L}{\partial b} = \delta_1 + \delta_2$$

# %%
# 摘自 chapter6.extras.by_hand: EXAMPLE, backward_by_hand

by_hand = {name: np.array(value) for name, value in backward_by_hand().items()}
for name, value in by_hand.items():
    numbers = np.array2string(value, precision=5, suppress_small=True).replace("\n", "")
    print(f"{findings.EQUATIONS[name]:34} {list(value.shape)!s:8} {numbers}")

# %% [markdown]
# 每个参数的梯度由两份组成。分开看，哪一份大？

# %%
X_1, X_2, H_0 = (np.array(EXAMPLE[name]) for name in ("X_1", "X_2", "H_0"))
delta_1, delta_2, H_1 = by_hand["delta_1"], by_hand["delta_2"], by_hand["H_1"]
shares = {
    "W": (X_1.T @ delta_1, X_2.T @ delta_2),
    "U": (H_0.T @ delta_1, H_1.T @ delta_2),
    "b": (delta_1, delta_2),
}


def numbers(matrix: np.ndarray) -> str:
    return "<br>".join(" ".join(f"{value:.5f}" for value in row) for row in matrix)


rows = [[name, numbers(one), numbers(two), numbers(one + two)] for name, (one, two) in shares.items()]
header = ["", Text("share of step 1", "第 1 步的份额"), Text("share of step 2", "第 2 步的份额"), Text("sum", "合计")]
tools.show(Table(Text("The shares of both steps", "两步各自的份额"), header, rows))
ratio = np.linalg.norm(delta_1) / np.linalg.norm(delta_2)
print(f"|δ_1| / |δ_2| = {ratio:.3f}：退回一步，误差项只剩这么多")

# %% [markdown]
# $X_1 = (1, 0)$、$X_2 = (0, 2)$，所以 $W$ 的第一行只从第 1 步学，第二行只从第 2 步学，而前者小得多：误差项每退一步都要乘 $U^{\mathsf T}$ 再乘 $1 - H^2$，这里只剩不到十分之一。再退几步就什么也不剩了，这就是**梯度消失**。
#
# ### 怎样相信这些数？
# 最朴素的检验不用任何公式：把一个参数挪动一点点，看损失变化多少（中心差分，finite differences）：
#
# $$\frac{\partial \mathcal L}{\partial \theta} \approx \frac{\mathcal L(\theta + h) - \mathcal L(\theta - h)}{2h}$$


# %%
def by_differences(name: str, h: float = 1e-5) -> np.ndarray:
    """The slope of the loss by each number of one entry of EXAMPLE."""
    kept, slopes = EXAMPLE[name], np.zeros(np.shape(EXAMPLE[name]))
    for place in np.ndindex(slopes.shape):
        for sign in (1, -1):
            moved = np.array(kept)
            moved[place] += sign * h
            EXAMPLE[name] = moved.tolist()
            slopes[place] += sign * backward_by_hand()["L"][0][0] / (2 * h)
    EXAMPLE[name] = kept
    return slopes


for name in ("W", "U", "b"):
    gap = np.abs(by_differences(name) - by_hand[f"d{name}"]).max()
    print(f"∂L/∂{name}：手算与差分的最大误差 {gap:.1e}")

# %% [markdown]
# 差分对每个参数要算两次前向，所以只用来检验；反向传播一次就得到全部梯度。框架的自动微分做的正是上面这些乘法：

# %%
# 摘自 chapter6.extras.by_hand: backward_by_autograd

tools.show(findings.bptt_table({"given": EXAMPLE, "hand": backward_by_hand(), "autograd": backward_by_autograd()}))

# %% [markdown]
# ### 动手改一改
# 1. 把 $U$ 放大 1 到 50 倍。误差项退回一步会一直变大吗？先猜。
# 2. $\partial \mathcal L / \partial H_0$ 应当等于什么？把 `guess` 换成你的答案，用差分检验。

# %%
kept = EXAMPLE["U"]
for factor in (1, 5, 10, 20, 50):  # ← 改这里
    EXAMPLE["U"] = (factor * np.array(kept)).tolist()
    found = backward_by_hand()
    sizes = [np.linalg.norm(found[name]) for name in ("delta_1", "delta_2")]
    print(f"U × {factor:<3} |δ_1| = {sizes[0]:.2e}   |δ_2| = {sizes[1]:.2e}   H_2 = {np.round(found['H_2'], 4)[0]}")
EXAMPLE["U"] = kept

# %%
guess = delta_1 @ np.array(EXAMPLE["U"]).T  # ← 改这里：∂L/∂H_0 = ?
print("猜想", guess[0], "  差分", by_differences("H_0")[0])

# %% [markdown]
# ### 思考
# 1. $U$ 放大到 20 倍，$|\delta_1|$ 一路变大，甚至超过 $|\delta_2|$；到 50 倍，两者却几乎都没有了。为什么？
# 2. 截断的 BPTT 取 $k = 1$，即误差项一步也不退，上面的表里剩下哪些项？
#
# <details><summary>参考答案</summary>
#
# 1. 退一步乘 $U^{\mathsf T}$，$U$ 越大越放大；但净输入同时变大，$\tanh$ 饱和，$1 - H^2$ 趋于 0（看 $H_2$：已贴近 ±1），$\delta_2$ 自己先没了。爆炸与饱和是一对：6.4 节的 SRN 先是梯度猛增，随后几乎为 0，再也学不动。
# 2. 只剩“第 2 步的份额”一列：$X_2^{\mathsf T}\delta_2$、$H_1^{\mathsf T}\delta_2$、$\delta_2$。这里它占了梯度的大部分，方向也差不多，却丢掉了第 1 步输入的全部信息。这一点在notebook `gradient_lab` 中用训练来检验。
#
# </details>

# %% [markdown]
# ## 五、初始状态
# *The state before the first step*
#
# $H_0$ 通常取 0。笔记 004 则写道：$H$ 被初始化为随机值，“这一点是非常重要的”。试一试四种取法：
#
# - `zero`：零，即 6.2 节的 SRN；
# - `fixed`：随机取一次，以后不变；
# - `random`：每个序列、每一步训练都重新随机；
# - `learned`：作为参数，和 $W, U, b$ 一起学。
#
# 任务是 6.2 节的数字求和，$L = 5$。训练之后还要换一个起点测试：从零学会的网络，换成随机的起点会怎样？

# %%
# 摘自 chapter6.extras.by_hand: MODELS, SRNFrom, train_from, start_from

# %% [markdown]
# 训练与测试的过程也照搬课程代码；只是训练不另开进程，就用上面单元里的 `SRNFrom`。四个模型，一个种子，约十秒。


# %%
def train_all(run: Run, wanted: list[Training], **_: Any) -> Any:
    """In this process, with the classes of the cells above."""
    return tools.train_here(wanted)


# 摘自 chapter6.extras.by_hand: compare_starts

run = tools.prepare("by_hand", lengths=(5,))
found = compare_starts(run)
record = tools.record(run, found)
tools.show(starts.table(record), starts.draw(record))

# %% [markdown]
# 训练时每次随机的起点是噪声，网络得先学会把它忘掉，五步之内做不好。从零学会的网络换成随机的起点，则几乎等于瞎猜（总答 9 也有 0.10），因为它从没见过这样的状态；固定不变的起点，不论是随机取定的还是学得的，都没有明显的妨碍。一个种子不能定胜负，五个种子的结论见小结。
#
# ### 动手改一改
# 从零学会的网络能忍受多大的起点噪声？把 $H_0$ 取为 `scale` 倍的标准正态，从 0 慢慢加大。

# %%
(zero,) = [each for each in found["trainings"] if each["model"] == "SRN"]
layer = nndl.SRN(32, 32)
model = nndl.Model_RNN4SeqClass(layer, digit_sum.NUM_DIGITS, 32, 32, digit_sum.NUM_CLASSES)
nndl.RunnerV3(model, None, None, None).load_model(Path(zero["folder"]) / "best.pdparams")
*_, [(X, y)] = make_loaders(find_data(run, 5)[0], 100)
nndl.runtime.seed_everything(0)
for scale in (0.0, 0.1, 0.3, 1.0, 3.0):  # ← 改这里
    # [B, L] → 嵌入 [B, L, M] → 循环层，H_0 为 [N, B, D] → 最后的隐状态 [B, D] → 对数几率 [B, 19]
    _, H = layer(model.embedding(X), scale * paddle.randn([1, len(y), 32]))
    accuracy = (model.linear(H[-1]).argmax(axis=-1) == y).astype("float32").mean().item()
    print(f"噪声 {scale:<4} 测试准确率 {accuracy:.2f}")

# %% [markdown]
# ### 思考
# 笔记里的说法从何而来？什么时候随机的 $H_0$ 才有道理？
#
# <details><summary>参考答案</summary>
#
# 参数必须随机初始化：全为 0 时各单元始终相同（见 `gradient_lab`）。状态不是参数，打破对称用不着它；教材代码里的 `torch.normal(...)` 只是为了演示形状随手造的数。若使用时的起点本来就不定（例如从长序列中间截取一段），训练时也让起点有变化，网络才不怕；更好的办法是把上一段的末状态传下来（`stateful=True`）。
#
# </details>

# %% [markdown]
# ## 小结
#
# - 记忆就是 $H_{t-1} U$ 这一项；次序因此重要。
# - LSTM 的三个门是三个开关，候选状态是要写入的内容；把权重设成 ±50，就能一步步看它执行规则。
# - BPTT 只是乘 $U^{\mathsf T}$、乘 $1 - H^2$、再把各步相加；差分可以检验任何一项。
# - 初始状态：五个种子（`python -m chapter6 run by_hand`，$L = 5$），从随机起点学习的 SRN 测试准确率 0.26 ± 0.04，从零开始 0.83 ± 0.05；“随机值非常重要”不成立。
#
# 终端里还可以给手工设定的 LSTM 任意序列：`python -m chapter6 run by_hand --x "3,1,0 4,1,0 2,0,0 1,0,1 3,-1,0"`；更长的序列（$L = 10$、$20$）与书中的设置：`--preset full`。
#
# **下一步：** [gradient_lab](gradient_lab.ipynb) 把这里的“退回一步”连乘一千次；[cells_compared](cells_compared.ipynb) 换上十三种单元。
