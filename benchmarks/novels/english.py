"""An English novel in chapters, in the manner of the three-deckers."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

from benchmarks.novels.grammar import Fact, Grammar, read_pools

_ONES: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS: Final = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def counted(value: int) -> str:
    """1 to 999 in words."""
    if value >= 100:
        rest = f" and {counted(value % 100)}" if value % 100 else ""
        return f"{_ONES[value // 100]} hundred{rest}"
    if value >= 20:
        return _TENS[value // 10] + (f"-{_ONES[value % 10]}" if value % 10 else "")
    return _ONES[value]


class English(Grammar):
    """English sentences, chapters and facts."""

    def __init__(self, rng: random.Random) -> None:
        pools = read_pools("english")
        super().__init__(rng, pools, [f"{first} {last}" for first in pools["first"] for last in pools["last"]])

    def heading(self, number: int) -> str:
        """Number and matter of a chapter."""
        return f"CHAPTER {number}. In Which {self.one(self.cast)} Visits {self.one(self.pools['places'])}"

    @property
    def kinds(self) -> Sequence[Callable[[], Fact]]:
        """Half of them about the cast, half about what is met only a few times."""
        return (
            self._bought, self._inn, self._horse, self._lent, self._abbey, self._bell,
            self._buried, self._doctor, self._wager, self._ship, self._wine, self._appointed,
        )  # fmt: skip

    def _coined(self) -> str:
        """A name that no pool holds."""
        return self.fresh(lambda: "".join(self.rng.choices(self.pools["syllables"], k=3)).capitalize())

    def _money(self) -> str:
        return f"{counted(self.rng.randrange(11, 900))} pounds"

    def _bought(self) -> Fact:
        pair = self.fresh(
            lambda: f"{self.one(self.cast)}|{self.one(self.pools['makes'])} {self.one(self.pools['things'])}"
        )
        who, thing = pair.split("|")
        price = self._money()
        return Fact(
            f"How much did the {thing} cost {who}?",
            price,
            f"{who} fell in love with the {thing} at first sight and gave {price} for it without haggling.",
            (f"{who} kept the {thing} locked away and showed it to nobody.",),
        )

    def _inn(self) -> Fact:
        inn, owner = f"the {self._coined()} Arms", next(self.names)
        return Fact(
            f"What is the landlord of {inn} called?",
            owner,
            f"At the corner stood {inn}, a busy house; the man who kept it was {owner}, the kindest soul alive.",
            (f"{self.one(self.cast)} rode past {inn} without stopping.", f"The sign of {inn} creaked in the wind."),
        )

    def _horse(self) -> Fact:
        horse, years = self._coined(), counted(self.rng.randrange(4, 30))
        return Fact(
            f"How old is the horse named {horse}?",
            f"{years} years",
            f"In the last stall was a grey mare they called {horse}; with {years} years behind her, still sound.",
            (f"{self.one(self.cast)} saddled {horse} and rode out.",),
        )

    def _lent(self) -> Fact:
        lender, borrower = self.fresh(lambda: "|".join(self.rng.sample(self.cast, 2))).split("|")
        purpose = self.one(("a lawsuit", "a dowry", "a commission", "the new roof", "a passage to India"))
        amount = self._money()
        return Fact(
            f"What sum did {borrower} borrow from {lender} to pay for {purpose}?",
            amount,
            f"{borrower} needed money for {purpose}, and {lender} lent {amount}, to be returned within the year.",
        )

    def _abbey(self) -> Fact:
        abbey = f"{self._coined()} Abbey"
        cause = self.one(("lightning", "a flood", "cannon fire", "an earthquake", "a careless candle", "dry rot"))
        return Fact(
            f"How was {abbey} destroyed?",
            cause,
            f"Of {abbey}, once the glory of the county, {cause} had left nothing but one broken arch.",
            (f"{self.one(self.cast)} sketched {abbey} twice.", f"The ruins of {abbey} lay to the north."),
        )

    def _bell(self) -> Fact:
        bell, founder = self._coined(), next(self.names)
        return Fact(
            f"Who made the great bell {bell}?",
            founder,
            f"The great bell, {bell}, was cast by {founder} out of captured guns, and seven years went into it.",
            (f"{bell} was heard across the valley.",),
        )

    def _buried(self) -> Fact:
        who = next(self.names)
        spot = self.one(("sundial", "old well", "cedar", "hearthstone", "dovecote", "garden wall"))
        thing = self.one(("deeds", "gold", "will", "letters", "diamonds", "parish register"))
        return Fact(
            f"Where did {who} hide the {thing}?",
            spot,
            f"With his last breath {who} confessed that the {thing} lay three feet under the {spot}.",
            (f"It was rumoured that {who} had the {thing}, though nobody had seen a trace.",),
        )

    def _doctor(self) -> Fact:
        doctor, ill = next(self.names), self.one(self.cast)
        drug = self.one(("laudanum", "quinine", "foxglove", "calomel", "valerian", "arnica", "ipecac", "camphor"))
        return Fact(
            f"Which remedy did Doctor {doctor} prescribe for {ill}?",
            drug,
            f"Doctor {doctor} felt the pulse of {ill}, frowned, and wrote down {drug}, thrice a day for a week.",
            (f"The whole town swore by Doctor {doctor}.",),
        )

    def _wager(self) -> Fact:
        winner, loser = self.fresh(lambda: "|".join(self.rng.sample(self.cast, 2))).split("|")
        thing, game = (
            self.one(self.pools["things"]),
            self.one(("chess", "whist", "billiards", "archery", "a boat race", "cribbage")),
        )
        return Fact(
            f"What did {loser} lose to {winner} at {game}?",
            thing,
            f"In a wager over {game} with {winner}, {loser} had to part with a much-loved {thing}.",
        )

    def _ship(self) -> Fact:
        ship, cargo = f"the {self._coined()}", self.one(("silk", "tea", "porcelain", "salt", "sugar", "lamp oil"))
        return Fact(
            f"What was the cargo of the ship {ship}?",
            cargo,
            f"{ship[0].upper()}{ship[1:]}, a two-master bound for {self.one(self.pools['places'])}, "
            f"was laden with {cargo} to the hatches.",
            (f"Every porter on the quay knew {ship}.",),
        )

    def _wine(self) -> Fact:
        wine = self._coined()
        fruit = self.one(("elderberries", "quinces", "sloes", "damsons", "cowslips", "rowan berries"))
        return Fact(
            f"What is the wine called {wine} made from?",
            fruit,
            f"The secret of {wine}, that famous wine, was {fruit}, gathered before sunrise and kept ten years in oak.",
            (f"{self.one(self.cast)} drank two glasses of {wine} and grew talkative.",),
        )

    def _appointed(self) -> Fact:
        who, place = next(self.names), self.one(self.pools["places"])
        day = f"the {self._ordinal(self.rng.randrange(1, 29))} of {self.one(('March', 'April', 'June', 'October'))}"
        return Fact(
            f"When does {who} take office in {place}?",
            day,
            f"The dispatch was plain: {who} was to enter upon his duties at {place} on {day}, without delay.",
            (f"{who} was much talked of in {self.one(self.pools['places'])}.",),
        )

    def _ordinal(self, value: int) -> str:
        ending = "th" if value in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
        return f"{value}{ending}"
