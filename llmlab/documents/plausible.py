"""Which encoding a text without any sign of it was probably written in: the one in which it reads like a language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

ENOUGH: Final = 0.5
"""Worth from which a guess is good; text of the languages below has 0.6 to 1, in a wrong encoding less than 0.4."""

_PIECE: Final = 12 << 10
"""Bytes of each of the three samples that are judged."""

_HAN: Final = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学"
    "如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两"
    "高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员"
    "解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至"
    "队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观"
    "清今切院让识候带导争运笑飞风步改收根干造言联持组每济车亲极林服快办议往元英士证近失转夫令准布始怎呢存未远叫台单影具罗字爱击流备兵连调深"
    "商算质团集百需价花党华城石级整府离况亚请技际约示复病息究线似官火断精满支视消越器容照须九增研写称企八功吗包片史委乎查轻易早曾除农找装广"
    "显吧阿李标谈吃图念六引历首医局突专费号尽另周较注语仅考落青随选列武红响虽推势参希古众构房半节土投某案黑维革划敌致陈律足态护七兴派孩验责"
    "营星够章音跟志底站严巴例防族供效续施留讲型料终答紧黄绝奇察母京段依批群项故按河米围江织害斗双境客纪采举杀攻父苏密低朝友诉止细愿千值仍男"
    "钱破网热助倒育属坐帝限船脸职速刻乐否刚威毛状率甚独球般普怕弹校苦创假久错承印晚兰试股拿脑预谁益阳若哪微尼继送急血惊伤素药适波夜省初喜卫"
    "源食险待述陆习置居劳财环排福纳欢雷警获模充负云停木游龙树疑层冷洲冲射略范竟句室异激汉村哈策演简卡罪判担州静退既衣您宗积余痛检差富灵协角"
    "占配征修皮挥胜降阶审沉坚善妈刘读啊超免压银买皇养伊怀执副乱抗犯追帮宣佛岁航优怪香著田铁控税左右份穿艺背阵草脚概恶块顿敢守酒岛托央户烈洋"
    "哥索胡款靠评版宝座释景顾弟登货互付伯慢欧换闻危忙核暗姐介坏讨丽良序升监临亮露永呼味野架域沙掉括舰鱼杂误湾吉减编楚肯测败屋跑梦散温困剑渐"
    "封救贵枪缺楼县尚毫移娘朋画班智亦耳恩短掌恐遗固席松秘谢鲁遇康虑幸均销钟诗藏赶剧票损忽巨炮旧端探湖录叶春乡附吸予礼港雨呀板庭妇归睛饭额含"
    "這個們來為國說時會對後發過裡裏麼學現當沒動還進樣開從實軍無與長機關點業將兩間問應戰頭體產話給見門兒員東聲論處義幾認條係氣題爾變總電數"
    "報結務場計資許統區隊決達強難權設記類據邊張該規萬覺術領確傳師觀讓識帶導爭運飛風幹聯濟車親極辦議證轉單羅愛擊備連調質團價黨級離況亞請際約"
    "復線斷滿視須寫稱嗎輕農裝廣顯標談圖歷醫專費號盡較語僅隨選紅響雖勢參眾構節維劃敵態護興驗責營夠嚴續講終緊黃絕項圍織鬥雙紀採舉殺蘇訴細願值"
    "錢網熱屬職剛樂獨彈創錯蘭試腦預誰陽繼驚傷藥適衛險陸習勞財環納歡獲負雲遊龍樹層衝範異漢簡擔靜積餘檢靈協佔徵揮勝階審堅媽劉讀壓銀買養懷執亂"
    "於臺灣著麗臨雜誤減編測敗夢溫劍漸槍縣畫遺鬆謝慮銷鐘詩趕劇損砲舊錄葉鄉禮婦歸飯額曹操備關羽亮孫權漢帝公侯吾汝乃曰矣哉焉"
)
_HAN_MARKS: Final = frozenset("，。、；：？！「」『』“”‘’《》〈〉（）【】…—　·")
_KANA: Final = re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc]")
_HANGUL: Final = frozenset(
    "이다는을의에가고하지로은도를기사한그서나자어리시인아있대정일라수해들보여부만면니었제으적전주구게상마스비장선과조습까없것와안요경러동무때원성"
    "신공우세유물러며생중위소국등방말오치당화문내관심본연모교실발학명분회거간양계건미통입체결개작가여행반용데려였했렇않합같겠네"
)
_SYLLABLE: Final = re.compile("[\uac00-\ud7a3]")
_IDEOGRAPH: Final = re.compile("[\u4e00-\u9fff]")
_PUNCTUATION: Final = frozenset("’‘“”–—…«»€£°©®§·•†‡„‚‹›\xa0")

_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_ODD: Final = re.compile("[\x80-\x9f\ue000-\uf8ff]")
"""Controls of the upper half, and characters for private use."""

_RANKED: Final = {
    "ru": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
    "uk": "оаинвтіерслкдумпязьбгчїєжйцшхщюґф",
    "el": "αοιετνσηυρπκμλςωδγχθφβξζψίάόέήύώϊ",
    "he": "יוהלאתמרבשנעםדחקפטגכןסזץםףך",
    "ar": "الينموتربةعدسفهكقحجطخشصأزضىغثذءؤئإآظ",
    "th": "านรกเ่้งอมีัยลวดิทสตะปุบค์หแจพชขื็ใไโำผูถซึศธณๆญภฐฉฟฝฮ",
}
"""Letters of languages that have scripts of their own, the most frequent first."""
_ACCENTED: Final = {
    "fr": "éèàêçùâîôûœëïü",
    "de": "äüöß",
    "es": "óáíñéúü",
    "pt": "ãçáéóíõêâúà",
    "it": "èàòùìé",
    "nordic": "äåöøæéðþáíóúý",
    "pl": "łąęóśżćńź",
    "cs": "íáéěřčžýůšúňťďóľĺŕô",
    "hu": "áéöóőüíúű",
    "ro": "ăîâşţșț",
    "hr": "čšžćđ",
    "tr": "ıişğüçöâî",
    "baltic": "āīēšžūķļņģčėųąęįäõöü",
}
"""Letters beyond ASCII of languages that are written with Latin ones."""

_SINGLE: Final = (
    ("windows-1252", "cp1252", ("fr", "de", "es", "pt", "it", "nordic")),
    ("windows-1250", "cp1250", ("pl", "cs", "hu", "ro", "hr")),
    ("windows-1254", "cp1254", ("tr",)),
    ("windows-1257", "cp1257", ("baltic",)),
    ("iso-8859-2", "iso8859_2", ("pl", "cs", "hu", "hr")),
    ("macintosh", "mac_roman", ("fr", "de", "es", "pt", "it")),
    ("windows-1251", "cp1251", ("ru", "uk")),
    ("koi8-r", "koi8_r", ("ru",)),
    ("ibm866", "cp866", ("ru",)),
    ("windows-1253", "cp1253", ("el",)),
    ("windows-1255", "cp1255", ("he",)),
    ("windows-1256", "cp1256", ("ar",)),
    ("windows-874", "cp874", ("th",)),
)
"""Encodings of one byte a character: name, codec and languages that they were made for; the first one wins a tie."""
_WIDE: Final = (
    ("gb18030", "gb18030", "han"),
    ("big5", "cp950", "han"),
    ("big5", "big5hkscs", "han"),
    ("shift_jis", "cp932", "ja"),
    ("euc_jp", "euc_jp", "ja"),
    ("euc_kr", "cp949", "ko"),
    ("utf-16-le", "utf_16_le", "any"),
    ("utf-16-be", "utf_16_be", "any"),
)
"""Encodings of several bytes a character."""


@dataclass(frozen=True, slots=True)
class Guess:
    """An encoding that a text may be written in."""

    name: str
    """As people know it."""
    codec: str
    """As Python knows it."""
    worth: float
    """How much like a language the text reads, at most 1."""


def best_guess(data: bytes, *, wide: bool = True) -> Guess:
    """The encoding in which `data` reads most like a language; of worth 0 or less when it reads like none."""
    sample = _sample(data)
    found = [Guess(name, codec, _single_worth(_read(sample, codec), langs)) for name, codec, langs in _SINGLE]
    if wide:
        found += (Guess(name, codec, _wide_worth(_read(sample, codec), script)) for name, codec, script in _WIDE)
    return max(found, key=lambda guess: round(guess.worth, 3))


def worth_in(data: bytes, codec: str) -> float | None:
    """How much like a language `data` reads in the encoding of `codec`; `None` where that cannot be judged."""
    found = [_single_worth(_read(_sample(data), codec), languages) for _, each, languages in _SINGLE if each == codec]
    found += (_wide_worth(_read(_sample(data), codec), script) for _, each, script in _WIDE if each == codec)
    return max(found, default=None)


def _sample(data: bytes) -> bytes:
    """The beginning, the middle and the end of `data`; pieces begin at lines where there are any, and on even bytes."""
    if len(data) <= 4 * _PIECE:
        return data
    pieces = [data[:_PIECE]]
    for start in (len(data) // 2, len(data) - _PIECE):
        line = data.find(b"\n", start, start + _PIECE // 2)
        start = line + 1 if line >= 0 else start
        start += start % 2
        pieces.append(data[start : start + _PIECE])
    return b"".join(pieces)


def _read(sample: bytes, codec: str) -> str:
    return sample.decode(codec, "replace")


def _strange(text: str) -> float:
    """What speaks against any text: bytes that mean nothing, controls, characters for private use."""
    return 3.0 * text.count("\ufffd") + 2.0 * len(_CONTROL.findall(text)) + 1.5 * len(_ODD.findall(text))


def _wide_worth(text: str, script: str) -> float:
    if script == "any":
        # Half of the bytes of a Latin text in UTF-16 are zero; those texts are told before anything is guessed.
        return max(_wide_worth(text, each) for each in ("han", "ja", "ko"))
    foreign = Counter(character for character in text if character > "\x7f")
    if not foreign:
        return 0.0
    total = sum(foreign.values())
    worth = 0.0
    for character, count in foreign.items():
        worth += count * _WORTH[script](character)
    return (worth - _strange(text)) / total


def _han_worth(character: str) -> float:
    if character in _HAN or character in _HAN_MARKS:
        return 1.0
    if _IDEOGRAPH.match(character):
        # Of the characters of GB 2312 and Big5, the first half is in use.
        return 0.25 if _is_common(character) else -0.1
    return 0.2 if _KANA.match(character) else -0.3


def _is_common(character: str) -> bool:
    """Whether it is among the usual ones of GB 2312 (rows 16 to 55) or Big5 (up to C67E)."""
    try:
        return "\xb0" <= chr(character.encode("gb2312")[0]) <= "\xd7"
    except UnicodeEncodeError:
        pass
    try:
        return character.encode("big5")[0] <= 0xC6
    except UnicodeEncodeError:
        return False


def _japanese_worth(character: str) -> float:
    if _KANA.match(character):
        return 1.0
    if character in "、。「」『』・（）！？…　":
        return 1.0
    if _IDEOGRAPH.match(character):
        return 0.6 if character in _HAN else 0.4 if _is_common(character) else 0.0
    return -1.0 if "\uff61" <= character <= "\uff9f" else -0.3


def _korean_worth(character: str) -> float:
    if character in _HANGUL:
        return 1.0
    if _SYLLABLE.match(character):
        return 0.3
    return 0.0 if _IDEOGRAPH.match(character) else 0.3 if character in _HAN_MARKS else -0.3


_WORTH: Final = {"han": _han_worth, "ja": _japanese_worth, "ko": _korean_worth}


def _single_worth(text: str, languages: Iterable[str]) -> float:
    foreign = Counter(character for character in text if character > "\x7f")
    total = sum(foreign.values())
    if not total:
        return 0.0
    bent = _bent(text)
    return max((_letters_worth(foreign, language) - bent - _strange(text)) / total for language in languages)


def _letters_worth(foreign: Counter[str], language: str) -> float:
    ranked = _RANKED.get(language)
    letters = ranked or _ACCENTED[language]
    worth = 0.0
    for character, count in foreign.items():
        lower = character.lower()
        at = letters.find(lower) if len(lower) == 1 else -1
        if at >= 0:
            each = (1.0 if at * 3 < len(letters) else 0.7 if at * 3 < 2 * len(letters) else 0.2) if ranked else 1.0
            worth += count * (each if character == lower else each * (0.95 if ranked else 0.8))
        elif character in "¿¡":
            worth += count * (1.0 if language == "es" else 0.0)
        elif character in _PUNCTUATION:
            worth += count * 0.8
        else:
            worth -= count * (0.6 if character.isalpha() else 0.4)
    return worth


_BENT: Final = re.compile(
    r"(?<=[a-zß-öø-ÿ\u03ac-\u03ce\u0430-\u045f])[À-ÖØ-ÞĀ-Ž\u0386-\u03ab\u0400-\u042f]"  # a capital in a word
    r"|(?<=[a-z\u0430-\u045f])[¤¦¨¬¯±²³´¶¸¹¼-¾×÷¢¥](?=[a-z\u0430-\u045f])"  # a sign in a word
    r"|(?<=[A-Za-z])[\u0370-\u0eff]|[\u0370-\u0eff](?=[A-Za-z])"  # two alphabets in a word
    r"|(?<=[^\W\d_])[‹›‚„“”†‡•](?=[^\W\d_])"
    r"|[\u00c0-\u00ff\u0100-\u017f]{4,}"  # no language of Latin letters has four accented ones in a row
)


def _bent(text: str) -> float:
    """How often words are bent in ways that no language has."""
    count = 0
    for match in _BENT.finditer(text):
        bent = match.group()
        if len(bent) >= 4:
            count += len(bent)
        elif bent >= "\u0370" or bent.isupper() or not bent.isalpha():  # capitals and small letters alternate in Ā-Ž
            count += 1
    return float(count)
