# %% [markdown]
# # 循环单元对比
# *Cells compared: every cell that the course names, and one of your own*
#
# 练习与拓展 · 动手练习 6.1（残差连接）、6.4（GRU）· 对应学习笔记 001“艾尔曼网络和约旦网络”、“怎么解决”与笔记 003 的门控单元 · 代码：`chapter6/extras/cells_compared.py`，各单元的公式在 `nndl/op/cell.py` 与 `nndl/op/cell_variants.py`
#
# 循环网络怎样把状态从一步传到下一步，办法有很多。这里把课程提到的十三种放在一起：
#
# 1. 一个单元只有两个函数：`project` 与 `step`；
# 2. 十三种单元的公式，以及“一个脉冲过后”谁记得最久；
# 3. 三个需要长程记忆的任务，什么叫“平凡答案”；
# 4. 参数数目相同才公平；
# 5. **写一个自己的单元**，与 SRN、GRU、LSTM 一起训练。
#
# 从头到尾约半分钟。

# %%
import inspect
from bisect import bisect_left
from collections.abc import Callable
from functools import cache
from math import isqrt
from pathlib import Path
from typing import Any, NamedTuple

from chapter6.extras import cells_findings as findings
from chapter6.extras.presets.cells import HELD_OUT
from chapter6.lab.lesson import Run
from chapter6.lab.report import Table
from chapter6.lab.text import Text
from chapter6.lab.training import Training, fit
from chapter6.sec_6_2_srn_memory import find_data
from chapter6.sec_6_2_srn_memory import make_loaders as digit_sum_loaders
from nndl import op, plot
from nndl.dataset import digit_sum, long_memory
from nndl.error import SettingError
from nndl.op.cell import ACTIVATIONS, Cell, LSTMCell, SRNCell
from nndl.op.setting import probability, whole
from nndl.op.state import State

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor, concat, nn, split, where

# %% [markdown]
# ## 一、一个单元就是一个公式
# *One equation a cell*
#
# 单元只管一步，不管时间、层数、方向。它把一步分成两半：
#
# - `project`：与状态无关的部分，$X W + b$，所有时刻一次算完；
# - `step`：其余部分，拿着投影好的输入 $[B, G \cdot D]$ 与上一步的状态，返回（输出，新状态）。$G$ 是门的个数，几个门的权重并排放着。
#
# SRN 的 `step` 只有一行。下面是它的源代码，把名字换成 `GRUCell`、`LSTMCell`、`LayerNormSRNCell`、`BatchNormSRNCell`、`ResetBeforeGRUCell`、`PeepholeLSTMCell` 看看别的：

# %%
name = "SRNCell"  # ← 改这里
print(inspect.getsource(getattr(op, name).step))

# %%
cell = op.SRNCell(3, 4)  # M = 3, D = 4
X_t, H = paddle.randn([2, 3]), paddle.zeros([2, 4])  # B = 2
projected = cell.project(X_t)
output, H = cell.step(projected, H)
print("X_t", list(X_t.shape), " X_t W + b", list(projected.shape), " H_t", list(H.shape))

# %% [markdown]
# ## 二、十三种单元
# *Thirteen cells*
#
# 记 $A_t = X_t W + H_{t-1} U + b$。
#
# | 单元 | 公式 | 出处与要点 |
# |---|---|---|
# | SRN | $H_t = \tanh(A_t)$ | Elman 1990：反馈隐状态 |
# | Jordan | $H_t = \tanh(X_t W + Y_{t-1} U + b),\; Y_t = \tanh(H_t V + c)$ | Jordan 1986：反馈**输出** |
# | ResidualSRN | $H_t = H_{t-1} + \tanh(A_t)$ | 练习 6.1：隐状态之间的残差连接 |
# | LayerNormSRN | $H_t = \tanh(\mathrm{LN}(X_t W + H_{t-1} U))$ | 每个序列在各单元上归一化 |
# | BatchNormSRN | $H_t = \tanh(\mathrm{BN}_t(X_t W + H_{t-1} U))$ | 每个单元在批内归一化，各时刻有自己的滑动平均 |
# | IRNN | $H_t = \mathrm{ReLU}(A_t)$，起初 $U = I$ | Le 等 2015，笔记 001 的“单位矩阵 + ReLU” |
# | SCRN | $S_t = (1-\alpha) X_t B + \alpha S_{t-1},\; H_t = \sigma(A_t + S_t P)$ | Mikolov 等 2014：一部分状态变化缓慢 |
# | Clockwork | 到点的组 $H_t = \tanh(A_t)$，其余不变 | Koutník 等 2014：各组每 1、2、4、8 步更新一次 |
# | GRU | $\tilde H_t = \tanh(X_t W_c + R_t \odot (H_{t-1} U_c) + b_c),\; H_t = Z_t \odot H_{t-1} + (1 - Z_t) \odot \tilde H_t$ | 练习 6.4，Paddle 的写法：重置门在乘积之后 |
# | ResetBeforeGRU | $\tilde H_t = \tanh(X_t W_c + (R_t \odot H_{t-1}) U_c + b_c)$ | 书中的写法：重置门在乘积之前 |
# | LSTM | $C_t = F_t \odot C_{t-1} + I_t \odot \tilde C_t,\; H_t = O_t \odot \tanh(C_t)$ | 6.5 节 |
# | PeepholeLSTM | $I_t, F_t$ 另加 $p \odot C_{t-1}$，$O_t$ 另加 $p \odot C_t$ | 窥视孔：门看得见记忆 |
# | CoupledLSTM | $C_t = F_t \odot C_{t-1} + (1 - F_t) \odot \tilde C_t$ | 忘多少才写多少 |
#
# 其中六种的全部代码如下，可以直接改；`CELLS` 用的就是这里的类。

# %%
# 摘自 nndl.op.cell_variants: JordanCell, ResidualSRNCell, IRNNCell

# %%
# 摘自 nndl.op.cell_variants: SCRNCell, ClockworkCell

# %%
# 摘自 nndl.op.cell_variants: CoupledLSTMCell

# %%
# 摘自 chapter6.extras.cells_compared: CELLS, class_of, make_layer, Outputs

CELLS |= {"Jordan": JordanCell, "ResidualSRN": ResidualSRNCell, "IRNN": IRNNCell}
CELLS |= {"SCRN": SCRNCell, "Clockwork": ClockworkCell, "CoupledLSTM": CoupledLSTMCell}
print(len(CELLS), "种单元：", ", ".join(CELLS))

# %% [markdown]
# ### 拆开看：时钟循环网络
# 八个单元分成四组，周期 1、2、4、8。哪一步更新哪些单元？`mask` 说明谁看得见谁：快的组看得见慢的，反过来不行。

# %%
clock = ClockworkCell(1, 8, groups=4)
print("周期  ", clock.periods.astype("int64").tolist()[0])
for t in range(9):
    print(f"t = {t}  ", "  ".join("更新" if t % period == 0 else " ·· " for period in clock.periods.tolist()[0]))
print("mask [从, 到] =")
print(clock.mask.astype("int64").numpy())

# %% [markdown]
# ### 一个脉冲过后
# 不训练，只看天性。第 0 步输入一个 1，此后全是 0；与从未输入过的同一网络相比，输出还差多少？差别消失，就是忘了。这与 `gradient_lab` 中的“梯度能传多远”是一件事的两面。


# %%
def pulse(name: str, seed: int, D: int = 32, steps: int = 40) -> list[float]:
    """How far the outputs are from those without the pulse, over that distance at the first step."""
    nndl.runtime.seed_everything(seed)
    layer = make_layer(CELLS[name], 1, D)
    layer.eval()
    X = paddle.zeros([2, steps, 1])  # 两个序列：有脉冲的，没有脉冲的
    X[0, 0] = 1.0
    outputs, _ = layer(X)
    distances = (outputs[0] - outputs[1]).norm(axis=-1).tolist()
    return [distance / distances[0] for distance in distances]


groups = {
    plot.both("one state", "单一状态"): ("SRN", "Jordan", "ResidualSRN", "LayerNormSRN", "BatchNormSRN", "IRNN"),
    plot.both("several speeds", "几种速度"): ("SRN", "SCRN", "Clockwork"),
    plot.both("gates", "门控"): ("SRN", "GRU", "ResetBeforeGRU", "LSTM", "PeepholeLSTM", "CoupledLSTM"),
}
figure, panels = plot.panels(3, size=(4.0, 3.4))
for axes, (title, names) in zip(panels, groups.items(), strict=True):
    for look, name in zip([plot.LOOKS[1], plot.LOOKS[0], *plot.LOOKS[2:]], names, strict=False):
        left = np.median([pulse(name, seed) for seed in range(5)], axis=0)  # 五组随机权重的中位数
        axes.plot(left, **{**look, "marker": ""}, label=name)
    axes.set(title=title, xlabel=plot.both("steps after", "之后的步数"), yscale="log", ylim=(1e-6, 1e3))
    axes.legend(fontsize="x-small", loc="lower left")
_ = panels[0].set_ylabel(plot.both("what is left", "还剩多少"))

# %% [markdown]
# 对数坐标上的直线表示每步缩小同样的倍数。
#
# - 左：SRN 与 Jordan 逐渐忘记；IRNN 原样保持，残差连接甚至越传越大。层归一化把再小的状态也放大回来，所以差别往往不消失；批归一化刚建好时滑动平均还是 0 与 1，与 SRN 重合。
# - 中：SCRN 先快后慢，慢的部分每步只乘 0.95；时钟网络的慢组不到点就原样保持，曲线成阶梯。
# - 右：LSTM 与 GRU 刚建好时**忘得比 SRN 还快**：门开一半，每步剩一半左右。它们的长处不是天性，而是门可以学。
#
# 同一种单元换一个种子，40 步之后可以相差百倍（试试 `pulse("SRN", 2)` 与 `pulse("SRN", 3)` 的最后一个数），所以取五个种子的中位数。
#
# ### 动手改一改
# 在上面的 `SCRNCell` 里把 `alpha` 的默认值改成 0.99，或把 `ClockworkCell` 的 `groups` 改成 6（周期到 32），重新运行到这里：曲线怎样变？
#
# ### 思考
# 1. 练习 6.1：残差连接对 $H_{t-1}$ 的导数是什么？为什么它不会消失，却可能爆炸？
# 2. IRNN 起初能保持一切，为什么还要学？$U$ 离开 $I$ 之后还能保持吗？
#
# <details><summary>参考答案</summary>
#
# 1. $\partial H_t / \partial H_{t-1} = I + \mathrm{diag}(1 - \tanh^2) U^{\mathsf T}$（写法同 6.4 节）。多了一个 $I$，连乘里总有一条不衰减的路；但特征值也容易超过 1。状态没有上界，$L$ 步之后可达 $L$ 的量级，所以还要靠截断梯度。
# 2. 原样保持一切等于什么也没挑：网络要学会写入什么、不写入什么。学的过程中 $U$ 会离开 $I$，训练因此不稳定，学习率须小。
#
# </details>

# %% [markdown]
# ## 三、三个任务与平凡答案
# *Three tasks, and the answer that needs no memory*
#
# - **数字求和**（6.2 节）：$L$ 个数字，答前两个之和；
# - **加法问题**：$T$ 个 $[0, 1]$ 之间的数，其中两个作了标记，答这两个之和；
# - **复制任务**：先读十个符号，隔 $T$ 个空白，再把它们依次说出来。
#
# 误差要和**平凡答案**（不需要记忆的最佳常数答案）相比：等于它，就是什么也没记住。

# %%
X, y = long_memory.adding(seed=0, N=10_000, T=15)
print("加法问题  X", X.shape, " y", y.shape)
print("  数  ", X[0, :, 0].round(2))
print("  标记", X[0, :, 1].astype(int))
print(
    "  答案",
    y[0].round(2),
    " 总答 1 的均方误差",
    round(float(((y - 1) ** 2).mean()), 4),
    " 理论值 2 × 1/12 =",
    round(1 / 6, 4),
)

ids, labels = long_memory.copying(seed=0, N=1, T=5)
print("复制任务  输入", ids[0])
print("          答案", labels[0], " 平凡答案的交叉熵 10 ln 8 / (T + 20) =", round(long_memory.copying_baseline(5), 3))

# %% [markdown]
# 加法问题的基准常被写成 0.1767；它其实是 1/6（两个均匀分布之和的方差）。没有这个基准，“误差 0.17”看上去像是学到了什么。
#
# 每个任务一个模型，只有循环层不同：

# %%
# 摘自 chapter6.extras.cells_compared: digit_sum_model, train_digit_sum, adding_model, train_adding

# %%
# 摘自 chapter6.extras.cells_compared: copying_model, train_copying, Task, TASKS

# %%
# 摘自 chapter6.extras.cells_compared: make_loaders, learn

# %% [markdown]
# ## 四、参数数目相同
# *As many parameters*
#
# $D$ 相同的 LSTM 有 SRN 四倍的参数，赢了也说明不了什么。所以先定参数总数，再为每种单元找出最接近的 $D$（参数数目随 $D$ 增大，二分查找）。

# %%
# 摘自 chapter6.extras.cells_compared: TOLERANCE, FEWEST_UNITS, count, match

budget, M = 2000, 8  # ← 改这里：参数总数
rows = []
for name in CELLS:
    D = match(budget, "adding", name, M)
    rows.append([name, str(D), f"{count(adding_model(CELLS[name], M, D)):,}"])
tools.show(
    Table(
        Text("Sizes for the adding problem", "加法问题：各单元的大小"),
        [Text("cell", "单元"), "D", Text("parameters", "参数")],
        rows,
    )
)

# %% [markdown]
# ### 思考
# 这样比较公平吗？还能怎么比？
#
# <details><summary>参考答案</summary>
#
# 参数相同是一种公平，计算时间相同、状态大小相同（记忆的容量）是另外两种，结论可能不同。GRU 的说法“参数较少而效果相当”就是在 $D$ 相同的前提下，所以课程里另有一行 SmallGRU：$D$ 与 LSTM 相同。此外各单元最合适的学习率不同，这里一律用同一个，对谁都不偏不倚，但也都不是最优。
#
# </details>

# %% [markdown]
# ## 五、写一个自己的单元
# *A cell of your own*
#
# 问题：GRU 有两个门，重置门值多少？去掉它，只留更新门：
#
# $$Z_t = \sigma(X_t W_z + H_{t-1} U_z + b_z), \qquad \tilde H_t = \tanh(X_t W_c + H_{t-1} U_c + b_c), \qquad
# H_t = Z_t \odot H_{t-1} + (1 - Z_t) \odot \tilde H_t$$
#
# 一个门加一个候选状态，`gates = 2`；参数 $W: M \times 2D$、$U: D \times 2D$、$b: 1 \times 2D$ 由 `Cell` 建好，只要写 `step`：


# %%
class MyCell(Cell):
    """A GRU without a reset gate."""

    gates = 2

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        # 两个门并排: X_t [W_z W_c] + b + H_{t-1} [U_z U_c]
        z, c = split(projected + state @ self.U, 2, axis=-1)
        # ↓ 改这里：你的公式
        Z_t, H_tilde = F.sigmoid(z), F.tanh(c)
        H = Z_t * state + (1 - Z_t) * H_tilde
        self.note(update_gate=Z_t, hidden_state=H)
        return H, H


CELLS["MyCell"] = MyCell
outputs, H = make_layer(MyCell, 3, 4, direction="bidirectional")(paddle.randn([2, 5, 3]))
print("双向、5 步：输出", list(outputs.shape), " 末状态", list(H.shape))

# %% [markdown]
# 多层、双向、不等长的序列、`paddle.nn.RNN`，它都已经能用了。先用手算核对一步，$M = D = 1$：

# %%
tiny = MyCell(1, 1).to(dtype="float64")
for parameter, value in zip(tiny.weights, ([[0.5, 1.0]], [[0.0, 2.0]], [[0.0, 0.0]]), strict=True):
    parameter.set_value(np.array(value))
_, H = tiny.step(tiny.project(paddle.to_tensor([[1.0]], dtype="float64")), paddle.to_tensor([[0.3]], dtype="float64"))
Z, candidate = 1 / (1 + np.exp(-0.5)), np.tanh(1.0 + 0.3 * 2.0)
print("单元", H.item(), "  手算", Z * 0.3 + (1 - Z) * candidate)

# %% [markdown]
# 现在让它与 SRN、GRU、LSTM 一起训练，参数各约 2000，各 250 步，一个种子：

# %%
# 摘自 chapter6.extras.cells_compared: trainings

nndl.runtime.seed_everything(0)
compared = ("SRN", "GRU", "LSTM", "MyCell")  # ← 改这里：CELLS 中的名字
run = tools.prepare("cells", lengths=(10,), adding_lengths=(15,))
wanted = []
for task in run.settings.tasks:
    for name in compared:
        D = match(run.settings.parameters, task, name, run.settings.input_size)
        wanted += trainings(run, task, name, CELLS[name], D)
results = [each | {"trivial": TASKS[each["task"]].trivial(each["length"])} for each in tools.train_here(wanted)]

record = tools.record(run, {"trainings": results})
record.settings["cells"] = compared
tools.show(*findings.tables(record))

# %% [markdown]
# 加法问题上差别一目了然：SRN 停在平凡答案（相对误差 1）附近，三种带门的单元都远低于它，没有重置门的 `MyCell` 并不比 GRU 差。数字求和则相反：250 步时 SRN 反而领先，带门的单元学得慢，还没有展开。步数、任务一变，名次就变，所以课程的完整设置训练 2000 步、三个种子。
#
# ### 动手改一改
# 1. 把 `MyCell` 改成别的：门不看状态（`z` 只用 `projected` 的一半）；$\tanh$ 换成 ReLU；或者加一条残差。
# 2. 在 `compared` 里加上 `"IRNN"`、`"Clockwork"` 或 `"ResidualSRN"`（各多几秒）。
# 3. 更新门的偏置从 0 改为 2（`self.b[:, :D]`，可在 `__init__` 末尾用 `set_value`）：起步时记得更久，数字求和会好些吗？
#
# 门学到了什么？看 `MyCell` 在一个加法样本上的更新门：作了标记的两步，许多单元的门变小（才写入）；其余各步门较大（保持）。

# %%
found = next(each for each in results if each["task"] == "adding" and each["model"] == compared[-1])
D = found["hidden_size"]
model = adding_model(CELLS[found["model"]], M, D)
nndl.RunnerV3(model, None, None, None).load_model(Path(found["folder"]) / "best.pdparams")
X, y = map(paddle.to_tensor, long_memory.adding(seed=2, N=1, T=15))
with op.recording(model[0].layer.cells[0]) as steps:
    answer = model(X).item()

figure, (axes,) = plot.panels(1, size=(7.0, 3.0))
marked = np.flatnonzero(X[0, :, 1].numpy())
gates = np.stack([step["update_gate"][0].numpy() for step in steps], axis=1)  # [D, T]
figure.colorbar(plot.heat_map(axes, gates), ax=axes, label=plot.both("update gate", "更新门"))
plot.mark_columns(axes, [f"{x:.2f}" for x in X[0, :, 0].tolist()], marked)
axes.tick_params(axis="x", labelsize="x-small")
axes.set(ylabel=plot.both("units", "单元"), xlabel=plot.both("numbers; framed: marked", "各步的数；加框者有标记"))
print(f"答案 {y.item():.3f}，模型 {answer:.3f}")

# %% [markdown]
# ### 思考
# 1. 加法问题为什么难倒 SRN，数字求和却没有？
# 2. 只凭这张表，能说“重置门没有用”吗？
#
# <details><summary>参考答案</summary>
#
# 1. 加法问题有标记的两步位置不定，其余的数必须**忽略**：写与不写要由输入决定，这正是门的本事；SRN 每步都把输入混进状态。数字求和要记的总是头两个，其后几乎全是 0，不需要挑选，只需要保持。
# 2. 不能。一个种子、两个任务、一种学习率；何况书中与 Paddle 的重置门位置还不同。能说的只是：在这个任务上，没有它也能学会。
#
# </details>

# %% [markdown]
# ## 小结
#
# - 一个单元就是 `project` 与 `step`；写好这两个函数，训练、双向、多层都现成。
# - 比较要先说清楚什么相同：这里是参数数目、数据、步数、学习率。
# - 完整的实验（`python -m chapter6 run cells --preset full --seeds 3`）：加法问题 $T = 100$，LSTM 均方误差 0.0017 ± 0.0013、GRU 0.0004 ± 0.0002，SRN 0.1713 ± 0.0023，比总答 1（1/6）还差；Jordan 并不比 SRN 好（相对误差 0.80 对 0.66）；残差连接有帮助（0.57 对 0.66），但只在数字求和上；最长的序列上时钟网络 0.53、IRNN 0.38，SRN 0.77；SCRN 未见分晓；“GRU 与 LSTM 相当”未定。
# - 要把自己的单元正式加入比较：在 `chapter6/extras/cells_compared.py` 的 `CELLS` 里加一行，名字写进 `presets/cells.py` 的 `OWN`，再运行一次 `python -m chapter6 run cells`，只训练新的。
#
# **下一步：** [手算循环网络](by_hand.ipynb)；[slot_filling](slot_filling.ipynb) 让这些单元逐词标注句子。
