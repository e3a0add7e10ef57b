"""The chat template of the pocket models, and the same rendering with a loss weight for every token."""

from __future__ import annotations

from training.bpe import END_OF_TEXT, THINK, THINK_END, TURN_END, TURN_START, Tokenizer
from training.sample import Sample, Turn

TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- set content = message.content if message.content else '' -%}"
    "{{- '<|im_start|>' + message.role + '\\n' -}}"
    "{%- if message.role == 'assistant' -%}"
    "{%- set thinking = message.reasoning_content if message.reasoning_content else '' -%}"
    "{%- if '</think>' in content -%}"
    "{%- if not thinking -%}"
    "{%- set thinking = content.split('</think>')[0].split('<think>')[-1].strip('\\n') -%}"
    "{%- endif -%}"
    "{%- set content = content.split('</think>')[-1].lstrip('\\n') -%}"
    "{%- endif -%}"
    "{%- if loop.last and thinking -%}{{- '<think>\\n' + thinking + '\\n</think>\\n\\n' -}}{%- endif -%}"
    "{%- endif -%}"
    "{{- content + '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}"
    "{{- '<|im_start|>assistant\\n' -}}"
    "{%- if not (enable_thinking is defined and enable_thinking) -%}"
    "{{- '<think>\\n\\n</think>\\n\\n' -}}"
    "{%- endif -%}"
    "{%- endif -%}"
)
"""ChatML; thinking is off unless `enable_thinking` is true; old thinking is dropped."""

NO_THINKING = f"{THINK}\n\n{THINK_END}\n\n"

IGNORE, CONTEXT, ANSWER, HISTORY_START = 0, 1, 2, 3
"""Loss classes: padding, prompt, answer, and the first token of an old answer.

In history the thinking block is dropped, so an old answer's first token must not teach the model to skip
its thinking: there the loss leaves the `<think>` token out of the choice.
"""

Weighted = tuple[list[int], list[int]]
"""Token ids and the loss class of each."""


def prompt_text(sample: Sample, *, thinking: bool = False) -> str:
    """Render all but the last turn, then the generation prompt, as the template does."""
    opened = "".join(f"{TURN_START}{turn.role}\n{turn.text}{TURN_END}\n" for turn in sample.turns[:-1])
    return f"{opened}{TURN_START}assistant\n" + ("" if thinking else NO_THINKING)


def encode(sample: Sample, tokenizer: Tokenizer) -> Weighted:
    """Encode a sample with its loss classes; running text is learned in full."""
    ids: list[int] = []
    classes: list[int] = []

    def add(text: str, kind: int) -> None:
        new = tokenizer.encode(text)
        ids.extend(new)
        classes.extend([kind] * len(new))

    if not sample.turns:
        add(sample.text + END_OF_TEXT, ANSWER)
        return ids, classes
    last = len(sample.turns) - 1
    for index, turn in enumerate(sample.turns):
        add(f"{TURN_START}{turn.role}\n", CONTEXT)
        if turn.role != "assistant":
            start = len(ids)
            add(f"{turn.text}{TURN_END}\n", CONTEXT)
            _mark_answers(ids, classes, start, turn, tokenizer)
            continue
        if index == last:
            if sample.thinking is None:
                add(NO_THINKING, CONTEXT)
            else:
                add(f"{THINK}\n{sample.thinking}\n{THINK_END}\n\n", ANSWER)
        start = len(ids)
        add(f"{turn.text}{TURN_END}", ANSWER)
        if index != last:
            classes[start] = HISTORY_START
        add("\n", CONTEXT)
    if sample.thinking is None:
        # The template writes the empty block, so the choice of opening one is learned with thinking on alone.
        _mark_template(ids, classes, tokenizer)
    add(END_OF_TEXT, CONTEXT)
    return ids, classes


def _mark_answers(ids: list[int], classes: list[int], start: int, turn: Turn, tokenizer: Tokenizer) -> None:
    """Let the loss count the tokens that begin inside an answer span."""
    spans = [(len(turn.text[:low].encode()), len(turn.text[:high].encode())) for low, high in turn.answers]
    at = 0
    for index in range(start, len(ids) if spans else start):
        if any(low <= at < high for low, high in spans):
            classes[index] = ANSWER
        at += tokenizer.size(ids[index])


def _mark_template(ids: list[int], classes: list[int], tokenizer: Tokenizer) -> None:
    think = tokenizer.ids[THINK]
    for at, token in enumerate(ids):
        if token == think and classes[at] == CONTEXT:
            classes[at] = IGNORE
