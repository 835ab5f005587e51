# %% [markdown]
# # 循环神经网络为何难以训练
# *Why recurrent networks are hard to train*
#
# 练习与拓展 · 对应学习笔记（李宏毅课程）“训练方法”一节与笔记 002“梯度消失和梯度爆炸的解决” · 代码：`chapter6/extras/gradient_lab.py`、`gradient_surface.py`、`gradient_remedies.py`、`gradient_truncation.py`
#
# 梯度沿时间每回传一步，就乘以一个雅可比矩阵；一个数连乘一千次会怎样，梯度就会怎样。
#
# 1. $w^{1000}$：1.01 与 0.99 的差别；
# 2. 误差面上的墙：不截断与截断的两条路径；
# 3. 梯度能传多远：各种单元、各种初始化；
# 4. 应对办法，逐一启用；
# 5. 截断的随时间反向传播（truncated BPTT）。
#
# 从头到尾约四十秒，前三部分不训练任何网络。

# %%
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from chapter6.extras import gradient_figures as figures
from chapter6.extras import gradient_findings as findings
from chapter6.extras import gradient_remedies_figures as remedies_figures
from chapter6.extras.gradient_training import (
    cosine,
    flat,
    learn,
    make_batches,
    make_model,
    make_trainings,
    with_adam,
)
from chapter6.lab.lesson import Run
from chapter6.lab.report import Table
from chapter6.lab.text import Text
from chapter6.lab.training import Training
from chapter6.presets import EXPLOSION
from chapter6.sec_6_2_srn_memory import find_data, make_loaders
from nndl import plot
from nndl.op import (
    BatchNormSRNCell,
    Cell,
    GRUCell,
    LayerNormSRNCell,
    LSTMCell,
    Recurrent,
    ResidualSRNCell,
    SRNCell,
    unroll,
)
from nndl.op.state import State, map_states

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn
from paddle.nn.initializer import Assign, Constant, Normal, Orthogonal
from paddle.regularizer import L1Decay, L2Decay

run = tools.prepare("gradients", truncations=(8, 11))

# %% [markdown]
# ## 一、$w$ 的 1000 次方
# *One weight, 1000 steps*
#
# 最小的循环网络：没有输入，没有激活函数，只有一个权重，$h_t = w\, h_{t-1}$，$h_0 = 1$。一千步之后
#
# $$y = h_{1000} = w^{1000}, \qquad \frac{\mathrm d y}{\mathrm d w} = 1000\, w^{999}$$
#
# 先用计算器的办法看看这几个数（讲座取 $1.01^{1000} \approx 20000$，$0.99^{1000} \approx 0$）：

# %%
for w in (1.0, 1.01, 0.99, 0.01):  # ← 改这里
    print(f"{w}^1000 = {w**1000:.4g}    导数 1000 × {w}^999 = {1000 * w**999:.4g}")

# %% [markdown]
# 再让自动微分沿一千步回传，应与公式相同。`learning_rates` 在损失 $\mathcal L = (w^{1000} - 1)^2 / 2$（最低点在 $w = 1$）上走一步梯度下降：对每个 $w$，求出恰好一步到达 1 的学习率，再看这个学习率用在别处会走到哪里。

# %%
# 摘自 chapter6.extras.gradient_lab: WEIGHTS, POWER, powers, learning_rates, wall

found = powers()
record = tools.record(run, {"powers": found, "learning_rates": learning_rates(found), "wall": wall()})
tools.show(figures.table_of_powers(record), figures.draw_powers(record))

# %% [markdown]
# $w$ 相差百分之二，斜率相差近九个数量级。在 1.01 处合适的学习率约 $2.3 \times 10^{-14}$，用在 0.99 处等于不动；在 0.99 处合适的约 0.23，用在 1.01 处就把 $w$ 抛到 $-10^{11}$。笔记说“平坦处调大学习率，陡峭处调小”：道理不错，可是没有一个学习率两处都合适，而在 $w = 0.01$ 处梯度在计算机里就是 0（真值约 $10^{-1995}$），任何学习率都无济于事。
#
# ### 思考
# 讲座说这种现象“不是 sigmoid 造成的”。这个网络里有激活函数吗？那么换成 ReLU 能解决吗？
#
# <details><summary>参考答案</summary>
#
# 没有激活函数（$h > 0$ 时 ReLU 与恒等函数相同，所以上面其实就是 ReLU 网络）。问题出在同一个权重连乘一千次，激活函数只是再乘上一个不大于 1 的导数。换成 ReLU 去掉了后者，去不掉前者：第三部分会看到，除非 $U$ 从单位矩阵开始，ReLU 的梯度照样消失。
#
# </details>

# %% [markdown]
# ## 二、误差面上的墙
# *The wall in the error surface*
#
# 两个参数的网络，误差面就能画出来（仿 Pascanu 等 2013 年论文的图 6）：一个隐藏单元，没有输入，50 步之后的状态应接近目标 0.7：
#
# $$h_t = w\, \sigma(h_{t-1}) + b, \quad h_0 = 0.5, \qquad \mathcal L(w, b) = (\sigma(h_{50}) - 0.7)^2$$
#
# 网格上每个 $(w, b)$ 是批中的一个样本，所以整个误差面只要一次前向、一次反向。

# %%
# 摘自 chapter6.extras.gradient_surface: STEPS, W_RANGE, START, loss_of, surface

b = -2.6
for w in (4.8, 4.9, 4.95, 4.97, 4.98, 4.99, 5.0, 5.1):  # 沿 w 方向走几小步，b 不变
    point = [paddle.to_tensor([value], dtype="float64", stop_gradient=False) for value in (w, b)]
    loss = loss_of(*point)
    loss.backward()
    print(f"w = {w:<5} b = {b}   损失 {loss.item():.4f}   |梯度| = {math.hypot(*(p.grad.item() for p in point)):.3g}")

# %% [markdown]
# 从下往上读：$w$ 减小 0.02，损失就从 0.01 跳到 0.34，正中间的梯度是两边的一千倍。梯度下降走到墙边会怎样？`path` 从谷中同一点出发，一次不截断，一次按模截断：
#
# $$(w, b) \leftarrow (w, b) - \eta\, g, \qquad \text{截断时 } g \leftarrow g \cdot \min\left(1, \frac{v}{\lVert g \rVert}\right)$$

# %%
# 摘自 chapter6.extras.gradient_surface: path

rate, v, steps = 0.05, 0.5, 60  # ← 改这里：学习率 η、截断阈值 v、步数
walked = {"free": path(rate, None, steps), "clipped": path(rate, nn.ClipGradByGlobalNorm(v), steps)}
for name, each in walked.items():
    title = figures.PATHS[name].zh
    print(
        f"{title}：最大的梯度 {max(each['norms']):.3g}，最长的一步 {findings.longest_step(each['places']):.3g}，",
        f"停在 w, b = {np.round(each['places'][-1], 2)}，损失 {each['losses'][-1]:.2g}",
    )
record = tools.record(run, {"surface": surface(run.settings.surface_points), "paths": walked})
tools.show(figures.draw_surface(record))

# %% [markdown]
# 不截断的路径碰到墙，一步跳出老远，落在平原上，那里梯度几乎为 0，再也回不来。截断的路径同样一再碰到墙，但每一步至多 $\eta v$，弹开一点，又回到谷中。
#
# ### 动手改一改
# 1. 把 $v$ 改为 50，再改为 0.005：一个不起作用，一个走不动。怎样才能知道合适的 $v$？（提示：看看梯度范数平时有多大。）
# 2. 不截断，只把学习率减小到 0.0005，60 步能走多远？
#
# ### 思考
# 墙是怎么来的？
#
# <details><summary>参考答案</summary>
#
# $h_t = w\sigma(h_{t-1}) + b$ 反复作用，状态走向一个不动点。$(w, b)$ 稍稍一变，$h_0 = 0.5$ 可能就从一个不动点的吸引域换到另一个的，50 步之后的状态便完全不同。分界线上损失近乎间断，梯度近乎无穷；离开分界线，状态早已停在不动点上，梯度近乎 0。爆炸与消失是同一件事的两面。
#
# </details>

# %% [markdown]
# ## 三、梯度能传多远
# *How far a gradient reaches, cell by cell*
#
# 损失只取决于最后的隐状态，梯度要到达 $H_t$，须乘过所有的雅可比矩阵：
#
# $$\frac{\partial \mathcal L}{\partial H_t} = \frac{\partial \mathcal L}{\partial H_L} \prod_{s=t+1}^{L} \frac{\partial H_s}{\partial H_{s-1}},
# \qquad \text{SRN：} \frac{\partial \mathcal L}{\partial H_{s-1}} = \left(\frac{\partial \mathcal L}{\partial H_s} \odot (1 - H_s^2)\right) U^{\mathsf T}$$
#
# 笔记 002 比较了几种初始化（$0.01\,N$、$N/\sqrt n$、全零……）和几种激活函数，这里都放进同一张图：

# %%
# 摘自 chapter6.extras.gradient_lab: B, INITIALISATIONS, open_gate, make_cells, with_gate, initialise

# %%
# 摘自 chapter6.extras.gradient_lab: gradient_norms, handed_on, tensors_of, norm, measure

# %% [markdown]
# 先用一个小例子核对：一个序列，8 步，正交的 $U$。左列由上面的公式逐步相乘，右列由自动微分得到。

# %%
random, L = np.random.default_rng(0), 8
cell = make_cells(L)["SRN tanh"]
largest = initialise(cell, "orthogonal", 1, random)
X, direction = (paddle.to_tensor(random.standard_normal(shape)) for shape in ([1, L, D], [1, D]))
direction = direction / direction.norm()
H = unroll([cell], X)[0].numpy()  # [1, L, D]

g, by_product = direction.numpy(), [1.0]
for t in reversed(range(L)):
    g = (g * (1 - H[:, t] ** 2)) @ cell.U.numpy().T
    by_product.append(np.linalg.norm(g))
by_autograd = gradient_norms(cell, X, direction)

print(f"U 的最大奇异值 {largest:.2f}")
for back, pair in enumerate(zip(by_product, by_autograd, strict=True)):
    print(f"回传 {back} 步   逐步相乘 {pair[0]:.6f}   自动微分 {pair[1]:.6f}")

# %% [markdown]
# 正交矩阵不改变长度，衰减全部来自 $1 - H^2 < 1$。现在测量全部八种单元、六种初始化，$L = 50$ 步，一个种子：

# %%
cells = make_cells(run.settings.distance)
distance = [measure(cells, name, start, 1, run.settings.distance, 0) for name in cells for start in INITIALISATIONS]
record = tools.record(run, {"distance": distance})
tools.show(figures.table_of_distance(record), figures.draw_distance(record))

# %% [markdown]
# 读表（每回传一步的倍数；0.87 的 50 次方已是千分之一）：
#
# - $0.01\,N$：任何 SRN 都立即消失；换成 $N/\sqrt n$ 缓和了，却没有解决。
# - 配上单位矩阵，ReLU（即 IRNN）保持了梯度，$\tanh$、sigmoid 仍不行。ReLU 配 $N/\sqrt n$ 在这个种子上没有消失，反而增大，配 Xavier 与正交则消失：ReLU 的运气差别很大，下面换几个种子看看。
# - LSTM 并非生来就不消失：遗忘门偏置为 0 时门开一半，沿 $C$ 每步约乘 0.5。把偏置取为 $\ln(L-1)$，门的值是 $1 - 1/L$，$L$ 步之后还剩 $(1 - 1/L)^L \approx 1/e$。
#
# ### 动手改一改
# 1. ReLU 配 $N/\sqrt n$：换几个种子，50 步之后还剩多少梯度？
# 2. 加一种自己的初始化，例如放大两倍的正交矩阵。$\tanh$ 的梯度会爆炸吗？ReLU 呢？

# %%
for seed in range(6):  # ← 改这里：再多几个种子
    norms = measure(cells, "SRN ReLU", "N / √n", 1, run.settings.distance, seed)["norms"]
    print(f"种子 {seed}：50 步之后 {norms[-1]:.1e}")

# %%
INITIALISATIONS["mine"] = lambda random: 2 * np.linalg.qr(random.standard_normal((D, D)))[0]  # ← 改这里
for name in ("SRN tanh", "SRN ReLU", "GRU open", "LSTM open"):
    norms = measure(cells, name, "mine", 1, run.settings.distance, 0)["norms"]
    print(f"{name:10}", "  ".join(f"{back} 步 {norms[back]:.1e}" for back in (0, 5, 10, 25, 50)))

# %% [markdown]
# 六个种子里五个消失，第 0 个是例外：一个种子会骗人。`mine` 放大的是 $W$ 和 $U$ 两者：净输入随之变大，$\tanh$ 饱和，梯度仍然消失；没有上界的 ReLU 则爆炸。
#
# ### LSTM 防止消失，也防止爆炸吗？
# 笔记 001 写得准确：“可以处理梯度消失（不是梯度爆炸）”。这回 $W$ 不变，只把正交的 $U$ 放大 1、2、4、8 倍：

# %%
# 摘自 chapter6.extras.gradient_lab: SCALED

scales = run.settings.scales
scaled = [measure(cells, name, "orthogonal", scale, 50, 0) for name in SCALED for scale in scales]
record = tools.record(run, {"scaled": scaled})
tools.show(figures.table_of_scaled(record), figures.draw_scaled(record))

# %% [markdown]
# ### 参数可以全部取 0 吗？
# 笔记 002：“不可以把所有参数都初始化为 0”。让 SRN、GRU、LSTM 从全零开始做五步梯度下降，看哪些参数动了，各隐藏单元之间有没有差别：

# %%
# 摘自 chapter6.extras.gradient_lab: FROM_ZEROS, learn_from_zeros

for name in FROM_ZEROS:
    outcome = learn_from_zeros(cells[name])
    print(f"{name:12} 变化的参数：{', '.join(outcome['moved']):15} 两个单元的最大差别 {outcome['difference']:.0e}")

# %% [markdown]
# ### 思考
# 1. 为什么只有 sigmoid 的 SRN 各参数都动了，却仍然没有用？
# 2. LSTM 的记忆 $C_t = F_t \odot C_{t-1} + \cdots$ 沿 $C$ 回传一步乘什么？为什么放大 $U$ 仍能让它爆炸？
#
# <details><summary>参考答案</summary>
#
# 1. $\sigma(0) = 0.5 \neq 0$，所以 $H \neq 0$，梯度能传到每个参数；但各单元的输入、权重完全相同，得到的梯度也相同，永远是同一个单元的复制品。
# 2. 沿 $C$ 直接回传只乘 $F_t \le 1$，这条路不会爆炸；但 $F, I, O, \tilde C$ 都依赖 $H_{t-1}$，经 $U$ 的那条路照样乘 $U^{\mathsf T}$。$U$ 大到一定程度，后者占上风。
#
# </details>

# %% [markdown]
# ## 四、应对办法
# *The remedies, one at a time*
#
# 笔记 002 的清单：激活函数、初始化、正则化、归一化、残差结构、梯度裁剪。前几种是对网络的改动，各改一处，其余不变，任务是 6.2 节的数字求和（$L = 12$）。

# %%
# 摘自 chapter6.extras.gradient_remedies: LAYERS, make_optimizer, train, singular_value, remedies

# %% [markdown]
# 全部十七种训练要几分钟（`python -m chapter6 run gradients`）；这里只训练五种，一个种子，约十五秒。想看别的，把名字加进 `chosen`。

# %%
chosen = ("none", "small", "identity", "residual", "LSTM")  # ← 改这里：LAYERS 中的名字，或 "L2 0.003"、"zeros"
trained = tools.train_here(training for training in remedies(run) if training.remedy in chosen)

figure, (axes,) = plot.panels(1, size=(6.0, 0.45 * len(trained) + 1.0))
plot.bars(axes, [each["remedy"] for each in trained], [[each["test_accuracy"]] for each in trained])
plot.accuracy_axis(axes, "x")
for each in trained:
    value = each["singular_value"]
    shown = "–" if value is None else f"{value:.2f}"
    print(f"{each['remedy']:10} 测试准确率 {each['test_accuracy']:.2f}   训练后 U 的最大奇异值 {shown}")

# %% [markdown]
# 这里 $0.01\,N$ 的初始化明显有害，单位矩阵与残差连接居前。一个种子不足以排名；十个种子的结果见小结。
#
# ### 梯度截断（笔记称“裁剪”）改变方向吗？
# 三种截断对同一个梯度做了什么？先看一个小例子：两个参数，梯度分别为 $(6, 8)$ 和 $(1)$，阈值 $v = 5$。

# %%
# 摘自 chapter6.sec_6_4_gradient_explosion: CLIPS

rows = []
for kind, make in CLIPS.items():
    parameters = [paddle.create_parameter([size], "float32") for size in (2, 1)]
    pairs = list(zip(parameters, [paddle.to_tensor([6.0, 8.0]), paddle.to_tensor([1.0])], strict=True))
    clip = make(5.0)  # ← 改这里：阈值 v
    after = [gradient.tolist() for _, gradient in (clip(pairs) if clip else pairs)]
    before = [gradient.tolist() for _, gradient in pairs]
    g, h = (np.concatenate(each) for each in (before, after))
    numbers = " ".join(f"{x:.3f}" for x in h)
    rows.append([kind, numbers, f"{np.linalg.norm(h):.3f}", f"{g @ h / np.linalg.norm(g) / np.linalg.norm(h):.4f}"])
header = [Text("clipping", "截断"), Text("gradient after", "截断后的梯度"), Text("norm", "模"), Text("cosine", "余弦")]
tools.show(Table(Text("The gradient (6, 8), (1)", "梯度 (6, 8)、(1)"), header, rows))

# %% [markdown]
# 按值截断把每个分量各砍一刀，`ClipGradByNorm` 对每个参数各缩一次，两者都改变了整个梯度的方向；只有 `ClipGradByGlobalNorm`（论文中的做法）不改变。6.4 节（书中 6.2 节）用的是 `ClipGradByNorm`。在那里真实的第一步梯度上：

# %%
# 摘自 chapter6.extras.gradient_explosion: directions

clipped = directions(run)
tools.show(remedies_figures.table_of_clipping(tools.record(run, {"remedies": {"directions": clipped}})))

# %% [markdown]
# ## 五、截断的随时间反向传播
# *Truncated BPTT*
#
# 另一种“截断”：梯度只回传 $k$ 步，时间与内存取决于 $k$ 而非 $L$。前向计算不变，状态照样一路传下去，只是在每段的开头 `detach`：
#
# $$\frac{\partial \mathcal L}{\partial U} = \sum_{t=1}^{L} \frac{\partial \mathcal L}{\partial H_t} \frac{\partial^{+} H_t}{\partial U}
# \;\approx\; \sum_{t=L-k+1}^{L} \cdots$$
#
# `against_full` 在训练之前比较截断的梯度与完整的梯度：相对误差与夹角的余弦。

# %%
# 摘自 chapter6.extras.gradient_truncation: TruncatedSRN, train_truncated, against_full, truncated

X = paddle.randn([2, 12, 4])
short, long = TruncatedSRN(4, 3, k=4), TruncatedSRN(4, 3, k=12)
long.set_state_dict(short.state_dict())
same = paddle.allclose(short(X)[1], long(X)[1]).item()
print("末状态 [1, B, D] =", list(short(X)[1].shape), "  k = 4 与 k = 12 的末状态相同：", same)

# %%
part = {"trainings": trained, "truncated": tools.train_here(truncated(run))}  # k = 8, 11；k = 12 即上面的普通 SRN
record = tools.record(run, {"remedies": part})
tools.show(remedies_figures.table_of_truncation(record), remedies_figures.draw_truncation(record))

# %% [markdown]
# $k = 8$ 时梯度的方向与完整的几乎一样（余弦 0.999），却没有学到多少：答案就藏在最前面两个数字里，缺的那一点恰好是唯一有用的信号，而且它本来就因为梯度消失而很小。只看梯度的误差会误判。
#
# ### 动手改一改
# 回到 `path` 或 `INITIALISATIONS`，或者在 `LAYERS` 中加一行自己的层（接收 $M, D$，返回循环层），把名字写进 `chosen`，例如 ReLU 加单位矩阵：`"irnn": lambda M, D: Recurrent(partial(SRNCell, U_attr=Assign(np.eye(D)), activation="relu"), M, D)`。
#
# ### 思考
# $k = 11$ 时，第 1 个数字得不到任何梯度，为什么准确率仍远高于瞎猜（0.10）？
#
# <details><summary>参考答案</summary>
#
# 参数是各步共用的：网络从第 2 个数字学会怎样嵌入、写入、保持，第 1 个数字经过的是同一组 $E$、$W$、$U$，只是早一步。但没有信号告诉网络两个数字该怎样区分、相加，所以仍不如完整的 BPTT。$k = 8$ 时连第 2 个数字也够不着，就没有这样的便宜了：依赖关系有多长，$k$ 大体上就要多长。
#
# </details>

# %% [markdown]
# ## 小结
#
# - 连乘决定一切：1.01 与 0.99 一千次方之后相差近九个数量级；误差面因此不是平就是陡。
# - 截断防止一步跳出墙外，但不能使消失的梯度复活；要方向不变，用全局模。
# - 完整的实验（`python -m chapter6 run gradients --seeds 10`，$L = 12$，普通 SRN 0.74 ± 0.05）：残差连接 0.96 ± 0.02 最有效，其次 $U = I$ 0.92、LSTM 0.84、温和的 L2 0.83；ReLU 与批归一化未见分晓；过强的权重衰减使 $U$ 缩小，记忆随之消失（0.10、0.16）。
# - $k = 8$ 的截断 BPTT：0.16 ± 0.04，与瞎猜相差无几。
#
# **下一步：** [slot_filling](slot_filling.ipynb)，槽位填充；饱和如何发生，见 [6.4](sec_6_4_gradient_explosion.ipynb)。
