"""audit 审计: how large the small reproductions of often quoted figures are."""

from dataclasses import dataclass

from chapter6.lab.settings import Settings, setting


@dataclass(frozen=True)
class Audit(Settings):
    """Each quoted figure reproduced in small; the recipes are those of the lessons the functions come from."""

    adding_examples: int = setting(100_000, "sequences of the adding problem (加法问题的样本数)", least=100, most=10**6)
    distance: int = setting(50, "steps that a gradient goes back (梯度回传的步数)", least=2, most=1000)
    addition_steps: int = setting(600, "training steps of the addition of characters (字符加法)", least=1, most=10**6)
    dates: int = setting(96, "dates to be learnt by heart (背下来的日期数)", least=64, most=10**5)
    dates_steps: int = setting(150, "training steps for that (背日期的步数)", least=1, most=10**6)
    memorised_epochs: int = setting(100, "epochs over 2,000 characters learnt by heart (背诵回合)", least=1, most=10**4)
    language_steps: int = setting(500, "training steps of the language models (语言模型)", least=1, most=10**6)
    input_size: int = setting(32, "their embedding size M (嵌入大小)", least=1, most=4096)
    hidden_size: int = setting(64, "their hidden size D (隐状态大小)", least=1, most=4096)


AUDIT = {
    "quick": Audit(),
    "full": Audit(addition_steps=1200, dates_steps=400, memorised_epochs=150, language_steps=1000, hidden_size=128),
}
