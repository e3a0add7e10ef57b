"""Sentences of many languages, and plain texts that are damaged on purpose."""

from __future__ import annotations

ZH = "话说天下大势，分久必合，合久必分。周末七国分争，并入于秦。\n及秦灭之后，楚、汉分争，又并入于汉。\n"
TW = "話說天下大勢，分久必合，合久必分。周末七國分爭，並入於秦。\n及秦滅之後，楚、漢分爭，又並入於漢。\n"
HK = TW + "嘅咗喺啲嚟，佢哋唔係呢度嘅人。\n"
RARE = "他姓𠮷，名𪚥。😀 生僻字：㐂㒳㗊。话说天下大势，分久必合。\n"
JA = "吾輩は猫である。名前はまだ無い。\nどこで生れたかとんと見当がつかぬ。\n"
KO = "동해 물과 백두산이 마르고 닳도록\n하느님이 보우하사 우리나라 만세\n"
EN = "It was the best of times, it was the worst of times.\nIt was the age of wisdom.\n"
QUOTES = "“It’s a naïve café”, he said — for £5…\n"
DE = "Die Straße nach München führt über die Brücke.\nSchöne Grüße!\n"
PL = "Zażółć gęślą jaźń; część dziś, później będę.\n"
RU = "Все счастливые семьи похожи друг на друга,\nкаждая несчастливая семья несчастлива по-своему.\n"
EL = "Τραγούδα θεά, την οργή του Αχιλλέα,\nγιου του Πηλέα.\n"
TR = "Şu küçük köyde yaşayan ığdırlı çocuk güneşi gördü.\n"
HE = "בראשית ברא אלהים את השמים ואת הארץ\n"
AR = "في البدء خلق الله السماوات والأرض وكانت الأرض خربة\n"
TH = "ในปฐมกาลพระเจ้าทรงสร้างฟ้าสวรรค์และแผ่นดิน\n"


def noise(size: int, seed: int = 7) -> bytes:
    """Bytes without any pattern, the same each time."""
    out = bytearray()
    state = seed
    for _ in range(size):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append(state >> 56)
    return bytes(out)
