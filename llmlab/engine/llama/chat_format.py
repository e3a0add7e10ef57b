"""From messages to tokens: the model's chat template, and content that never becomes a control token."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate, pairwise

from llmlab.domain.prompting import ChatMessage, PromptOptions, RenderedPrompt, Span
from llmlab.domain.reasoning import HARMONY, THINK, marks_of
from llmlab.engine.llama.marking import Marked, Message, Stretch, render_marked
from llmlab.engine.llama.sandbox import FAILURES, ChatTemplate, TemplateRefusal
from llmlab.errors import ModelError
from llmlab.words import say

Tokenise = Callable[[str], list[int]]
"""Tokens of a text as content: no BOS, nothing in it read as a control token."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """A control token that the template wrote, in characters of the prompt."""

    start: int
    end: int
    token: int
    name: str


class ChatFormat:
    """Renders messages by a chat template and tokenises them.

    The tokens equal llama.cpp's own of the whole rendered text whenever the messages hold nothing that looks like a
    control token; what does look so is tokenised as the characters it is written with.

    Args:
        template: Jinja source.
        name: what the template is called: `file`, a name of `NAMED_TEMPLATES`, or a path.
        special_tokens: text to id of the vocabulary's control, unknown and user-defined tokens.
        bos: text of the token that begins a prompt; empty when there is none.
        eos: text of the token that ends an answer.
        add_bos: the vocabulary wants `bos` in front.
        tokenize: tokens of a text as content.
        piece: the bytes that a token of a content stands for.
        user_defined: those of `special_tokens` that llama.cpp finds in any text, content or not.
        eats_before: special tokens that swallow the whitespace before them (the `lstrip` attribute).
        eats_after: special tokens that swallow the whitespace after them (the `rstrip` attribute).

    Raises:
        ModelError: the template cannot be compiled.
    """

    def __init__(
        self,
        template: str,
        name: str,
        *,
        special_tokens: Mapping[str, int],
        bos: str,
        eos: str,
        add_bos: bool,
        tokenize: Tokenise,
        piece: Callable[[int], bytes],
        user_defined: Collection[str] = (),
        eats_before: Collection[str] = (),
        eats_after: Collection[str] = (),
    ) -> None:
        try:
            self._template = ChatTemplate(template)
        except FAILURES as error:
            raise _broken(name, error) from error
        self.name = name
        self._source = template
        self._specials = {text: token for text, token in special_tokens.items() if text}
        self._longest_first = sorted(self._specials, key=lambda text: (-len(text), text))
        self._by_id = {token: text for text, token in self._specials.items()}
        self._bos = bos
        self._eos = eos
        self._add_bos = add_bos
        self._tokenize = tokenize
        self._piece = piece
        self._eats_before = frozenset(eats_before)
        self._eats_after = frozenset(eats_after)
        self._control = frozenset(self._specials) - frozenset(user_defined)
        known = marks_of(template)
        self._thinks = known is not None
        self._marks = known or THINK
        fences = (self._marks.open, self._marks.end, self._marks.bare)
        self._fences = [fence for fence in fences if any(token in fence for token in self._specials)]
        # User-defined tokens that the template itself writes carry structure; the others (tags, runs of spaces) are
        # ordinary text to the model, as they were in its training.
        self._structural = [
            text for text in self._specials if not text.isspace() and (text in template or text in self._marks.tokens)
        ]

    @property
    def can_think(self) -> bool:
        """The template opens or closes thinking blocks."""
        return self._thinks

    def prompt(self, messages: Sequence[ChatMessage], options: PromptOptions) -> RenderedPrompt:
        """`messages` and the beginning of an answer, rendered and tokenised.

        Spans name the message by its index; the prefill of `options` is message `len(messages)`.

        Raises:
            ModelError: the template does not take these messages, or goes wrong on them.
        """
        marked = self._with_prefill(self._with_bos(self._render(messages, options)), len(messages), options.prefill)
        cuts = self._control_tokens(marked)
        breaks = self._breaks(marked)
        tokens, offsets = self._tokens(marked, cuts, breaks)
        spans = _spans(marked, offsets)
        tail_start = max((item.end for item in marked.contents if item.message < len(messages)), default=0)
        tail = marked.text[tail_start:]
        in_thinking = tail.rfind(self._marks.open) > tail.rfind(self._marks.close)
        return RenderedPrompt(marked.text, tuple(tokens), tuple(spans), in_thinking, tuple(offsets), self._marks)

    def _render(self, messages: Sequence[ChatMessage], options: PromptOptions) -> Marked:
        now = datetime.now().astimezone()
        switches: dict[str, object] = {}
        if options.thinking is not None:
            switches = dict.fromkeys(("enable_thinking", "thinking"), options.thinking)
        if options.thinking is False and self._marks is HARMONY:
            # This family always thinks; how much is all that its template can be asked.
            switches["reasoning_effort"] = "low"

        def render(given: Sequence[Message]) -> str:
            return self._template.render(given, now, bos_token=self._bos, eos_token=self._eos, **switches)

        try:
            marked = self._marked(render, messages)
            if not _lost_system(messages, marked):
                return marked
            return self._with_system_in_question(render, messages)
        except TemplateRefusal as refusal:
            if len(messages) > 1 and messages[0].role == "system":
                with suppress(TemplateRefusal):
                    return self._with_system_in_question(render, messages)
            raise _refused(self.name, messages, refusal) from refusal
        except FAILURES as error:
            raise ModelError(
                say("The model's chat template fails on these messages: {reason}.", reason=_reason(error)),
                where=_place(self.name),
                hint=say('Set chat_template = "chatml" in the model\'s table, or another named template.'),
            ) from error

    def _marked(self, render: Callable[[Sequence[Message]], str], messages: Sequence[ChatMessage]) -> Marked:
        return render_marked(render, [_as_dict(message) for message in messages], self._specials)

    def _with_system_in_question(
        self, render: Callable[[Sequence[Message]], str], messages: Sequence[ChatMessage]
    ) -> Marked:
        """For templates that know no system prompt: it begins the first question, as in llama.cpp."""
        system, question, *rest = messages
        lead = f"{system.text}\n"
        marked = self._marked(render, [replace(question, text=lead + question.text), *rest])
        contents: list[Stretch] = []
        for item in marked.contents:
            whole = marked.text[item.start : item.end]
            edge = item.start + len(lead.lstrip())
            if item.message or not whole.startswith(lead.lstrip()):
                contents.append(Stretch(item.start, item.end, item.message + 1))
            else:
                contents += [Stretch(item.start, edge, 0), Stretch(edge, item.end, 1)]
        return Marked(marked.text, tuple(item for item in contents if item.end > item.start), marked.guarded)

    def _with_bos(self, marked: Marked) -> Marked:
        if not self._add_bos or self._bos not in self._specials or marked.guarded.startswith(self._bos):
            return marked
        shift = len(self._bos)
        contents = tuple(Stretch(item.start + shift, item.end + shift, item.message) for item in marked.contents)
        return Marked(self._bos + marked.text, contents, self._bos + marked.guarded)

    def _with_prefill(self, marked: Marked, message: int, prefill: str) -> Marked:
        """Adds the beginning of the answer; the thinking tags that the model wrote in it are what they were."""
        contents = list(marked.contents)
        guarded = marked.guarded
        fences = "|".join(re.escape(fence) for fence in self._fences if fence)
        for part in re.split(f"({fences})", prefill) if fences else [prefill]:
            start = len(guarded)
            if part and part in self._fences:
                guarded += part
            elif part:
                contents.append(Stretch(start, start + len(part), message))
                guarded += "\0" * len(part)
        return Marked(marked.text + prefill, tuple(contents), guarded)

    def _control_tokens(self, marked: Marked) -> list[_Cut]:
        """The control tokens that the template wrote, in order; where two overlap, the longer one."""
        free = list(_between_contents(marked))
        scaffold = "\0".join(marked.guarded[start:end] for start, end in free)
        cuts: list[_Cut] = []
        for name in self._longest_first:
            if name not in self._control or name not in scaffold:
                continue
            left: list[tuple[int, int]] = []
            for start, end in free:
                while (found := marked.guarded.find(name, start, end)) >= 0:
                    cuts.append(_Cut(found, found + len(name), self._specials[name], name))
                    left.append((start, found))
                    start = found + len(name)
                left.append((start, end))
            free = left
        return sorted(cuts, key=lambda cut: cut.start)

    def _breaks(self, marked: Marked) -> list[int]:
        """Where content must be tokenised in two, so that it does not come out as a structural token."""
        scaffold = list(_between_contents(marked))
        starts = [start for start, _ in scaffold]
        breaks: set[int] = set()
        for name in self._structural:
            for found in _occurrences(marked.text, name):
                index = bisect_right(starts, found) - 1
                inside = index >= 0 and found + len(name) <= scaffold[index][1]
                if not inside or not marked.guarded.startswith(name, found):
                    breaks.add(found + 1)
        return sorted(breaks)

    def _tokens(self, marked: Marked, cuts: Sequence[_Cut], breaks: Sequence[int]) -> tuple[list[int], list[int]]:
        """All tokens and where each begins, in characters."""
        tokens: list[int] = []
        offsets: list[int] = []
        start = 0
        for before, cut in pairwise((None, *cuts, None)):
            end = len(marked.text) if cut is None else cut.start
            begin, finish = self._uneaten(marked.text, start, end, before, cut)
            for token, offset in self._plain(marked.text, begin, finish, breaks):
                tokens.append(token)
                offsets.append(offset)
            if cut is not None:
                tokens.append(cut.token)
                offsets.append(cut.start)
                start = cut.end
        return tokens, offsets

    def _uneaten(self, text: str, start: int, end: int, before: _Cut | None, after: _Cut | None) -> tuple[int, int]:
        """The part of a stretch that the special tokens around it leave."""
        stretch = text[start:end]
        if before is not None and before.name in self._eats_after:
            start += len(stretch) - len(stretch.lstrip())
        if after is not None and after.name in self._eats_before:
            end -= len(stretch) - len(stretch.rstrip())
        return start, max(start, end)

    def _plain(self, text: str, start: int, end: int, breaks: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Tokens of `text[start:end]` as content, and where each begins."""
        edges = [start, *(edge for edge in breaks if start < edge < end), end]
        for index, (left, right) in enumerate(pairwise(edges)):
            part = text[left:right]
            if not part:
                continue
            tokens = self._tokenize(part) if index == 0 else self._continued(part)
            forged = {self._by_id[token] for token in tokens if token in self._by_id} & self._control
            again = sorted({left + found + 1 for name in forged for found in _occurrences(part, name)})
            # Some vocabularies merge characters into a control token by themselves.
            if again:
                yield from self._plain(text, left, right, again)
            else:
                yield from zip(tokens, self._offsets(part, left, tokens), strict=True)

    def _continued(self, part: str) -> list[int]:
        """Tokens of the rest of a text: without the space that some vocabularies put before its beginning."""
        tokens = self._tokenize(part)
        if part.startswith(" ") or not b"".join(map(self._piece, tokens)).startswith(b" "):
            return tokens
        lead = self._tokenize("\n")
        together = self._tokenize("\n" + part)
        return together[len(lead) :] if together[: len(lead)] == lead else tokens

    def _offsets(self, part: str, start: int, tokens: Sequence[int]) -> list[int]:
        """Where in the prompt each token of `part` begins, in characters."""
        raw = part.encode("utf-8", "replace")
        ends = list(accumulate((len(self._piece(token)) for token in tokens), initial=0))
        # A vocabulary that puts a space in front makes the pieces longer than the text.
        surplus = max(0, ends[-1] - len(raw))
        places = [min(max(0, begin - surplus), len(raw) - 1) for begin in ends[:-1]]
        return [start + index for index in _characters_at(part, places)]


def _as_dict(message: ChatMessage) -> dict[str, str]:
    """A message as templates expect it; both names for reasoning are in use."""
    given = {"role": message.role, "content": message.text}
    return given | (dict.fromkeys(("reasoning_content", "thinking"), message.thinking) if message.thinking else {})


def _lost_system(messages: Sequence[ChatMessage], marked: Marked) -> bool:
    """The template wrote no word of the system prompt."""
    if len(messages) < 2 or messages[0].role != "system" or not messages[0].text.strip():
        return False
    return all(item.message for item in marked.contents) and messages[0].text.strip() not in marked.text


def _between_contents(marked: Marked) -> Iterator[tuple[int, int]]:
    """What the template wrote: the stretches outside the contents."""
    start = 0
    for item in marked.contents:
        if item.start > start:
            yield start, item.start
        start = item.end
    if start < len(marked.text):
        yield start, len(marked.text)


def _occurrences(text: str, name: str) -> Iterator[int]:
    found = text.find(name)
    while found >= 0:
        yield found
        found = text.find(name, found + 1)


def _characters_at(text: str, places: Iterable[int]) -> Iterator[int]:
    """The character that holds each byte of `places`, which ascend."""
    if text.isascii():
        yield from places
        return
    ends = list(accumulate(len(character.encode("utf-8", "replace")) for character in text))
    for place in places:
        yield bisect_right(ends, place)


def _spans(marked: Marked, offsets: Sequence[int]) -> Iterator[Span]:
    """Scaffold and contents without gap, with the tokens that begin in each."""
    stretches = sorted(
        [*(Stretch(start, end, -1) for start, end in _between_contents(marked)), *marked.contents],
        key=lambda item: item.start,
    )
    starts = [item.start for item in stretches]
    counts = [0] * len(stretches)
    for offset in offsets:
        counts[bisect_right(starts, offset) - 1] += 1
    for item, count in zip(stretches, counts, strict=True):
        yield Span(item.start, item.end, item.message, count)


def _place(name: str) -> str:
    return say("chat template {name}", name=name)


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:300].rstrip(".") or type(error).__name__


def _broken(name: str, error: BaseException) -> ModelError:
    return ModelError(
        say("The chat template cannot be read: {reason}.", reason=_reason(error)),
        where=_place(name),
        hint=say('Set chat_template = "chatml" in the model\'s table, or another named template.'),
    )


def _refused(name: str, messages: Sequence[ChatMessage], refusal: TemplateRefusal) -> ModelError:
    """The template's own words, and what usually helps."""
    reason = _reason(refusal)
    if "system" in reason.lower() and any(message.role == "system" for message in messages):
        hint = say("This model takes no system prompt: clear it, or set another chat_template in the model's table.")
    elif "alternat" in reason.lower():
        hint = say("This model wants question and answer in turn: regenerate or delete the message that breaks it.")
    else:
        hint = say('Set chat_template = "chatml" in the model\'s table, or another named template.')
    return ModelError(
        say("The model's chat template refuses these messages: {reason}.", reason=reason), where=_place(name), hint=hint
    )
