# %% [markdown]
# # 6.2 SRN 的记忆能力实验
#
# 《神经网络与深度学习：案例与实践》6.1 节 · 视频 6.2 · 代码：`chapter6/sec_6_2_srn_memory.py`

# %% [markdown]
# ## SRN 层
#
# $$H_t = \tanh(X_t W + H_{t-1} U + b)$$

# %%
import math
from typing import Any

import paddle
from chapter6.lab.training import Training, fit
from paddle.nn.initializer import Assign

# %%
# 摘自 chapter6.sec_6_2_srn_memory: hand_set_example

hand_set_example()
