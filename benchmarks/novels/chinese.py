"""A Chinese novel in chapters, in the manner of the classics."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

from benchmarks.novels.grammar import Fact, Grammar, read_pools

_DIGITS: Final = "零一二三四五六七八九"


def counted(value: int) -> str:
    """1 to 999 in words."""
    hundreds, tens, ones = value // 100, value // 10 % 10, value % 10
    said = f"{_DIGITS[hundreds]}百" if hundreds else ""
    if tens:
        said += ("" if tens == 1 and not hundreds else _DIGITS[tens]) + "十"
    elif hundreds and ones:
        said += "零"
    return said + (_DIGITS[ones] if ones else "")


class Chinese(Grammar):
    """Chinese sentences, chapters and facts."""

    joint = ""
    indent = "　　"

    def __init__(self, rng: random.Random) -> None:
        pools = read_pools("chinese")
        names = [
            surname + first + second for surname in pools["surnames"] for first, second in pairwise(pools["given"])
        ]
        super().__init__(rng, pools, names)

    def heading(self, number: int) -> str:
        """Number and couplet of a chapter."""
        first, second = self._verse(7), self._verse(7)
        return f"第{counted(number)}回　{first}　{second}"

    def paragraph(self) -> list[str]:
        """Three to nine sentences; now and then a poem."""
        if self.rng.random() < 0.06:
            couplets = (f"{self._verse(7)}，{self._verse(7)}。" for _ in range(self.rng.choice((1, 2, 4))))
            return ["正是：" + "".join(couplets)]
        return super().paragraph()

    def _verse(self, length: int) -> str:
        return "".join(self.rng.choices(self.pools["verse"], k=length))

    @property
    def kinds(self) -> Sequence[Callable[[], Fact]]:
        """Half of them about the cast, half about what is met only a few times."""
        return (
            self._bought, self._inn, self._horse, self._lent, self._temple, self._sword,
            self._buried, self._doctor, self._wager, self._ship, self._recipe, self._letter,
        )  # fmt: skip

    def _money(self) -> str:
        return f"{counted(self.rng.randrange(11, 900))}两"

    def _owned(self) -> tuple[str, str]:
        """One of the cast and a thing that only this one has."""
        pair = self.fresh(
            lambda: f"{self.one(self.cast)} {self.one(self.pools['makes'])}{self.one(self.pools['things'])}"
        )
        who, thing = pair.split()
        return who, thing

    def _bought(self) -> Fact:
        who, thing = self._owned()
        price = self._money()
        return Fact(
            f"{who}的{thing}花了多少银子才到手？",
            price,
            f"{who}一眼相中那{thing}，也不还价，当场拿出{price}纹银买下。",
            (f"{who}把{thing}收在柜中，轻易不肯示人。",),
        )

    def _inn(self) -> Fact:
        inn = self.fresh(lambda: f"{self._verse(2)}客栈")
        owner = next(self.names)
        return Fact(
            f"{inn}的掌柜叫什么名字？",
            owner,
            f"街角的{inn}生意兴隆，开店的名叫{owner}，为人最是和气。",
            (f"{self.one(self.cast)}路过{inn}，并不停留。", f"{inn}门前的酒旗被风吹得猎猎作响。"),
        )

    def _horse(self) -> Fact:
        who, colour = self.one(self.cast), self.one(("枣红马", "白龙驹", "乌骓马", "黄骠马", "青鬃马", "雪蹄马"))
        horse = self.fresh(lambda: f"“{self._verse(2)}”")
        years = counted(self.rng.randrange(3, 40))
        return Fact(
            f"那匹唤作{horse}的马几岁了？",
            f"{years}岁",
            f"马厩里有匹{colour}，取名{horse}，今年已有{years}岁，脚力仍健。",
            (f"{who}骑着{horse}出城去了。",),
        )

    def _lent(self) -> Fact:
        lender, borrower = self.fresh(lambda: " ".join(self.rng.sample(self.cast, 2))).split()
        sum_, purpose = self._money(), self.one(("修坟", "捐官", "嫁女", "赎田", "翻盖老宅", "打官司"))
        return Fact(
            f"{borrower}为了{purpose}，从{lender}手里借走了多少钱？",
            sum_,
            f"{borrower}要{purpose}，手头短缺，{lender}便借与他{sum_}银子，言明来年归还。",
        )

    def _temple(self) -> Fact:
        temple = self.fresh(lambda: f"{self._verse(2)}寺")
        cause = self.one(("雷火", "兵乱", "山洪", "地震", "香客失火", "白蚁"))
        return Fact(
            f"{temple}是怎么毁掉的？",
            cause,
            f"{temple}本有三进殿宇，可惜前朝毁于{cause}，只剩半截残碑。",
            (f"{self.one(self.cast)}到{temple}烧过两回香。", f"远远望见{temple}的塔影。"),
        )

    def _sword(self) -> Fact:
        sword, smith = self.fresh(lambda: f"{self._verse(2)}剑"), next(self.names)
        place = self.one(self.pools["places"])
        return Fact(
            f"{sword}由何人锻造？",
            smith,
            f"若问{sword}的来历，乃是{place}铁匠{smith}以陨铁打成，历时七年。",
            (f"{self.one(self.cast)}腰悬{sword}，大步走来。", f"{sword}出鞘，寒光逼人。"),
        )

    def _buried(self) -> Fact:
        who = next(self.names)
        tree = self.one(("银杏", "古槐", "老梅", "枯井", "石狮", "桂树"))
        thing = self.one(("金条", "族谱", "地契", "兵符", "玉玺", "账册"))
        return Fact(
            f"{who}把{thing}藏在什么地方？",
            tree,
            f"{who}临终前吐露，那{thing}就埋在老宅{tree}底下三尺深处。",
            (f"人人都说{who}手里有一份{thing}，却没有谁见过。",),
        )

    def _doctor(self) -> Fact:
        doctor = next(self.names)
        ill, herb = self.one(self.cast), self.one(("附子", "黄连", "人参", "当归", "麻黄", "大黄", "半夏", "柴胡"))
        return Fact(
            f"{doctor}给{ill}看病时主要用了哪味药？",
            herb,
            f"{doctor}诊过脉，说{ill}的病是虚火上炎，方子里以{herb}为君药，嘱咐连服七剂。",
            (f"城中都说{doctor}的医术高明。",),
        )

    def _wager(self) -> Fact:
        winner, loser = self.fresh(lambda: " ".join(self.rng.sample(self.cast, 2))).split()
        thing, game = self.one(self.pools["things"]), self.one(("下棋", "射箭", "猜灯谜", "斗蟋蟀", "赛马", "投壶"))
        return Fact(
            f"{loser}与{winner}{game}，把什么东西输掉了？",
            thing,
            f"那回{winner}和{loser}{game}打赌，{loser}技不如人，只得把心爱的{thing}输与对方。",
        )

    def _ship(self) -> Fact:
        ship = self.fresh(lambda: f"“{self._verse(2)}号”")
        cargo, place = self.one(("生丝", "茶砖", "瓷器", "海盐", "药材", "桐油")), self.one(self.pools["places"])
        return Fact(
            f"{ship}商船上装的是什么货物？",
            cargo,
            f"{ship}是条双桅大船，满载{cargo}，由{place}扬帆南下。",
            (f"码头上的人都认得{ship}。",),
        )

    def _recipe(self) -> Fact:
        wine = self.fresh(lambda: f"{self._verse(2)}春")
        water = self.one(("梅上雪水", "山泉", "井水", "荷叶露", "江心水", "冰窖融水"))
        return Fact(
            f"名酒{wine}是用哪种水酿的？",
            water,
            f"要说{wine}这种酒，妙处全在取{water}来酿，封坛十载才开。",
            (f"{self.one(self.cast)}吃了两盏{wine}，便有些醉意。",),
        )

    def _letter(self) -> Fact:
        sender, place = next(self.names), self.one(self.pools["places"])
        day = f"{counted(self.rng.randrange(1, 13))}月{counted(self.rng.randrange(1, 31))}"
        return Fact(
            f"{sender}哪一天到{place}上任？",
            day,
            f"公文上写得明白，{sender}定于{day}赴{place}接印就职，不得延误。",
            (f"{sender}的名声，在{self.one(self.pools['places'])}一带颇大。",),
        )
