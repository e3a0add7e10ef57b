"""The small world of the curriculum: words in both languages, names, and helpers to choose among them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

CATEGORIES: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("animal", "动物"): (
        ("cat", "猫"), ("dog", "狗"), ("bird", "鸟"), ("fish", "鱼"), ("horse", "马"), ("cow", "牛"), ("sheep", "羊"),
        ("pig", "猪"), ("rabbit", "兔子"), ("mouse", "老鼠"), ("tiger", "老虎"), ("lion", "狮子"), ("monkey", "猴子"),
        ("duck", "鸭子"), ("bear", "熊"), ("snake", "蛇"), ("wolf", "狼"), ("frog", "青蛙"),
    ),
    ("fruit", "水果"): (
        ("apple", "苹果"), ("pear", "梨"), ("banana", "香蕉"), ("orange", "橙子"), ("peach", "桃子"), ("grape", "葡萄"),
        ("lemon", "柠檬"), ("cherry", "樱桃"), ("melon", "瓜"), ("plum", "李子"), ("mango", "芒果"), ("kiwi", "猕猴桃"),
    ),
    ("colour", "颜色"): (
        ("red", "红色"), ("blue", "蓝色"), ("green", "绿色"), ("yellow", "黄色"), ("black", "黑色"), ("white", "白色"),
        ("brown", "棕色"), ("grey", "灰色"), ("pink", "粉色"), ("purple", "紫色"),
    ),
    ("tool", "工具"): (
        ("hammer", "锤子"), ("saw", "锯子"), ("knife", "刀"), ("spoon", "勺子"), ("fork", "叉子"), ("pen", "钢笔"),
        ("needle", "针"), ("rope", "绳子"), ("lamp", "灯"), ("key", "钥匙"), ("brush", "刷子"), ("clock", "钟"),
    ),
    ("drink", "饮料"): (
        ("water", "水"), ("tea", "茶"), ("coffee", "咖啡"), ("milk", "牛奶"), ("juice", "果汁"), ("wine", "葡萄酒"),
        ("beer", "啤酒"), ("soup", "汤"),
    ),
    ("place", "地方"): (
        ("house", "房子"), ("school", "学校"), ("river", "河"), ("mountain", "山"), ("forest", "森林"),
        ("city", "城市"), ("village", "村庄"), ("bridge", "桥"), ("garden", "花园"), ("market", "市场"),
        ("island", "岛"), ("lake", "湖"),
    ),
    ("clothing", "衣物"): (
        ("shirt", "衬衫"), ("hat", "帽子"), ("shoe", "鞋"), ("coat", "大衣"), ("dress", "裙子"), ("sock", "袜子"),
        ("glove", "手套"), ("belt", "腰带"),
    ),
}  # fmt: skip
"""Category name to its words, each in English and Chinese."""

WORDS: tuple[tuple[str, str], ...] = tuple(pair for words in CATEGORIES.values() for pair in words)

OTHER_WORDS: tuple[tuple[str, str], ...] = (
    ("sun", "太阳"), ("moon", "月亮"), ("star", "星星"), ("rain", "雨"), ("snow", "雪"), ("wind", "风"), ("fire", "火"),
    ("book", "书"), ("door", "门"), ("table", "桌子"), ("chair", "椅子"), ("window", "窗户"), ("teacher", "老师"),
    ("friend", "朋友"), ("child", "孩子"), ("mother", "母亲"), ("father", "父亲"), ("hand", "手"), ("eye", "眼睛"),
    ("big", "大"), ("small", "小"), ("good", "好"), ("new", "新"), ("old", "旧"), ("fast", "快"), ("slow", "慢"),
    ("hot", "热"), ("cold", "冷"), ("happy", "高兴"), ("day", "天"), ("night", "夜晚"),
    ("time", "时间"), ("word", "词"), ("name", "名字"), ("music", "音乐"), ("road", "路"),
    ("train", "火车"), ("ship", "船"), ("bread", "面包"),
    ("rice", "米饭"), ("egg", "鸡蛋"), ("one", "一"), ("two", "二"), ("three", "三"), ("ten", "十"),
    ("hello", "你好"), ("thanks", "谢谢"), ("goodbye", "再见"), ("yes", "是"), ("no", "不"),
)  # fmt: skip

LEXICON = WORDS + OTHER_WORDS
ENGLISH = tuple(english for english, _ in LEXICON)
CHINESE = tuple(chinese for _, chinese in LEXICON if len(chinese) > 1)

NAMES_EN = (
    "Ann", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gina", "Hugo", "Ivy", "Jack", "Kim", "Leo", "Mia", "Noah", "Olga",
    "Paul", "Rosa", "Sam", "Tina", "Vera", "Will", "Zoe", "Tom", "Lucy", "Max", "Nina", "Oscar", "Ruth", "Emma", "Otto",
)  # fmt: skip
NAMES_ZH = (
    "小明", "小红", "小华", "小丽", "小刚", "小芳", "小军", "小梅", "李雷", "王芳", "张伟", "刘洋", "陈静", "赵强",
    "周杰", "吴敏", "孙亮", "马丽", "林涛", "何雨",
)  # fmt: skip

THINGS: tuple[tuple[str, str], ...] = (
    ("apples", "苹果"), ("books", "书"), ("pens", "笔"), ("eggs", "鸡蛋"), ("coins", "硬币"), ("cards", "卡片"),
    ("stones", "石头"), ("balls", "球"), ("flowers", "花"), ("stamps", "邮票"), ("pears", "梨"), ("cups", "杯子"),
)  # fmt: skip
"""What word problems count, in both languages."""

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def pick(rng: Random, *options: str) -> str:
    """Choose one of the options."""
    return rng.choice(options)


def letters(rng: Random, low: int = 3, high: int = 5) -> str:
    """Make a random word without meaning."""
    return "".join(rng.choice(LETTERS) for _ in range(rng.randint(low, high)))


def english_word(rng: Random) -> str:
    """Give a word of the lexicon, or sometimes a word without meaning."""
    return letters(rng) if rng.random() < 0.35 else rng.choice(ENGLISH)


def any_number(rng: Random, low: int = 0) -> int:
    """Draw a number from `low` to 999, half of them at most 60.

    The range is wide, so that arithmetic has to work digit by digit: few numbers are learned by heart instead.
    """
    return rng.randint(low, 60) if rng.random() < 0.5 else rng.randint(low, 999)


def several(rng: Random, pool: Sequence[str], count: int) -> list[str]:
    """Draw different elements of a pool."""
    return rng.sample(pool, count)


def category_of(word: str) -> tuple[str, str] | None:
    """Find the category (English, Chinese) of a word of either language."""
    for category, words in CATEGORIES.items():
        if any(word in pair for pair in words):
            return category
    return None
