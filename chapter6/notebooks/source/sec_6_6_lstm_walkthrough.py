# %% [markdown]
# # 6.6 LSTM 的记忆能力实验代码演示
#
# *The LSTM experiment, step by step*
#
# 视频 6.6 · 书中 6.3 节 · 代码 `chapter6/sec_6_6_lstm_walkthrough.py`
#
# **做什么：** 把 6.5 节的 LSTM 拆成三个门、三个状态，每个都打印出来；再看内部状态 $C$ 为什么像残差连接（residual connection）一样，是一条直连边。
#
# **你会看到：** 书中十二个小矩阵的写法与并列写法、与飞桨的写法数值相同；只用两个单元、手工设定权重的 LSTM，在任意长度上求和全对；沿直连边的梯度正好是遗忘门之积，以及一个意外：刚初始化的 LSTM 比 SRN 忘得更快。
#
# 全文计算约半分钟，不需要 GPU 和网络。标有“摘自”的单元格就是课程代码的原文，改动并重新运行它，后面的单元格就按改动后的代码计算。

# %%
from itertools import permutations
from math import prod
from typing import Any

import nndl
from chapter6 import sec_6_6_findings as findings
from chapter6.lab.lesson import Run
from chapter6.lab.record import Results
from chapter6.presets import MEMORY
from chapter6.sec_6_2_srn_memory import find_data, make_loaders, trainings
from chapter6.sec_6_3_srn_walkthrough import gap, load, look, make_model
from chapter6.sec_6_3_srn_walkthrough import unroll as unroll_srn
from chapter6.sec_6_5_lstm_memory import GATES, STATES, train
from nndl import plot
from nndl.dataset import digit_sum
from nndl.op import recording

import numpy as np
import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

nndl.runtime.seed_everything(0)

# %% [markdown]
# ## 权重 W、U、b：四组
#
# *The parameters*
#
# 三个门和候选状态各有自己的 $W_\ast\,[M, D]$、$U_\ast\,[D, D]$、$b_\ast\,[1, D]$，各时间步共用。程序里把四组并列成一个矩阵，一次乘积就算完四个：$W = [W_i\; W_f\; W_c\; W_o]$，形状 $[M, 4D]$。

# %%
# 摘自 chapter6.sec_6_6_lstm_walkthrough: ORDER, separate, count

M = D = 32
run = tools.prepare("6.6", epochs=60)
model = make_model(nndl.LSTM(M, D), M, D)
lstm = model.rnn_model
print({name: list(part.shape) for name, part in separate(lstm).items()})
counted = count(lstm, M, D)
tools.show(findings.parameters(counted))
print("4 (MD + D² + D) =", 4 * (M * D + D * D + D), "  实际：", counted["counted"])

# %% [markdown]
# ## 三个门、三个状态
#
# *Three gates and three states*
#
# | | 公式 | 作用 |
# |---|---|---|
# | 输入门 $I_t$ | $\sigma(X_t W_i + H_{t-1} U_i + b_i)$ | 候选状态写入多少 |
# | 遗忘门 $F_t$ | $\sigma(X_t W_f + H_{t-1} U_f + b_f)$ | 上一内部状态留下多少 |
# | 输出门 $O_t$ | $\sigma(X_t W_o + H_{t-1} U_o + b_o)$ | 内部状态给出多少 |
# | 候选状态 $\tilde C_t$ | $\tanh(X_t W_c + H_{t-1} U_c + b_c)$ | 想写入的内容，与 SRN 同式 |
# | 内部状态 $C_t$ | $F_t \odot C_{t-1} + I_t \odot \tilde C_t$ | 记忆 |
# | 输出状态 $H_t$ | $O_t \odot \tanh(C_t)$ | 给外部和下一步看的 |
#
# 门打开为 1，关闭为 0。注意遗忘门：**打开是记住，关上才是遗忘**。

# %%
# 摘自 chapter6.sec_6_6_lstm_walkthrough: step, unroll

digits = paddle.to_tensor([run.settings.digits])
X = model.embedding(digits)
steps = unroll(X, separate(lstm))
for name, value in steps[0].items():
    print(f"{name}_1", list(value.shape), value[0, :4].numpy().round(4))

# %% [markdown]
# 用 `nndl.op.recording` 可以记录算子每一步的门与状态，与上面逐一比较；再与 `paddle.nn.LSTM` 比较。

# %%
# 摘自 chapter6.sec_6_6_lstm_walkthrough: NOTED, compare_steps

compared = compare_steps(lstm, X)
tools.show(findings.steps(compared))
for name, value in compared["gaps"].items():
    print(f"{name:15} 最大误差 {value:.0e}")

# %% [markdown]
# 第 1 步 $C_0 = 0$，遗忘门没有可留的内容，所以 $C_1 = I_1 \odot \tilde C_1$。取表中第一个数自己乘一遍，再到第 2 步验证 $C_2 = F_2 C_1 + I_2 \tilde C_2$：

# %%
first, second = ({name: float(value[0, 0]) for name, value in terms.items()} for terms in steps[:2])
print(f"C_1 = {first['I']:.4f} × {first['C̃']:.4f} = {first['I'] * first['C̃']:.4f}，表中 {first['C']:.4f}")
by_hand = second["F"] * first["C"] + second["I"] * second["C̃"]
print(f"C_2 = {second['F']:.4f} × {first['C']:.4f} + {second['I']:.4f} × {second['C̃']:.4f} = {by_hand:.4f}")

# %% [markdown]
# ### 动手改一改
#
# 把某一组权重改掉，看哪些量跟着变。例如 `b_f` 加上 100，遗忘门全部打开，$C$ 就只写不忘。

# %%
changed = separate(lstm)
changed["b_f"] = changed["b_f"] + 100.0  # ← 改这里：换成 b_i、b_o，或减去 100
for t, (ours, other) in enumerate(zip(steps, unroll(X, changed), strict=True), start=1):
    sizes = (f"{float(terms['C'].abs().mean()):.3f}" for terms in (ours, other))
    print(f"第 {t:2} 步 |C| 的平均：原来 {next(sizes)}，改后 {next(sizes)}")

# %% [markdown]
# ## 初始状态
#
# *Initial states: handed in, or zeros*
#
# LSTM 的状态是一对 $(H, C)$。不传就是零；传入则可以把一个长序列分段读。

# %%
# 摘自 chapter6.sec_6_6_lstm_walkthrough: hand_in_states

tools.show(findings.states(hand_in_states(lstm, X)))

# %% [markdown]
# 分两半读、两个状态都传下去，与一口气读完相同；丢掉 $C$ 就不同了：$C$ 才是记忆。
#
# ## 飞桨中的门次序与两个偏置
#
# *The order of the gates in Paddle, and its two biases*
#
# `paddle.nn.LSTM` 的 `weight_ih_l0` 形状是 $[4D, M]$（转置），四部分的次序文档里不显眼。把我们的权重按全部 24 种次序抄进去，只有一种结果相同（表中是误差最小的四种）：

# %%
# 摘自 chapter6.sec_6_6_lstm_walkthrough: try_orders

tried = try_orders(lstm, X)
tools.show(findings.order(tried))
print(tried["shapes"])

# %% [markdown]
# 次序是 i、f、c̃、o。两个偏置相加后才起作用：上面故意给一个 $b/4$、另一个 $3b/4$，结果仍然相同。
#
# ### 动手改一改
#
# 把 0.25 与 0.75 改成和不为 1 的两个数，还有一致的次序吗？（直接在上面的 `try_orders` 里改，再运行。）
#
# ## 手工设定的 LSTM：两个单元即可求和
#
# *Two units, set by hand, add up at any length*
#
# 6.5 节的 LSTM 有 32 个单元，序列变长时准确率仍会下降。是单元不够吗？下面手工设定**两个**单元：
#
# - 单元 0 **计步**：三个门始终打开，候选状态恒为 1，于是 $C = 1, 2, 3, \dots$，$H = \tanh C = .76, .964, .995, \dots$
# - 单元 1 **求和**：候选状态就是数字（缩小一千倍，使 $\tanh$ 近似恒等）；输入门为 $\sigma(200(.86 - H^{(0)}_{t-1}))$，前两步 $H^{(0)}_{t-1} = 0, .76$，门打开；从第三步起为 $.964$ 以上，门关上。
#
# 遗忘门一直打开，和就留在 $C$ 里。

# %%
# 摘自 chapter6.sec_6_6_lstm_walkthrough: FAR, SMALL, two_units, judge_two_units

judged = judge_two_units(run)
tools.show(findings.two_units(judged))
print("回答", judged["prediction"], "  各长度全部样本的准确率", judged["accuracies"])

# %%
record = tools.record(run, {"two_units": judged})
tools.show(findings.draw_two_units(record))

# %% [markdown]
# 从 $L = 10$ 到 $35$，每个长度的 500 个样本全部答对，而模型只有 $10 + 32 + 57 = 99$ 个参数。所以 LSTM **能够**表示这件事，与长度无关；6.5 节里准确率下降，是训练**没有学到**这样的解。
#
# ### 动手改一改
#
# 把 `two_units` 中的 `0.86` 改成 `0.98`（在 $.964$ 与 $.995$ 之间），两处 `200` 改成 `2000`（间隔变小，门要更陡）：它会求前**三**个数字之和。改后重新运行，再用下面的单元格验证。

# %%
asked = (6, 3, 2, 0, 0, 0, 0, 0)  # ← 改这里
answer = int(two_units()(paddle.to_tensor([asked])).argmax())
print(f"{asked} → {answer}；前两个之和 {sum(asked[:2])}，前三个之和 {sum(asked[:3])}")

# %% [markdown]
# ## C 作为直连边
#
# *C as a direct edge, like a residual connection*
#
# $C$ 未经激活、未乘矩阵就直接传给下一步：$C_t = F_t \odot C_{t-1} + \dots$。残差连接是 $y = x + f(x)$，这里的“$x$”前多一个门。沿这条边求导：
#
# $$\frac{\partial C_L}{\partial C_0} = F_L \odot F_{L-1} \odot \cdots \odot F_1 \;\;(\text{对角阵}), \qquad \text{SRN: } \frac{\partial H_L}{\partial H_0} = \prod_t \operatorname{diag}(1 - H_t^2)\, U^{\mathsf T}$$
#
# 一边是门的乘积，门接近 1 就几乎不衰减；另一边是矩阵的乘积，不由门控制。
#
# 除直连边外，$C_{t-1}$ 还能经过 $H_{t-1}$ 影响各个门，这是其他路径。`unroll` 的 `cut=True` 把它们剪断（`H.detach()`），只剩直连边。整个雅可比矩阵用一个办法一次求出：把序列复制 $D$ 份，第 $i$ 份只对第 $i$ 个单元求导。

# %%
# 摘自 chapter6.sec_6_6_lstm_walkthrough: jacobians, worst, edge_of_lstm, edge_of_srn

edge = edge_of_lstm(lstm, X)
print(f"自动微分（剪断其他路径）与遗忘门之积的最大误差 {edge['gap_gates']:.0e}")
srn = make_model(nndl.SRN(M, D), M, D)
other = edge_of_srn(srn.rnn_model, srn.embedding(digits))
print(f"SRN：自动微分与矩阵之积的最大误差 {other['gap_chain']:.0e}")
print("遗忘门均值    ", np.round(edge["forget"], 2))
print("直连边，从第 t 步", *(f"{value:.3f}" for value in edge["direct"]))
print("SRN，从第 t 步  ", *(f"{value:.3f}" for value in other["srn"]))

# %% [markdown]
# 数值是 $\lVert J\rVert_F / \sqrt D$，1 表示全部到达。意外的是：**刚初始化**的 LSTM 沿直连边传得比 SRN 还少。遗忘门约为 0.5，十步之后只剩 $0.5^{10} \approx 0.001$ 的量级。直连边能传多远，全看遗忘门。
#
# 把遗忘门的偏置设为 3，或者训练一下，再比较。训练只用一个种子，60 个回合。

# %%
# 摘自 chapter6.sec_6_6_lstm_walkthrough: OPEN, STARTS, measure_edges

results = tools.train_here([*trainings(run, "LSTM", train, backend="fused"), *trainings(run)])
edges = measure_edges(run, results)
record = tools.record(run, {"trainings": results, "edges": edges})
tools.show(findings.edges(edges), findings.draw_edge(record))

# %%
tools.show([claim for claim in findings.edge_claims(record) if claim.id != "training_opens"])

# %% [markdown]
# - **未训练**：LSTM 的直连边比 SRN 下降得更快。
# - **$b_f = 3$**：同样未训练，门约为 0.95，十步之后还剩约六成。Keras 因此默认把遗忘门的偏置初始化为 1；`gradients` 一节测量它是否有帮助。
# - **训练后**：遗忘门自己打开了，直连边传到的比训练前多得多。同样是训练后，SRN 传到的却不比它少，这里甚至大于 1：在这样短的序列上梯度没有消失，只是每个单元的变化被矩阵混在了一起；LSTM 的所有路径合起来也大于 1。所以“LSTM 缓解梯度消失”说的是 $C$ 的这条边，“不会爆炸”则说不上，仍要用梯度截断来防。
#
# ### 动手改一改
#
# 遗忘门偏置从 0 到 6，直连边十步之后剩多少？

# %%
for bias in (0.0, 1.0, 3.0, 6.0):  # ← 改这里
    lstm.b.set_value(bias * (paddle.arange(4 * D) // D == 1).astype("float32").unsqueeze(0))
    found = edge_of_lstm(lstm, X)
    print(f"b_f = {bias}：遗忘门均值 {np.mean(found['forget']):.3f}，传到 {found['direct'][0]:.4f}")

# %% [markdown]
# ### 思考
#
# 1. LSTM 的参数为什么是 SRN 的四倍？GRU 呢？
# 2. 若遗忘门恒为 1、输入门恒为 1，LSTM 变成什么？读很长的序列会有什么问题？
# 3. 手工设定的两个单元为什么不能少到一个？
#
# <details><summary>参考答案</summary>
#
# 1. 三个门加候选状态，每个都有一组 $W, U, b$，与 SRN 的一组同样大。GRU 有两个门加候选状态，约三倍（飞桨的 GRU 候选状态有两个偏置，另见 `nndl.GRU`）。
# 2. $C_t = C_{t-1} + \tilde C_t$，正是残差连接的形式：梯度沿直连边不衰减。但什么都不忘，$C$ 不断累加，$\tanh(C)$ 饱和，早先与后来的内容混在一起；最早的 LSTM（1997）没有遗忘门，后来（2000）才加上。
# 3. 求和单元必须知道已经读了几个数字，这只能来自某个状态。只用一个单元时，$C$ 里既要存和、又要存步数；这里的写法做不到（门只能按 $H$ 的大小开关，而和的大小与步数无关）。
#
# </details>
#
# ## 小结
#
# - 三个门控制三个状态；书中写法、并列写法、飞桨写法数值相同，飞桨的次序是 i、f、c̃、o。
# - 记忆是 $C$：分段读时 $H$ 与 $C$ 都要传。
# - 沿直连边的梯度等于遗忘门之积；门开着才传得远，初始化时门是半开的。
# - 两个单元就能表示本任务的解，学不学得到是另一回事。
#
# `python -m chapter6 run 6.6` 用多个种子作出结论；LSTM 与 SRN 的准确率比较见 6.5 节。**下一步：** [6.7](sec_6_7_text_classification.ipynb)，双向 LSTM 文本分类。
