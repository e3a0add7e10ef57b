"""What the model would be given, before it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from llmlab.domain.assembly import Assembled, OriginSpan, assemble, last_question, origin_spans
from llmlab.domain.budget import Budget, LeftOut, WayOut, budget_of, ways_out
from llmlab.domain.model import ModelCard, ModelSpec, Rope
from llmlab.domain.prompting import ChatMessage, PromptOptions, RenderedPrompt
from llmlab.domain.reading import Material
from llmlab.domain.recipe import Recipe
from llmlab.domain.shots import ShotUse
from llmlab.domain.template import Render
from llmlab.engine.protocol import Engine
from llmlab.errors import UsageError
from llmlab.services.host import EngineHost, Holder
from llmlab.services.nearest import ranked
from llmlab.services.reading import Asked, Reader
from llmlab.services.ready import Ready, ready_engine
from llmlab.services.shape import require_tokens
from llmlab.services.stopping import unless
from llmlab.words import say

ATTEMPTS: Final = 8
"""Times that a prompt is made smaller by a stated policy before it is given up."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """How full the window is."""

    used: int
    """Tokens of the prompt as it would be sent now."""
    window: int
    """Tokens that the window holds."""


@dataclass(frozen=True, slots=True)
class PromptToken:
    """One token of a prompt."""

    id: int
    text: str
    span: OriginSpan


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prompt, ready to be sent or shown."""

    recipe: Recipe
    """As it was asked for; what was left out is told apart."""
    assembled: Assembled
    prompt: RenderedPrompt
    spans: tuple[OriginSpan, ...]
    budget: Budget
    ways: tuple[WayOut, ...] = ()
    """What would make it fit, when it does not."""
    left_out: LeftOut = field(default_factory=LeftOut)
    asked: str | None = None
    """The question as it was typed."""
    material: Material | None = None
    """What of the documents the prompt holds, its tokens counted in the prompt."""

    def tokens(self) -> Iterator[PromptToken]:
        """Every token with the text that begins with it; a token inside a character has none of its own."""
        offsets = self.prompt.offsets
        ends = (*offsets[1:], len(self.prompt.text))
        spans = iter(self.spans)
        span = next(spans, None)
        for token, start, end in zip(self.prompt.tokens, offsets, ends, strict=True):
            while span is not None and start >= span.end and (later := next(spans, None)) is not None:
                span = later
            if span is not None:
                yield PromptToken(token, self.prompt.text[start:end], span)

    @property
    def sent(self) -> str:
        """The question as it is sent, without examples and material; empty where it is as it was typed."""
        if self.asked is None:
            return ""
        # A document with an index is material; one without fills a hole of the template and belongs to the question.
        sent = "".join(
            segment.text
            for segment in self.assembled.messages[-1].segments
            if segment.origin != "example" and not (segment.origin == "document" and segment.index)
        )
        return "" if sent == self.asked else sent


class Preparing:
    """Makes prompts: recipe and conversation in, text with origins and tokens out."""

    def __init__(self, render: Render, reader: Reader | None = None) -> None:
        self._render = render
        self._reader = reader

    @property
    def reader(self) -> Reader:
        """What opens documents.

        Raises:
            UsageError: there is none here.
        """
        if self._reader is None:
            raise UsageError(say("Documents cannot be read here."))
        return self._reader

    async def ready(self, host: Holder, recipe: Recipe, history: Sequence[ChatMessage], question: str | None) -> Ready:
        """A loaded engine for `recipe`, in the window that its documents take, and what to hold of them.

        Args:
            host: loads the model when it must.
            recipe: what the answer depends on besides the conversation.
            history: what was said, as it was sent.
            question: as it was typed; `None` when the history ends with it.

        Raises:
            LlmlabError: the model cannot be loaded, or a document is gone.
        """
        if recipe.reading is None:
            return await ready_engine(host, recipe)
        return await self.reader.ready(host, recipe, self._asking(recipe, history, question))

    async def material(
        self, engine: Engine, card: ModelCard, recipe: Recipe, history: Sequence[ChatMessage], question: str | None
    ) -> tuple[ModelCard, Material | None]:
        """What to hold of the documents with the engine that is loaded, and its card in the window that they take."""
        if recipe.reading is None:
            return card, None
        choice, material = await self.reader.material(engine, card, recipe, self._asking(recipe, history, question))
        return replace(card, n_ctx=choice.window or self.reader.window(recipe.model, card)), material

    def _asking(self, recipe: Recipe, history: Sequence[ChatMessage], question: str | None) -> Asked:
        """What is asked of documents, with what counts the prompt without them."""
        asked = [message.text for message in history if message.role == "user"]
        if question is not None:
            asked.append(question)

        async def bare(engine: Engine, card: ModelCard) -> int:
            return (await self.prepare(engine, card, recipe, history, question)).budget.used

        return Asked(asked[-1] if asked else "", asked[-2] if len(asked) > 1 else "", bare)

    async def prepare(
        self,
        engine: Engine,
        card: ModelCard,
        recipe: Recipe,
        history: Sequence[ChatMessage],
        question: str | None,
        *,
        prefill: str = "",
        material: Material | None = None,
    ) -> Prepared:
        """The prompt of `question` after `history`, as the recipe's policy makes it fit; else with the ways out.

        Args:
            engine: loaded with the recipe's model.
            card: that model.
            recipe: what the answer depends on besides the conversation.
            history: what was said, as it was sent.
            question: as it was typed; `None` when the history ends with it.
            prefill: what the answer already has.
            material: what `Reader.material` chose of the recipe's documents.

        Raises:
            ModelError: the chat template refuses these messages.
            UsageError: a prompt template goes wrong.
            EngineError: the engine died.
        """
        left_out = LeftOut()
        if recipe.shots:
            asked = question if question is not None else last_question(history)
            recipe = replace(recipe, shots=await self.nearest(recipe.shots, asked))
        for _ in range(ATTEMPTS):
            kept = _without(recipe, left_out)
            assembled = assemble(
                kept, history[left_out.turns :], question, self._render, prefill=prefill, material=material
            )
            prompt = await engine.prompt(assembled.chat_messages(), prompt_options(kept, card, assembled))
            spans = origin_spans(assembled, prompt)
            budget = budget_of(spans, card.n_ctx, recipe.sampling.max_tokens)
            ways = ways_out(
                spans,
                budget,
                card.n_ctx_train,
                way=material.way if material else None,
                stretchable=recipe.model.rope == Rope(),
            )
            prepared = Prepared(
                recipe, assembled, prompt, spans, budget, ways, left_out, question, _counted(material, spans)
            )
            smaller = _smaller(prepared)
            if smaller is None:
                return prepared
            left_out = smaller
        return prepared

    async def nearest(self, use: ShotUse, question: str) -> ShotUse:
        """`use`, ready to tell which rows go with `question`."""
        use = await ranked(self._reader.vectors if self._reader else None, use, question)
        if use.unready:
            await asyncio.to_thread(use.make_ready)
        return use

    async def close(self) -> None:
        """End what runs for it in the background."""
        if self._reader is not None:
            await self._reader.close()

    async def prepare_for(
        self, ready: Ready, history: Sequence[ChatMessage], question: str | None, *, prefill: str = ""
    ) -> Prepared:
        """`prepare` with what is `ready`: its engine, its recipe and its material."""
        return await self.prepare(
            ready.engine, ready.card, ready.recipe, history, question, prefill=prefill, material=ready.material
        )

    def require_filled(self, recipe: Recipe, question: str) -> None:
        """That every variable of the template has a value.

        Raises:
            UsageError: one has none; the message names them.
        """
        if recipe.template and (missing := recipe.template.missing(question)):
            names = ", ".join(variable.title or variable.name for variable in missing)
            raise UsageError(
                say(
                    "The template {name} still needs: {variables}.",
                    name=recipe.template.template.title,
                    variables=names,
                ),
                hint=say("Fill them in the templates pane, or with -p NAME VALUE."),
            )


async def prepare_once(
    host: EngineHost, preparing: Preparing, recipe: Recipe, question: str, stop: asyncio.Event
) -> Prepared:
    """The prompt of one question, the model loaded for it when it must be.

    Raises:
        Stopped: `stop` was set.
        LlmlabError: as `Preparing.prepare` and `EngineHost.use` do.
    """
    preparing.require_filled(recipe, question)
    ready = await unless(stop, preparing.ready(host, recipe, (), question))
    require_tokens(recipe, ready.card)
    ready = replace(ready, recipe=shaped_at_once(ready.recipe))
    return await unless(stop, preparing.prepare_for(ready, (), question))


def shaped_at_once(recipe: Recipe) -> Recipe:
    """`recipe`, whose grammar or schema holds from the first word on: without thinking, unless it asks for that."""
    shaped = recipe.grammar is not None or recipe.schema is not None
    return replace(recipe, thinking=False) if shaped and recipe.thinks is None else recipe


def prompt_options(recipe: Recipe, card: ModelCard, assembled: Assembled) -> PromptOptions:
    """How the prompt of `assembled` ends: thinking on or off, and what the answer begins with."""
    # An answer that has begun, by a person or by a reasoning mode, has no thinking in front any more.
    thinking = False if assembled.prefill and card.can_think else recipe.thinks
    return PromptOptions(thinking=thinking, prefill=assembled.prefill.text if assembled.prefill else "")


def _counted(material: Material | None, spans: Sequence[OriginSpan]) -> Material | None:
    """`material` with the tokens that it takes in the prompt."""
    if material is None:
        return None
    return replace(material, tokens=sum(span.tokens for span in spans if span.origin == "document" and span.index))


def _without(recipe: Recipe, left_out: LeftOut) -> Recipe:
    if not left_out.examples or recipe.shots is None:
        return recipe
    return replace(recipe, shots=replace(recipe.shots, k=max(0, recipe.shots.k - left_out.examples)))


def _smaller(prepared: Prepared) -> LeftOut | None:
    """What to leave out instead, under the recipe's policy; `None` when it fits or nothing more can go."""
    policy = prepared.recipe.overflow
    if policy == "ask" or not prepared.budget.over:
        return None
    shown = len({span.index for span in prepared.spans if span.origin == "example"})
    turns = len({span.index for span in prepared.spans if span.origin == "history"})
    now = prepared.left_out
    for way in prepared.ways:
        if way.kind == "drop_turns" == policy:
            return replace(now, turns=now.turns + way.amount)
        if way.kind == "fewer_examples" == policy:
            return replace(now, examples=now.examples + shown - way.amount)
    if policy == "drop_turns" and turns > 1:
        return replace(now, turns=now.turns + turns - turns % 2)
    if policy == "fewer_examples" and shown:
        return replace(now, examples=now.examples + shown)
    return None


class NoRoom(UsageError):
    """The window does not hold a prompt; the message names the sizes and the ways out."""

    def __init__(self, prepared: Prepared) -> None:
        what = say(
            "The prompt has {tokens:,} tokens and the window of {model} holds {window:,}; nothing was sent.",
            tokens=prepared.budget.used,
            window=prepared.budget.window,
            model=prepared.recipe.model.name,
        )
        super().__init__(what, hint=_advice(prepared))
        self.prepared = prepared
        """What was not sent."""


def require_room(prepared: Prepared) -> None:
    """That the window holds the prompt and the beginning of an answer; nothing is ever cut to make it so.

    Raises:
        NoRoom: it does not.
    """
    if not prepared.budget.sendable:
        raise NoRoom(prepared)


def _advice(prepared: Prepared) -> str:
    said = [way_in_words(way) for way in prepared.ways if way.kind != "shorter_answer"]
    said.append(say("shorten the message or start a new chat (ctrl+n)"))
    return say("Ways out: {ways}.", ways="; ".join(said))


def left_out_in_words(left_out: LeftOut) -> str:
    """What was left out of a prompt; empty when nothing was."""
    if not left_out:
        return ""
    return say("left out: {turns} messages, {examples} examples", turns=left_out.turns, examples=left_out.examples)


def way_in_words(way: WayOut) -> str:
    """A way out as part of a sentence."""
    match way.kind:
        case "drop_turns":
            return say("leave out the oldest {count} messages ({tokens:,} tokens)", count=way.amount, tokens=way.frees)
        case "fewer_examples":
            return say("show {count} examples ({tokens:,} tokens less)", count=way.amount, tokens=way.frees)
        case "shorter_answer":
            return say("set max_tokens to {tokens:,}", tokens=way.amount)
        case "larger_window":
            return say("raise n_ctx to {tokens:,} in models.toml", tokens=way.amount)
        case "passages":
            return say("read the documents as passages ({tokens:,} tokens less)", tokens=way.frees)
        case "stretch":
            return say("read them stretched, in a window of {tokens:,} tokens", tokens=way.amount)


class Preview:
    """Shows prompts with the tokenizer of the model that is loaded; never loads one."""

    def __init__(self, host: EngineHost, preparing: Preparing) -> None:
        self._host = host
        self._preparing = preparing

    async def prepared(self, history: Sequence[ChatMessage], draft: str, recipe: Recipe) -> Prepared | None:
        """The prompt of `history` with `draft` as next question; `None` while the model is not ready.

        Raises:
            ModelError: the chat template refuses these messages.
            UsageError: a prompt template goes wrong.
            EngineError: the engine died.
        """
        loaded = self._loaded(recipe)
        engine, card = self._host.loaded(loaded), self._host.state.card
        if engine is None or card is None:
            return None
        question = None if history and not draft.strip() else draft
        card, material = await self._preparing.material(engine, card, recipe, history, question)
        return await self._preparing.prepare(engine, card, recipe, history, question, material=material)

    def _loaded(self, recipe: Recipe) -> ModelSpec:
        """The spec that is loaded for a recipe: with documents it may have a window that was made for them."""
        if recipe.reading is None:
            return recipe.model
        return self._preparing.reader.loaded(self._host, recipe.model) or recipe.model

    async def nearest(self, use: ShotUse, question: str) -> ShotUse:
        """`use`, ready to tell which rows go with `question`."""
        return await self._preparing.nearest(use, question)

    async def sizes(self, texts: Sequence[str], spec: ModelSpec) -> list[int] | None:
        """Tokens of each text alone, counted in one request; `None` while the model is not ready.

        Raises:
            EngineError: the engine died.
        """
        engine = self._host.loaded(spec)
        return None if engine is None else await engine.count(texts)
