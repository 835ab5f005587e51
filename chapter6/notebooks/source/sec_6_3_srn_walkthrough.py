# %% [markdown]
# # 6.3 SRN 的记忆能力实验代码演示
#
# *The SRN experiment, step by step*
#
# 视频 6.3 · 书中 6.1 节 · 代码 `chapter6/sec_6_3_srn_walkthrough.py`
#
# **做什么：** 把 6.2 节的实验拆开，让一批数字走过整个模型，再沿原路返回。每一步都写成飞桨的基本运算，打印形状和数值，并与现成的算子对照。
#
# **你会看到：** 嵌入层、SRN 层、线性层各做了什么；手算的梯度与 `backward()` 相同；手写的 Adam 与优化器相同；训练好的模型读一个样本时，每一步会怎样回答。
#
# 全文计算约半分钟，不需要 GPU 和网络。标有“摘自”的单元格就是课程代码的原文，改动并重新运行它，后面的单元格就按改动后的代码计算。

# %%
from math import prod, tanh
from pathlib import Path
from typing import Any

import nndl
from chapter6 import sec_6_3_findings as findings
from chapter6.sec_6_2_srn_memory import find_data, hand_set_example, make_loaders, trainings
from nndl import plot
from nndl.dataset import digit_sum

import numpy as np
import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

nndl.runtime.seed_everything(0)

# %% [markdown]
# ## 数据：一个批次
#
# *A batch*
#
# $X$ 的形状是 $[B, L]$：$B$ 个序列，各 $L$ 个数字；$y$ 是前两个数字之和。下面始终跟踪表中第一行的样本（批次中最后一个）。

# %%
# 摘自 chapter6.sec_6_3_srn_walkthrough: look_at_batch, some

run = tools.prepare("6.3")  # L = 5，M = D = 32
folder, _ = find_data(run, 5)
train_loader, _, _ = make_loaders(folder, 100)
X, y = train_loader[0]
tools.show(findings.batch(look_at_batch(X, y)))

# %% [markdown]
# ## 模型与它的参数
#
# *The model and its parameters*
#
# 嵌入层 $E$ → SRN 层 $W, U, b$ → 线性层 $V, c$。六个参数，以后都用书中的字母称呼它们：

# %%
# 摘自 chapter6.sec_6_3_srn_walkthrough: make_model, weights_of

M = D = 32
model = make_model(nndl.SRN(M, D), M, D)
E, W, U, b, V, c = weights_of(model).values()
for name, weight in weights_of(model).items():
    print(name, list(weight.shape))

# %% [markdown]
# 下面的两个小函数只用于显示和比较：`look` 取张量的形状和几个数，`gap` 求最大误差。

# %%
# 摘自 chapter6.sec_6_3_srn_walkthrough: look, gap

# %% [markdown]
# ## 嵌入层：查表与 one-hot
#
# *Embedding: by lookup and by one-hot*
#
# 嵌入矩阵 $E$ 的形状是 $10 \times M$：10 个数字，每个对应一行。第一个维度就是查表的索引。查表与乘以独热矩阵 $S'$ 是一回事：
#
# $$E[X] = S' E, \qquad [B, L] \to [B, L, M]$$

# %%
# 摘自 chapter6.sec_6_3_srn_walkthrough: embed

tools.show(findings.embedding(embed(E, X)))
print("最大误差", embed(E, X)["gap"])

# %% [markdown]
# 误差恰好为 0：独热向量只有一个 1，乘积里其余各项都是 0，加上去不改变任何一位。
#
# ### 动手改一改
#
# 换一个数字，比较 `E` 的行与乘积。再把 `amount` 改成 0.5：得到的是什么？如果独热向量中有两个位置都是 0.5 呢？（先想：前者是那个向量的一半，后者是两个数字的向量的平均。）

# %%
digit, amount = 7, 1.0  # ← 改这里
S = F.one_hot(paddle.to_tensor([digit]), 10) * amount
print("S E  ", (S @ E)[0, :4].numpy().round(4))
print(f"E[{digit}] ", E[digit, :4].numpy().round(4))

# %% [markdown]
# ## SRN 层：一步
#
# *The recurrent layer: one step*
#
# $$Z_t = X_t W + H_{t-1} U + b, \qquad H_t = \tanh(Z_t)$$
#
# 先用小单元格走第一步。$X_1$ 是所有序列的第一个数字的向量；此时还没有读过任何数字，$H_0 = 0$。

# %%
X_1, H_0 = E[X[:, 0]], paddle.zeros([100, D])
print("X_1", list(X_1.shape), "  H_0", list(H_0.shape))
print("X_1 W  ", list((X_1 @ W).shape), "  [B, M] 乘 [M, D]")
print("H_0 U  ", list((H_0 @ U).shape), "  [B, D] 乘 [D, D]，全是 0：", bool((H_0 @ U == 0).all()))
Z_1 = X_1 @ W + H_0 @ U + b
print("Z_1    ", list(Z_1.shape), "  b [1, D] 加到每一行")
H_1 = paddle.tanh(Z_1)
print("H_1    ", list(H_1.shape), f"  每个数都在 (-1, 1) 内：{float(H_1.min()):.3f} 至 {float(H_1.max()):.3f}")

# %% [markdown]
# 写成函数，再逐步调用。`unroll` 的循环里没有新的参数：**每一步都是同样的 $W, U, b$**，这就是权重共享。

# %%
# 摘自 chapter6.sec_6_3_srn_walkthrough: step, unroll

steps = unroll(E[X], W, U, b)
print(len(steps), "步，每步有", ", ".join(steps[0]))

# %% [markdown]
# 与 `nndl.SRN` 和 `paddle.nn.SimpleRNN` 对照。算子一次读入 $[B, L, M]$，返回所有隐状态 $[B, L, D]$ 和最后的隐状态。

# %%
# 摘自 chapter6.sec_6_3_srn_walkthrough: compare_steps

compared = compare_steps(model.rnn_model, E[X])
tools.show(findings.steps(compared))
for name, value in compared["gaps"].items():
    print(f"{name:22} 最大误差 {value:.0e}")

# %% [markdown]
# 表中样本的前两个数字相同，所以 $X_1 W$ 与 $X_2 W$ 相同，而 $H_1$ 与 $H_2$ 不同：差别全部来自 $H_1 U$，即网络记得自己已经读过一次。
#
# 误差不是 0 而是 $10^{-7}$ 左右，因为单精度浮点数的加法次序不同，最后一位就会不同。

# %%
figure, panels = plot.panels(3, size=(3.0, 2.8), share_x=False)
for axes, H, digits in zip(panels, compared["hidden"], look_at_batch(X, y)["digits"][:3], strict=True):
    image = plot.heat_map(axes, np.transpose(H), signed=True)
    plot.mark_columns(axes, digits, (0, 1))
    axes.set(xlabel=plot.both("digit", "数字"), ylabel=plot.both("unit", "单元"), yticks=[])
_ = figure.colorbar(image, ax=panels)

# %% [markdown]
# 训练前三个样本的隐状态：一列一步，一行一个单元，有框的是要求和的两个数字。最后一列 $H_L$ 代表整个序列，分类时只用这一列。
#
# ### 动手改一改
#
# 把 `unroll` 的初始状态换成全 1（或随机数），最后的 $H_L$ 改变多少？序列更长时呢？

# %%
begin = paddle.ones([100, D])  # ← 改这里
changed = unroll(E[X], W, U, b, begin)
for t, (ours, other) in enumerate(zip(steps, changed, strict=True), start=1):
    print(f"第 {t} 步 H 的平均差别 {float((ours['H'] - other['H']).abs().mean()):.4f}")

# %% [markdown]
# ## 手动推导 SRN 前向计算
#
# *The forward pass on paper*
#
# 取小到可以笔算的权重：
#
# $$W = \begin{pmatrix} .1 & .2 \\ .1 & .2 \end{pmatrix},\quad U = \begin{pmatrix} 0 & .1 \\ .1 & 0 \end{pmatrix},\quad b = (.1, .1),\quad X_1 = (1, 0),\; X_2 = (0, 2)$$
#
# 第一步：$X_1 W = (.1, .2)$，$H_0 = 0$，故 $Z_1 = (.2, .3)$，$H_1 = (\tanh .2, \tanh .3)$。
#
# 第二步：$X_2 W = 2 \times (.1, .2) = (.2, .4)$。$U$ 把 $H_1$ 的两个数交换，再各取十分之一，$H_1 U = (.0291, .0197)$。三项相加得 $Z_2$。

# %%
# 摘自 chapter6.sec_6_3_srn_walkthrough: derive

derived = derive()
tools.show(findings.derivation(derived))
print("nndl.SRN 的 H_1, H_2：", np.round(derived["operator"], 4).tolist())

# %% [markdown]
# ### 动手改一改
#
# 把 $U$ 改成 0，第二步就忘了第一步；改成单位阵的 0.9 倍呢？

# %%
U_here = [[0.0, 0.0], [0.0, 0.0]]  # ← 改这里
small = [[[1.0, 0.0], [0.0, 2.0]]], [[0.1, 0.2], [0.1, 0.2]], U_here, [[0.1, 0.1]]
for t, terms in enumerate(unroll(*map(paddle.to_tensor, small)), start=1):
    print(f"H_{t} =", terms["H"][0].numpy().round(4))

# %% [markdown]
# ## 线性层与损失
#
# *Linear layer, softmax, cross entropy*
#
# $$\text{logits} = H_L V + c, \qquad P = \text{softmax}(\text{logits}), \qquad \mathcal L = -\frac1B \sum \log P_y$$
#
# 前两个数字各为 0 至 9，其和为 0 至 18，故有 19 类。

# %%
# 摘自 chapter6.sec_6_3_srn_walkthrough: classify

H_L = steps[-1]["H"]
output = classify(H_L, V, c, y)
tools.show(findings.output(output))
print(f"损失：手算 {output['loss']:.6f}，nn.CrossEntropyLoss {output['paddle']:.6f}；ln 19 = {findings.GUESSING:.4f}")

# %% [markdown]
# 未训练的模型与随机猜测差不多，损失略高于 $\ln 19$。
#
# ## 模型汇总
#
# *Shapes and numbers of parameters*

# %%
# 摘自 chapter6.sec_6_3_srn_walkthrough: count

counted = count(model, M, D)
tools.show(findings.parameters(counted))
print("公式", sum(row["size"] for row in counted["rows"]), "  实际", counted["counted"])

# %% [markdown]
# 公式里没有 $L$：读 5 个数字与读 35 个数字用的是同样的参数。

# %%
for L in (5, 10, 35):
    digits = paddle.randint(0, 10, [1, L])
    print(f"L = {L:2}：输出 {list(model(digits).shape)}，参数 {sum(prod(p.shape) for p in model.parameters()):,}")

# %% [markdown]
# ## 一步训练：反向传播
#
# *One step of training: backpropagation through time*
#
# 损失对对数几率的导数最简单，就是概率减去正确答案，再除以 $B$。然后从最后一步往回走：
#
# $$\delta_t = \frac{\partial\mathcal L}{\partial Z_t} = \frac{\partial\mathcal L}{\partial H_t} \odot (1 - H_t^2), \qquad \frac{\partial\mathcal L}{\partial H_{t-1}} = \delta_t U^{\mathsf T}$$
#
# 每一步用的是同一组参数，所以各步的贡献**相加**：
#
# $$\frac{\partial\mathcal L}{\partial W} = \sum_t X_t^{\mathsf T} \delta_t, \qquad \frac{\partial\mathcal L}{\partial U} = \sum_t H_{t-1}^{\mathsf T} \delta_t, \qquad \frac{\partial\mathcal L}{\partial b} = \sum_t \delta_t$$
#
# 嵌入矩阵也是学出来的：$\delta_t W^{\mathsf T}$ 加到 $X_t$ 所取的那一行上。

# %%
# 摘自 chapter6.sec_6_3_srn_walkthrough: backward_by_hand, differentiate

tools.show(findings.gradients(differentiate(model, X, y)))

# %%
_, sizes = backward_by_hand(model, X, y)
figure, (axes,) = plot.panels(1, size=(4.2, 2.6))
axes.plot(range(1, len(sizes) + 1), sizes, **plot.LOOKS[0])
_ = axes.set(
    xlabel=plot.both("step", "时间步") + " t", ylabel="‖δ$_t$‖", ylim=(0, None), xticks=range(1, len(sizes) + 1)
)

# %% [markdown]
# 越往开头，梯度越小；而要记住的恰恰是开头的两个数字。序列再长会怎样，见 6.4 节和 `gradients`。
#
# ### 动手改一改
#
# 用更长的序列看 $\lVert\delta_t\rVert$。再试试把 $U$ 乘以一个倍数：小于 1 时消失，大于 1 呢？

# %%
L, scale = 20, 1.0  # ← 改这里
longer = make_model(nndl.SRN(M, D), M, D)
longer.rnn_model.U.set_value(longer.rnn_model.U * scale)
digits = paddle.randint(0, 10, [100, L])
_, sizes = backward_by_hand(longer, digits, digits[:, 0] + digits[:, 1])
print("第 1、10、20 步的 ‖δ‖：", *(f"{sizes[t - 1]:.1e}" for t in (1, L // 2, L)))

# %% [markdown]
# ## 一步训练：Adam
#
# *One step of training: the update*
#
# $$m \leftarrow .9\,m + .1\,g, \quad v \leftarrow .999\,v + .001\,g^2, \quad \hat m = \frac{m}{1 - .9^t}, \quad \hat v = \frac{v}{1 - .999^t}, \quad \theta \leftarrow \theta - \eta \frac{\hat m}{\sqrt{\hat v} + \epsilon}$$
#
# 连续更新三步，与优化器对照；表中是 $b$ 的第一个数。

# %%
# 摘自 chapter6.sec_6_3_srn_walkthrough: adam, update

updated = update(make_model(nndl.SRN(M, D), M, D), X, y, eta=0.005)
tools.show(findings.update(updated))
print(f"全部参数的最大误差 {updated['gap']:.0e}")

# %% [markdown]
# 第一步时 $\hat m = g$，$\hat v = g^2$，所以 $\hat m / \sqrt{\hat v} = \pm 1$：不论梯度大小，每个数都移动一个学习率 $\eta = 0.005$ 的距离。
#
# ### 动手改一改
#
# 换成最普通的梯度下降 $\theta \leftarrow \theta - \eta\, g$，走 30 步，损失降得快吗？

# %%
eta = 0.5  # ← 改这里
plain = make_model(nndl.SRN(M, D), M, D)
for t in range(30):
    loss = F.cross_entropy(plain(X), y)
    loss.backward()
    with paddle.no_grad():
        for parameter in plain.parameters():
            parameter.set_value(parameter - eta * parameter.grad)
    plain.clear_gradients()
    if t % 10 == 0 or t == 29:
        print(f"第 {t + 1:2} 步 损失 {float(loss):.3f}")

# %% [markdown]
# ## 训练，并细看一个样本
#
# *Training, and one example looked at closely*
#
# 把这样的一步重复 300 次（100 个回合，每回合 3 批），用的是 6.2 节的训练函数。

# %%
# 摘自 chapter6.sec_6_3_srn_walkthrough: load, answer

results = tools.train_here(trainings(run))
answers = [answer(result, run.settings.digits) for result in results]
record = tools.record(run, {"trainings": results, "answers": answers})
tools.show(findings.draw_losses(record, "SRN"), findings.learned(record))

# %% [markdown]
# 再看它读 `6 7 0 0 1` 时每一步的隐状态，以及**假如**每一步都要作答，它会说什么。训练只要求最后一步作答。

# %%
tools.show(findings.draw_answer(record))

# %% [markdown]
# 读完 6 和 7 时答案其实已经确定，但中途的“回答”并不是 13：线性层只学会了在最后一步读懂隐状态。和是以某种编码“带”到最后的，中途看不出来。
#
# ### 动手改一改
#
# 换成自己的数字（可以不是 5 个）。长度与训练时不同，它还答得对吗？

# %%
digits = (3, 5, 0, 0, 0, 0, 0)  # ← 改这里
P = answer(results[0], digits)["probabilities"]
for t, (digit, row) in enumerate(zip(digits, P, strict=True), start=1):
    print(f"读到第 {t} 个数字 {digit}：最可能 {int(np.argmax(row)):2}，概率 {max(row):.2f}")

# %% [markdown]
# 第 5 步（训练时的长度）说对了 8，多读两个 0 反而说错：它学会的是恰好在第 5 步给出答案。
#
# ### 思考
#
# 1. 手算梯度时，为什么 $\partial\mathcal L/\partial W$ 要把各步相加，而 $V$ 的梯度只有一项？
# 2. `optimizer.clear_grad()` 若省去，第二步会怎样？
# 3. $H_0$ 能不能也学出来？需要多少个新参数？
#
# <details><summary>参考答案</summary>
#
# 1. $W$ 在每一步都用了一次，损失通过每一步依赖于它，由链式法则各项相加；$V$ 只在最后一步用了一次。
# 2. 新的梯度会加到旧的上面，第二步用的是两次梯度之和。可以在 `update` 里注释掉那一行试试：每步的梯度 `g` 变大，损失的走势也随之改变；手写的 Adam 用的也是 `weight.grad`，所以两者仍然一致。
# 3. 可以，把它当作一个参数，形状 $[1, D]$，所以多 $D$ 个数。`by_hand` 一节比较了零、随机与学得的 $H_0$。
#
# </details>
#
# ## 小结
#
# - 一步是 $\tanh(X_t W + H_{t-1} U + b)$，整层是同一组参数的循环；最后的 $H_L$ 代表整个序列。
# - 前向、梯度、更新都可以手算，与算子的误差在 $10^{-6}$ 以内；全模型只有 3,027 个参数，与 $L$ 无关。
# - 训练部分只有一个种子，说明不了什么；`python -m chapter6 run 6.3` 用三个种子，`--preset book` 用书中设置，各长度的比较见 6.2 节。
#
# **下一步：** [6.4](sec_6_4_gradient_explosion.ipynb)，梯度爆炸；LSTM 的同样演示见 [6.6](sec_6_6_lstm_walkthrough.ipynb)。
