"""The small world that generated items are about: words in English and Chinese, names, places, filler sentences.

It is the world of the pocket models; a test holds it against their curriculum.
"""

from __future__ import annotations

from typing import Final

Pairs = tuple[tuple[str, str], ...]
"""English and Chinese of the same thing."""

CATEGORIES: Final[dict[tuple[str, str], Pairs]] = {
    ("animal", "动物"): (
        ("cat", "猫"), ("dog", "狗"), ("bird", "鸟"), ("fish", "鱼"), ("horse", "马"), ("cow", "牛"), ("sheep", "羊"),
        ("pig", "猪"), ("rabbit", "兔子"), ("mouse", "老鼠"), ("tiger", "老虎"), ("lion", "狮子"), ("monkey", "猴子"),
        ("duck", "鸭子"), ("bear", "熊"), ("snake", "蛇"), ("wolf", "狼"), ("frog", "青蛙"),
    ),
    ("fruit", "水果"): (
        ("apple", "苹果"), ("pear", "梨"), ("banana", "香蕉"), ("orange", "橙子"), ("peach", "桃子"),
        ("grape", "葡萄"), ("lemon", "柠檬"), ("cherry", "樱桃"), ("melon", "瓜"), ("plum", "李子"),
        ("mango", "芒果"), ("kiwi", "猕猴桃"),
    ),
    ("colour", "颜色"): (
        ("red", "红色"), ("blue", "蓝色"), ("green", "绿色"), ("yellow", "黄色"), ("black", "黑色"),
        ("white", "白色"), ("brown", "棕色"), ("grey", "灰色"), ("pink", "粉色"), ("purple", "紫色"),
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
"""Category to its words."""

OTHER_WORDS: Final[Pairs] = (
    ("sun", "太阳"), ("moon", "月亮"), ("star", "星星"), ("rain", "雨"), ("snow", "雪"), ("wind", "风"),
    ("fire", "火"), ("book", "书"), ("door", "门"), ("table", "桌子"), ("chair", "椅子"), ("window", "窗户"),
    ("teacher", "老师"), ("friend", "朋友"), ("child", "孩子"), ("mother", "母亲"), ("father", "父亲"),
    ("hand", "手"), ("eye", "眼睛"), ("big", "大"), ("small", "小"), ("good", "好"), ("new", "新"), ("old", "旧"),
    ("fast", "快"), ("slow", "慢"), ("hot", "热"), ("cold", "冷"), ("happy", "高兴"), ("day", "天"),
    ("night", "夜晚"), ("time", "时间"), ("word", "词"), ("name", "名字"), ("music", "音乐"), ("road", "路"),
    ("train", "火车"), ("ship", "船"), ("bread", "面包"), ("rice", "米饭"), ("egg", "鸡蛋"), ("one", "一"),
    ("two", "二"), ("three", "三"), ("ten", "十"), ("hello", "你好"), ("thanks", "谢谢"), ("goodbye", "再见"),
    ("yes", "是"), ("no", "不"),
)  # fmt: skip

WORDS: Final[Pairs] = tuple(pair for words in CATEGORIES.values() for pair in words)
LEXICON: Final[Pairs] = WORDS + OTHER_WORDS
ENGLISH: Final = tuple(english for english, _ in LEXICON)
CHINESE: Final = tuple(chinese for _, chinese in LEXICON if len(chinese) > 1)
"""Chinese words of more than one character."""

NAMES_EN: Final = (
    "Ann", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gina", "Hugo", "Ivy", "Jack", "Kim", "Leo", "Mia", "Noah", "Olga",
    "Paul", "Rosa", "Sam", "Tina", "Vera", "Will", "Zoe", "Tom", "Lucy", "Max", "Nina", "Oscar", "Ruth", "Emma",
    "Otto",
)  # fmt: skip
NAMES_ZH: Final = (
    "小明", "小红", "小华", "小丽", "小刚", "小芳", "小军", "小梅", "李雷", "王芳", "张伟", "刘洋", "陈静", "赵强",
    "周杰", "吴敏", "孙亮", "马丽", "林涛", "何雨",
)  # fmt: skip
THINGS: Final[Pairs] = (
    ("apples", "苹果"), ("books", "书"), ("pens", "笔"), ("eggs", "鸡蛋"), ("coins", "硬币"), ("cards", "卡片"),
    ("stones", "石头"), ("balls", "球"), ("flowers", "花"), ("stamps", "邮票"), ("pears", "梨"), ("cups", "杯子"),
)  # fmt: skip
"""What word problems count."""
PLACES: Final[Pairs] = (
    ("Paris", "巴黎"), ("London", "伦敦"), ("Rome", "罗马"), ("Berlin", "柏林"), ("Tokyo", "东京"),
    ("Beijing", "北京"), ("Shanghai", "上海"), ("Madrid", "马德里"), ("Vienna", "维也纳"), ("Cairo", "开罗"),
    ("Oslo", "奥斯陆"), ("Lima", "利马"),
)  # fmt: skip
RELATIONS: Final[Pairs] = (
    ("friend", "朋友"), ("teacher", "老师"), ("brother", "哥哥"), ("sister", "姐姐"), ("boss", "老板"),
    ("neighbour", "邻居"),
)  # fmt: skip
LABELS: Final[Pairs] = (
    ("foo", "bar"), ("A", "B"), ("X", "Y"), ("0", "1"), ("yes", "no"), ("up", "down"), ("left", "right"), ("P", "Q"),
    ("zig", "zag"), ("甲", "乙"), ("左", "右"), ("是", "否"), ("好", "坏"), ("alpha", "beta"), ("true", "false"),
)  # fmt: skip
"""Pairs of label words that say nothing by themselves."""
HEADS: Final = (
    "Ka", "Ve", "Lo", "Mi", "Tar", "Sel", "Bo", "Nu", "Dor", "Fe", "Zan", "Ri", "Gal", "Pe", "Or", "Ul",
)  # fmt: skip
MIDDLES: Final = (
    "", "la", "ri", "no", "me", "du",
)  # fmt: skip
TAILS: Final = (
    "mar", "ra", "nia", "th", "dor", "vel", "sk", "ton", "lin", "bek",
)  # fmt: skip
HANZI: Final = ("青云白石东南金玉长平", "山河林田湖桥门原谷海", "城镇村国州岛")
"""Characters of invented Chinese place names, by position."""
COLOURS: Final[Pairs] = (
    ("red", "红色"), ("blue", "蓝色"), ("green", "绿色"), ("black", "黑色"), ("white", "白色"), ("yellow", "黄色"),
)  # fmt: skip
FOODS: Final[Pairs] = (
    ("bread", "面包"), ("rice", "米饭"), ("fish", "鱼"), ("soup", "汤"), ("cheese", "奶酪"), ("noodles", "面条"),
    ("apples", "苹果"),
)  # fmt: skip
ANIMALS: Final[Pairs] = (
    ("wolf", "狼"), ("bear", "熊"), ("eagle", "鹰"), ("lion", "狮子"), ("horse", "马"), ("swan", "天鹅"),
    ("fox", "狐狸"),
)  # fmt: skip
ATTRIBUTES: Final[Pairs] = (
    ("capital", "首都"), ("colour", "颜色"), ("king", "国王"), ("river", "河流"), ("animal", "动物"),
    ("dish", "名菜"), ("code", "密码"), ("founder", "创始人"), ("population", "人口"),
    ("year of founding", "建立年份"),
)  # fmt: skip
"""What documents say of places."""
FILLER_EN: Final = (
    "The weather is mild in spring.", "Many people visit the old market.", "The roads are wide and quiet.",
    "Ships come and go every day.", "The library is open in the morning.", "Children play near the bridge.",
    "The bells ring at noon.", "Farmers bring fruit to the town.", "There is a small museum by the gate.",
    "In winter the hills are white.", "A train leaves every hour.", "Music can be heard in the streets.",
)  # fmt: skip
FILLER_ZH: Final = (
    "春天的天气很温和。", "很多人来看老市场。", "道路又宽又安静。", "每天都有船来往。", "图书馆早上开门。",
    "孩子们在桥边玩。", "中午钟声响起。", "农民把水果带到城里。", "门边有一个小博物馆。", "冬天山上一片白。",
    "每小时有一班火车。", "街上能听到音乐。",
)  # fmt: skip
