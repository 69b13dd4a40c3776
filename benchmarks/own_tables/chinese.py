"""`chinese.tsv`: short reviews in Chinese, two classes, no spaces between words. UTF-8 with a byte order mark.

The same characters stand in reviews of both classes: 不 and 没有 turn what follows, 以为 and 都说 report what was not so, and
好 and 不 are parts of many words of both kinds.
"""

import csv
from pathlib import Path

import numpy as np

from benchmarks.own_tables.grammar import Grammar, chance, drawn, noisy, pick

ROWS = 6_000
NOISE = 0.05
GRAMMAR = Grammar(
    good=("好吃", "干净", "热情", "划算", "精彩", "舒服", "新鲜", "安静", "方便", "满意", "好看", "周到"),
    bad=("难吃", "肮脏", "冷淡", "昂贵", "无聊", "难受", "变质", "吵闹", "麻烦", "失望", "难看", "马虎"),
    forms={
        "{aspect}{very}{verdict}": 0.40,
        "{aspect}{negator}{stretch}{opposite}": 0.22,
        "原以为{aspect}会{very}{opposite}，其实{verdict}得很": 0.10,
        "朋友都说{aspect}{opposite}，我{disagree}": 0.10,
        "与其说{aspect}{opposite}，不如说{very}{verdict}": 0.09,
        "{aspect}{very}{verdict}，一点也不{opposite}": 0.09,
    },
    slots={
        "aspect": (
            "房间", "服务", "味道", "环境", "价格", "电影", "剧情", "演员", "早餐", "位置", "老板", "菜品", "音乐", "装修",
            "快递", "包装", "质量", "态度", "交通", "结局",
        ),
        "very": ("很", "非常", "真的很", "特别", "相当", "实在", ""),
        "negator": ("并不", "绝不", "从来不", "谈不上", "算不上", "根本不", "哪里"),
        "stretch": ("", "", "像别人说的那样", "让人觉得", "如网上写的那么", "能用一句话说成"),
        "disagree": ("完全不同意", "看法正好相反", "不这么认为", "一次也没有这样觉得"),
        "who": ("家人", "同事", "女朋友", "孩子", "老同学"),
        "day": ("周末", "昨天", "上个月", "国庆节", "下雨的晚上", "中午"),
        "city": ("北京", "上海", "成都", "广州", "西安", "杭州"),
        "number": ("两", "三", "五", "十"),
        "other": (
            "{day}和{who}一起去的", "这是我第{number}次来{city}", "我们住了{number}天", "一共{number}个人", "在{city}出差的时候",
            "从车站走过去要{number}分钟", "{who}推荐的", "{day}人比较多", "下次去{city}再说", "等了{number}分钟才开始",
        ),
    },
)  # fmt: skip


def write(folder: Path) -> Path:
    """The file with a row a review."""
    rng = np.random.default_rng(24)
    meant = drawn({"差评": 0.45, "好评": 0.55}, ROWS, rng)
    path = folder / "chinese.tsv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(("label", "review"))
        writer.writerows((said, _text(each == "好评", rng)) for each, said in zip(meant, noisy(meant, NOISE, rng), strict=True))
    return path


def _text(is_good: bool, rng: np.random.Generator) -> str:
    """One to six sentences; more than one opinion in the longer ones."""
    opinions = int(rng.integers(1, 4))
    parts = [GRAMMAR.opinion(is_good, rng) for _ in range(opinions)]
    parts += GRAMMAR.others(int(rng.integers(0, opinions + 1)), rng)
    text = "".join(parts[int(i)] + pick(("，", "。", "！"), rng) for i in rng.permutation(len(parts)))
    return text[:-1] + pick(("。", "！", "", "～", "👍" if is_good == chance(0.8, rng) else "👎"), rng)
