# %% [markdown]
# # 文本的序列自编码器
#
# *A sequence autoencoder: a sentence to a code, the code to the sentence*
#
# 拓展 `autoencoder` · 代码 `chapter6/extras/text_autoencoder.py`
#
# **问题：** 要理解一句话，不能忽视词的顺序。两句话一字不差、次序不同，意思相反（李宏毅课程的例子）：
#
# - white blood cells destroying an infection（正面）
# - an infection destroying white blood cells（负面）
#
# 能不能不用任何标注，把一句话压缩成一个向量，并保留词序？
#
# **你会看到：** 词袋为什么分不清这两句；编码器读完只留下一个向量，解码器仅凭它重写原句；线性分类器在编码上与在词袋上的准确率；以及一个常被省略的对照：**未经训练**的编码器能做到什么。
#
# 全文计算约半分钟，不需要 GPU 和网络。标有“摘自”的单元格就是课程代码的原文：改动并重新运行它，后面的单元格就按改动后的代码计算。

# %%
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nndl
from chapter6.extras import text_findings as findings
from chapter6.extras.cells_compared import class_of, count, make_layer
from chapter6.extras.presets.autoencoder import HELD_OUT
from chapter6.extras.text_autoencoder import DATA_SEED, main_direction, share_of_words
from chapter6.lab import result
from chapter6.lab.report import Table
from chapter6.lab.training import Training, fit
from nndl.dataset import twins
from nndl.dataset.pairs import EOS, PairLoader, collate, encode, until_end, vocabularies
from nndl.dataset.text import PAD
from nndl.generate import generate, greedy
from nndl.metric.whole import WholeAccuracy
from nndl.model.seq2seq import Seq2Seq
from nndl.needed import needed

import numpy as np
import paddle
from paddle import nn

# %% [markdown]
# ## 数据：词相同，次序不同
#
# *Twins: the same words, another order*
#
# 句子由短语拼成，成对出现（孪生句）：一句说好的消灭坏的（标签 1），一句反过来（标签 0）。好、坏与动作的组合先分给训练、验证、测试，所以测试句由学过的短语组成，但组合从未出现过。

# %%
# 摘自 chapter6.extras.text_autoencoder: make_sentences, make_vocabularies, bags

run = tools.prepare("autoencoder", steps=280)
sentences = make_sentences(run.settings.pairs)
vocabulary = make_vocabularies(sentences)
for split, some in sentences.items():
    print(f"{split:5} {len(some):5} 句")
for sentence in sentences["test"][:4]:
    print(f"  {sentence.label}  {' '.join(sentence.words)}")

# %% [markdown]
# **词袋**（bag of words）只记每个词出现几次。孪生句的词袋完全相同，所以任何建立在词袋上的分类器，对两句只能给出同一个答案，准确率恰为一半：

# %%
one, other = sentences["test"][:2]
both = bags([one, other], vocabulary[0])
print(f"词袋 {both.shape} = [句, 词表]，两句之差的绝对值之和：{abs(both[0] - both[1]).sum():g}")

# %% [markdown]
# ## 编码器与解码器
#
# *Encoder and decoder*
#
# 编码器双向读完长度为 $L$ 的句子，只留下两个方向的最后状态，即**编码** $c$；不论句子多长，它的大小都是 $2D$。解码器每一步都得到 $c$，要写出的就是读入的句子：
#
# $$c = [\overrightarrow{h}_L; \overleftarrow{h}_1], \qquad s_0 = \tanh(W_0 c + b_0), \qquad s_t = f([x_{t-1}; c],\ s_{t-1})$$
#
# 关于句子，解码器知道的只有 $c$（没有注意力），所以要重写，$c$ 就必须记住词和词序。

# %%
# 摘自 chapter6.extras.text_autoencoder: make_model, code_of, codes_of, rebuild

nndl.runtime.seed_everything(0)
settings = SimpleNamespace(**vars(run.settings), make=class_of("GRU"))
untrained = make_model(settings, *map(len, vocabulary))
untrained.eval()
pairs = [(sentence.words, sentence.words) for sentence in (one, other)]
batch = collate(encode(pairs, *vocabulary))
print(
    f"源 {list(batch[0][0].shape)} = [B, L] → 编码 {code_of(untrained, *batch[0][:2]).shape} = [B, 2D]；{count(untrained):,} 个参数"
)
print("未训练时重写：", " ".join(rebuild(untrained, batch, vocabulary[1])[0]))

# %% [markdown]
# ## 联合训练
#
# *Encoder and decoder are trained together*
#
# 损失是每个词的交叉熵，标签就是句子自己，不需要标注。梯度从解码器经过 $c$ 传到编码器，两者一起学。

# %%
# 摘自 chapter6.extras.text_autoencoder: classify, twin_distances, compare_own, train_autoencoder

values = vars(run.settings) | {"seed": 0}
training = Training(train_autoencoder, "autoencoder", values, run.data_dir, "", make=class_of(run.settings.cell))
(found,) = tools.train_here([training])
record = tools.record(run, {"trainings": [found]})
tools.show(*findings.tables(record))

# %% [markdown]
# 没见过的句子几乎都能一字不差地重写：一个向量确实存下了词和词序。

# %% [markdown]
# ## 编码知道谁消灭谁吗？
#
# *Does the code tell who destroys whom?*
#
# 在训练句的编码上训练一个线性分类器（逻辑回归），用测试句检验；词袋上也一样。上表中词袋恰为 0.5，编码在 0.9 以上。图中每条灰线连接一对孪生句：

# %%
tools.show(*findings.figures(record).values())

# %% [markdown]
# ## 一个对照：未经训练的编码器
#
# *A control that is often left out: an encoder that was never trained*
#
# 编码能区分词序，是自编码训练教会的吗？循环网络逐词更新状态，**本来**就与次序有关。把前面那个随机初始化、没训练过的编码器拿来，用同样的分类器：

# %%
ids = {split: encode([(s.words, s.words) for s in some], *vocabulary) for split, some in sentences.items()}
labels = {split: np.array([s.label for s in some]) for split, some in sentences.items()}
words = bags(sentences["test"], vocabulary[0])
rows = []
for seed in range(3):
    nndl.runtime.seed_everything(seed)
    untrained = make_model(settings, *map(len, vocabulary))
    untrained.eval()
    codes = codes_of(untrained, ids)
    accuracy = ((classify(codes, labels["train"]) > 0) == labels["test"]).mean()
    far = twin_distances(codes["test"], words)
    rebuilt = rebuild(untrained, collate(ids["test"]), vocabulary[1])
    whole = np.mean([ours == s.words for ours, s in zip(rebuilt, sentences["test"], strict=True)])
    rows.append([f"未训练，种子 {seed}", f"{far['codes'] / far['any']:.2f}", f"{accuracy:.3f}", f"{whole:.3f}"])
trained = found["twins"]["codes"] / found["twins"]["any"]
rows.append(["训练后，种子 0", f"{trained:.2f}", f"{found['code_accuracy']:.3f}", f"{found['test_accuracy']:.3f}"])
header = ["编码器", "孪生句的距离 / 任意两句的距离", "分类准确率", "整句重写正确"]
tools.show(Table("同样的句子，同样的线性分类器", header, rows))

# %% [markdown]
# 三个随机初始化的编码器分得与训练后的一样清楚。所以“编码能说明谁消灭谁”虽然成立，却看不出是自编码训练的功劳：只要按次序读，似乎就够了（`run autoencoder` 为此单列一个论断，用多个种子判定）。训练带来的是重写：从编码中把原句找回来，以及孪生句之间更大的距离。下结论之前，总要有一个“什么都没学”的对照。

# %% [markdown]
# ### 思考
# 前馈网络对词向量求平均（汇聚层），再分类，能分清孪生句吗？双向 LSTM 之后再汇聚呢？
#
# <details><summary>参考答案</summary>
#
# 词向量的平均与词序无关，和词袋一样分不清。双向 LSTM 的每个隐状态已经包含了次序，汇聚的是**隐状态**而不是词向量，所以可以（6.7 节）。
# </details>

# %% [markdown]
# ### 动手改一改
# 换成自己的句子（只用这些短语中的词），看重写得对不对。训练中从来没有的句式呢，例如只有三个词？

# %%
own = [
    "white blood cells destroying an infection",
    "the rain stopping the drought",
    "the virus defeating the virus",
]  # ← 改这里

model = make_model(settings, *map(len, vocabulary))
nndl.RunnerV3(model, None, None, None).load_model(Path(found["folder"]) / result.MODEL)
model.eval()
print("词表：", " ".join(vocabulary[0].words[2:]))
for text in own:
    batch = collate(encode([(text.split(), text.split())], *vocabulary))
    print(f"{text}\n    → {' '.join(rebuild(model, batch, vocabulary[1])[0])}")

# %% [markdown]
# ### 语音也一样
#
# 把词换成声音的帧，就得到语音的自编码器：长短不一的音段变成固定长度的向量，再比较向量的距离，可以不经文字地检索语音。编码器—解码器不变，变的只是读入与写出的东西。

# %% [markdown]
# ## 小结
#
# - 序列自编码器把变长的句子压缩成定长的向量，训练不需要标注。
# - 词袋丢掉词序，循环网络不会；未经训练的循环网络也不会，所以要有对照。
# - 三个种子（`python -m chapter6 run autoencoder --seeds 3`，出自[长时间的实测](../guide/MEASURED_LONG_cn.md)）：编码上的分类准确率 0.956 ± 0.013，词袋 0.500。
# - 自己的两句话：`python -m chapter6 run autoencoder --first "…" --second "…"`。
#
# **下一步：** [ctc_recognition](ctc_recognition.ipynb)，输出较短、次序不变时，可以不用解码器。
