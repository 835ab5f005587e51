# %% [markdown]
# # 6.4 SRN 的梯度爆炸实验
#
# *Gradient explosion in a simple recurrent network*
#
# 视频 6.4 · 书中 6.2 节 · 代码 `chapter6/sec_6_4_gradient_explosion.py`
#
# **问题：** SRN 的梯度为什么会爆炸，爆炸之后发生什么，梯度截断能解决到什么程度？
#
# **你会看到：** 梯度怎样逐步相乘；爆炸在哪一步发生，tanh 怎样随之饱和、学习怎样停止；四种截断的算式与手工核对；书中的设置与一个较温和的设置，后者中截断决定能否学会。
#
# 全文计算约半分钟，不需要 GPU 和网络。标有“摘自”的单元格是课程代码的原文，改动后重新运行，后面即按改动后的代码计算。

# %%
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import nndl
from chapter6 import sec_6_4_findings as findings
from chapter6.lab.lesson import Run
from chapter6.lab.report import Table
from chapter6.lab.training import Training, fit
from chapter6.sec_6_2_srn_memory import find_data, make_loaders
from nndl import plot
from nndl.dataset import DATA, digit_sum

import numpy as np
import paddle
from paddle import nn

# %% [markdown]
# ## SRN 梯度爆炸实验：实验说明
#
# *The experiment*
#
# 数据、模型与 6.2 节相同，$L = 20$。为了让爆炸容易出现，书中改了三处：
#
# | | 6.2 节 | 本节 | 作用 |
# |---|---|---|---|
# | 损失 | 一批的平均 | 一批的**和**（`reduction="sum"`） | 梯度放大到 64 倍 |
# | 优化 | Adam，0.001 | **SGD**，学习率 **0.2** | 梯度多大，步子就多大 |
# | 批 | 8 | 64 | 300 个样本，每回合 5 步，共 50 回合 |
#
# ### SRN 的主要问题
#
# 随时间反向传播（backpropagation through time, BPTT）每退一步就乘以一个雅可比矩阵：
#
# $$\frac{\partial H_L}{\partial H_t} = \prod_{s=t+1}^{L} \mathrm{diag}(1 - H_s^2)\, U^{\top}$$
#
# 十九个因子的乘积，要么越来越大（**梯度爆炸**，exploding gradient），要么越来越小（**梯度消失**，vanishing gradient），很难恰好不变：

# %%
for factor in (0.8, 0.95, 1.0, 1.05, 1.25):
    print(f"{factor} 的 19 次方 = {factor**19:.3g}")

# %% [markdown]
# 真实的网络也是这样。取一个未训练的模型，把 $U$ 放大或缩小，看损失的梯度传到每一步输入 $X_t$ 时还有多大：

# %%
train_loader, _, _ = make_loaders(digit_sum.provide(DATA, 20), batch_size=64)
X, y = train_loader[0]


def reaching(scale: float) -> np.ndarray:
    """损失对每一步输入的梯度范数，U 乘以 scale。"""
    nndl.runtime.seed_everything(0)
    model = nndl.Model_RNN4SeqClass(nndl.SRN(32, 32), 10, 32, 32, 19)
    model.rnn_model.U.set_value(model.rnn_model.U * scale)
    vectors = model.embedding(X).detach()
    vectors.stop_gradient = False
    _, H = model.rnn_model(vectors)
    loss = nn.CrossEntropyLoss(reduction="sum")(model.linear(H[0]), y)
    (gradient,) = paddle.grad(loss, vectors)  # [B, L, M]
    return gradient.square().sum(axis=[0, 2]).sqrt().numpy()


scales = (0.5, 1.0, 2.0, 4.0)  # ← 可以改
figure, (axes,) = plot.panels(1, size=(5.6, 3.0))
for scale, look in zip(scales, plot.LOOKS, strict=False):
    axes.plot(range(1, 21), reaching(scale), label=f"U × {scale:g}", **look)
axes.set(
    xlabel=plot.both("step", "步数") + " t",
    ylabel=plot.both("gradient of X", "X 的梯度范数"),
    xticks=[1, 5, 10, 15, 20],
)
plot.log_axis(axes, 1e-9)
plot.legend(figure)

# %% [markdown]
# 从右往左读：损失在 $t = 20$，越早的时刻梯度要乘越多次。$U$ 小则消失；$U$ 大则早期时刻的梯度反而更大，即爆炸。梯度爆炸相对容易对付：截断即可（本节）。梯度消失则要改变模型，例如 LSTM（6.5 节）。

# %% [markdown]
# ## SRN 梯度爆炸实验：复现梯度爆炸实验
#
# *Provoking it*
#
# 要看的量是每一步 $W$、$U$、$b$ 的梯度的 $L_2$ 范数：
#
# $$\lVert g \rVert_2 = \sqrt{\textstyle\sum_i g_i^2}$$
#
# 先手工走几步。`CLIPS` 是四种截断，第一种是不截断；其余的下一节再看。

# %%
# 摘自 chapter6.sec_6_4_gradient_explosion: CLIPS


# %%
def walk(clip: str, learning_rate: float = 0.2, steps: int = 8) -> Table:
    """从同一个模型出发走几步，记录损失、梯度范数和 tanh 的饱和程度。"""
    nndl.runtime.seed_everything(0)
    model = nndl.Model_RNN4SeqClass(nndl.SRN(32, 32), 10, 32, 32, 19)
    W, U, b = model.rnn_model.W, model.rnn_model.U, model.rnn_model.b
    optimizer = paddle.optimizer.SGD(learning_rate, parameters=model.parameters(), grad_clip=CLIPS[clip](5.0))
    rows = []
    for step, (X, y) in enumerate(islice(cycle(train_loader), steps), start=1):
        H, last = model.rnn_model(model.embedding(X))
        loss = nn.CrossEntropyLoss(reduction="sum")(model.linear(last[0]), y)
        loss.backward()
        norms = [f"{p.grad.square().sum().sqrt().item():,.1f}" for p in (W, U, b)]  # 范数的公式
        slope, U_before = (1 - H**2).mean().item(), U.clone()
        optimizer.step()
        optimizer.clear_grad()
        moved = ((U - U_before).norm() / U_before.norm()).item()
        rows.append([str(step), f"{loss.item() / len(y):.1f}", *norms, f"{slope:.4f}", f"{moved:.0%}"])
    header = ["步", "每个样本的损失", "‖W 的梯度‖", "‖U 的梯度‖", "‖b 的梯度‖", "1 − H² 的平均", "U 移动了"]
    return Table(findings.NAMES[clip], header, rows)


tools.show(walk("none"))  # ← 可以改学习率：walk("none", learning_rate=0.02)

# %% [markdown]
# 第一步的梯度已经很大，乘以 0.2 之后，一步就把 $U$ 移动了自身大小的一倍以上；于是 tanh 饱和，$1 - H^2$ 的平均降到接近 0。公式中每个因子都含 $1 - H_s^2$：**饱和之后，爆炸就变成了消失**，网络停在一个很差的地方。随机猜测的损失是 $\ln 19 \approx 2.94$，这里高得多。
#
# 下面是课程代码中完整的训练，五要素各占一行；`GradientNormRecorder` 在每次反向传播之后、更新之前记录范数（书中写在 `custom_print_log` 里）。四种截断各训练一个模型：`book` 是书中的设置，`gentle` 的学习率低到十分之一，留到最后比较。

# %%
# 摘自 chapter6.sec_6_4_gradient_explosion: PARAMETERS, LARGEST, train, _of_srn, _round, _trainings

run = tools.prepare("6.4", gentle_epochs=100)
book = tools.train_here(_trainings(run, run.settings.epochs, run.settings.learning_rate))
gentle = tools.train_here(_trainings(run, run.settings.gentle_epochs, run.settings.gentle_learning_rate))
record = tools.record(run, {"book": book, "gentle": gentle})

free = book.where(clip="none")[0]
rows = [
    [str(step), *(f"{free['gradient_norms'][name][step]:.3g}" for name in "WUb")]
    for step in (*range(8), 20, 50, 100, 200, 249)
]
tools.show(Table("不截断时的梯度范数", ["步", "W", "U", "b"], rows))

# %% [markdown]
# 书中图 6.8：

# %%
tools.show(tools.pick(findings.figures(record), "6.8"))

# %% [markdown]
# 范数在最初几步冲到上千，此后几十步里大起大落，最后几乎为 0：不是学好了，而是学不动了。
#
# ### 动手改一改
# 什么时候不爆炸？降低学习率，或在 `walk` 中把 `reduction="sum"` 改成 `"mean"`。

# %%
tools.show(walk("none", learning_rate=0.002, steps=6))  # ← 改这里

# %% [markdown]
# ## SRN 梯度爆炸实验：解决梯度爆炸问题
#
# *Gradient clipping*
#
# 梯度截断（gradient clipping）限制步子的大小。设阈值为 $v$：
#
# | | 算式 | 对象 |
# |---|---|---|
# | 按值截断 | $g_i \leftarrow \min(\max(g_i, -v), v)$ | 每个元素 |
# | 按模截断 | $g \leftarrow g \cdot \dfrac{v}{\max(\lVert g \rVert, v)}$ | **每个参数**的梯度各自计算 |
# | 按全局模截断 | 同上，但 $\lVert g \rVert$ 取全部参数 | 所有参数一起 |
#
# 用可以口算的梯度核对：两个参数，$g^{(1)} = (6, 8)$，范数 10；$g^{(2)} = (1, 2)$，范数 $\sqrt 5 \approx 2.24$；$v = 5$。

# %%
v = 5.0  # ← 可以改
gradients = [np.array([6.0, 8.0]), np.array([1.0, 2.0])]
total = np.sqrt(sum((g**2).sum() for g in gradients))  # 全局模
by_hand = {
    "none": gradients,
    "value": [np.clip(g, -v, v) for g in gradients],
    "norm": [g * v / max(np.sqrt((g**2).sum()), v) for g in gradients],
    "global_norm": [g * v / max(total, v) for g in gradients],
}

rows = []
for name, make in CLIPS.items():
    clip, pairs = (
        make(v),
        [(paddle.create_parameter([2], "float32"), paddle.to_tensor(g, dtype="float32")) for g in gradients],
    )
    paddles = [g.numpy() for _, g in (clip(pairs) if clip else pairs)]
    both = np.concatenate(paddles)
    cosine = both @ np.concatenate(gradients) / (np.linalg.norm(both) * total)
    agrees = all(np.allclose(a, b, atol=1e-5) for a, b in zip(paddles, by_hand[name], strict=True))
    numbers = ["(" + ", ".join(f"{x:.3g}" for x in g) + ")" for g in paddles]
    rows.append(
        [
            findings.NAMES[name].zh,
            *numbers,
            "一致" if agrees else "不一致",
            f"{np.linalg.norm(both):.2f}",
            f"{cosine:.3f}",
        ]
    )
tools.show(
    Table("飞桨的截断与手工计算", ["", "第一个参数", "第二个参数", "与手工", "合起来的范数", "与原方向的余弦"], rows)
)

# %% [markdown]
# 只有**按全局模**不改变方向。按模截断（书中用的 `nn.ClipGradByNorm`）对每个参数分别计算：大的被压小，小的不动，方向变了，合起来的范数也可以超过 $v$；有 $K$ 个参数时上界是 $v\sqrt K$。Pascanu 等（2013）提出、文献中通常所说的截断是全局的，即 `nn.ClipGradByGlobalNorm`。
#
# 截断之后再走同样的几步：

# %%
tools.show(walk("norm"), walk("global_norm"))

# %% [markdown]
# 表中是截断**之前**的梯度，更新用的不超过 5。所以一步最多把 $U$ 移动 $0.2 \times 5 = 1$，而 $\lVert U \rVert$ 开始时约为 5.7：爆炸止住了，$1 - H^2$ 不再是 0，但每一步仍然很大。书中图 6.9，左为截断之前，右为更新所用：

# %%
tools.show(tools.pick(findings.figures(record), "6.9"))

# %% [markdown]
# 梯度到最后仍然有效。但学会了吗？再看一个较温和的设置：学习率 0.02，100 回合（完整的一课是 300 回合），其余相同。

# %%
tools.show(*findings.tables(record), tools.pick(findings.figures(record), "strategies"))

# %% [markdown]
# 学习率 0.2 时，截断与否都学不会（随机猜测为 0.05）：截断防止了饱和，但步子还是太大。学习率 0.02 时，不截断仍然学不会，按模和按全局模截断则明显学到了东西，**截断决定能否学会**。同样的阈值下，按值截断几乎不起作用：每个元素不超过 5，1,024 个元素合起来仍可达到 $5 \times 32 = 160$。
#
# 课程代码的判定（一个种子，所以都是“未定”）：

# %%
tools.show(findings.claims(record))

# %% [markdown]
# ### 动手改一改
# 换一个学习率或阈值，找到 100 回合内测试准确率最高的组合。

# %%
learning_rate, clip_at, clip = 0.005, 5.0, "global_norm"  # ← 改这里
own = tools.prepare("6.4", clip_at=clip_at)
wanted = [training for training in _trainings(own, 100, learning_rate) if training.clip == clip]
(found,) = tools.train_here(wanted)
print(
    f"学习率 {learning_rate}，{findings.NAMES[clip].zh} v = {clip_at:g}：测试准确率 {found['test_accuracy']:.2f}（一个种子）"
)

# %% [markdown]
# ### 思考
#
# **1.** 损失用 `sum` 与用 `mean`，只是差一个倍数 64。为什么 SGD 会爆炸，而 Adam 几乎不受影响？
#
# <details><summary>参考答案</summary>
#
# SGD 的步长与梯度成正比，损失乘以 64 等于学习率乘以 64：这里相当于 12.8。Adam 用梯度除以其均方根，倍数被约去。但 Adam 也可能受单个极大梯度之害：它会长久留在均方根里，使之后的步子过小。
#
# </details>
#
# **2.** 截断能解决梯度消失吗？
#
# <details><summary>参考答案</summary>
#
# 不能。截断只缩小过大的梯度；消失的梯度需要改变模型（LSTM、残差连接）或初始化（$U = I$）。但它能防止由爆炸引起的饱和，从而避免**那一种**消失。
#
# </details>
#
# **3.** 为什么说按模截断“不改变方向”并不准确？
#
# <details><summary>参考答案</summary>
#
# 对单个参数的梯度，方向不变；对全部参数合成的梯度，`ClipGradByNorm` 各自缩放，比例不同，方向就变了（上表余弦小于 1）。只有全局模对所有参数用同一个比例。
#
# </details>
#
# **4.** 阈值 $v$ 应怎样选？
#
# <details><summary>参考答案</summary>
#
# 先不截断训练一小段（学习率小一些），看梯度范数通常有多大，取略高于常见值。要紧的是 学习率 × $v$ 与权重大小之比：本例中为 1 比 5.7 时学不会，0.1 比 5.7 时可以。
#
# </details>

# %% [markdown]
# ## 小结
#
# - BPTT 的梯度是一串雅可比矩阵之积，不是爆炸就是消失。
# - 爆炸使权重飞走，tanh 饱和，随后梯度几乎为 0，学习停止。
# - 截断限制步子：按值、按模（每个参数）、按全局模；只有全局模不改变方向。
#
# 完整的一课（`python -m chapter6 run 6.4`，三个种子）：不截断时梯度急剧上升、随后几乎为 0、学习停止，成立；按模截断时梯度保持有效，成立；“准确率略有提高”在书中的设置下**未定**，截断与否都是 0.08 ± 0.01；学习率为 0.02（300 回合）时为 0.45 ± 0.02 对 0.09（出自[长时间的实测](../guide/MEASURED_LONG_cn.md)）。
#
# **下一步：** [6.5](sec_6_5_lstm_memory.ipynb) 用 LSTM 对付梯度消失；练习与拓展 [gradient_lab](gradient_lab.ipynb) 画出误差面上的“墙”，并比较各种办法。
