"""The reproducibility card of an answer that is drawn, goes on, or was edited."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from llmlab.domain.authorship import UNKNOWN, Authors, Stretch, after_edit, joined, part
from llmlab.domain.card import Card, Given, card_of
from llmlab.domain.messages import Message
from llmlab.services.reasoned import Asking
from llmlab.services.recipe_codec import encode_recipe, freeze


def card_for(asking: Asking, question: str, *, reused: int = 0) -> Card:
    """What the answer that `asking` draws comes from.

    Args:
        asking: what is asked, and how.
        question: by which the examples were chosen.
        reused: tokens of the prompt that were in the cache.
    """
    recipe = freeze(asking.prepared.recipe, question)
    return card_of(
        recipe.model,
        asking.ready.card,
        asking.sampling,
        asking.tokens,
        reused=reused,
        recipe=encode_recipe(recipe),
    )


def going_on(card: Card, message: Message, said: str, *, exact: bool) -> Card:
    """`card` as that of a generation that goes on from `message`.

    Args:
        card: what the generation comes from.
        message: the answer before it goes on.
        said: what of its text is gone on from.
        exact: it goes on from the very tokens that were written.
    """
    before = message.origin.card if message.origin else None
    return replace(
        card,
        given=Given(
            characters=len(said),
            sha256=hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest(),
            thinking=len(message.thinking),
            exact=exact,
        ),
        authors=tuple(part(authors_of(message), 0, len(said))),
        earlier=(*before.earlier, replace(before, authors=(), edited=False, earlier=())) if before else (),
    )


def grown(card: Card, length: int) -> Card:
    """The card of a generation that goes on, once the text of its answer has `length` characters."""
    if card.given is None:
        return card
    return replace(card, authors=joined([*card.authors, Stretch(length - card.given.characters, card.go)]))


def edited_card(message: Message, text: str) -> Card | None:
    """The card of `text`, which a person made of `message`; `None` where that did not say what it came from.

    Compares the texts word by word, which may take a while; call it in a thread.
    """
    card = message.origin.card if message.origin else None
    if card is None or text == message.text:
        return card
    return replace(card, authors=after_edit(authors_of(message), message.text, text), edited=True)


def authors_of(message: Message) -> Authors:
    """Who wrote what of an answer."""
    card = message.origin.card if message.origin else None
    if card is not None and card.authors:
        return card.authors
    return joined([Stretch(len(message.text), UNKNOWN if card is None else card.go)])
