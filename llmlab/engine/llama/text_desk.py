"""Prompts and counts, answered beside the computation: tokenising needs the vocabulary alone."""

from __future__ import annotations

from llmlab.domain.model import ModelSpec
from llmlab.engine.gguf import GgufFile
from llmlab.engine.llama.chat_format import ChatFormat
from llmlab.engine.llama.template_choice import ChosenTemplate, choose_template
from llmlab.engine.llama.vocabulary import Vocabulary
from llmlab.engine.wire import Count, Counted, Problem, Prompt, Prompted
from llmlab.errors import ModelError

TEMPLATE_KEY = "tokenizer.chat_template"
"""Where a model file keeps its chat template."""


class TextDesk:
    """Renders and counts for one model; one thread at a time may ask."""

    def __init__(self, spec: ModelSpec, gguf: GgufFile, vocabulary: Vocabulary) -> None:
        """Choose and compile the chat template.

        Raises:
            ModelError: the template asked for cannot be used.
        """
        specials = vocabulary.specials()
        self.template: ChosenTemplate = choose_template(
            spec.chat_template, gguf.text(TEMPLATE_KEY) or None, specials.tokens
        )
        self._vocabulary = vocabulary
        self._format = ChatFormat(
            self.template.source,
            self.template.name,
            special_tokens=specials.tokens,
            bos=vocabulary.special_text(vocabulary.bos),
            eos=vocabulary.special_text(vocabulary.eos),
            add_bos=vocabulary.adds_bos,
            tokenize=self._tokenise,
            piece=vocabulary.content_piece,
            user_defined=specials.user_defined,
            eats_before=specials.eats_before,
            eats_after=specials.eats_after,
        )

    @property
    def can_think(self) -> bool:
        """The template opens or closes thinking blocks."""
        return self._format.can_think

    def _tokenise(self, text: str) -> list[int]:
        return self._vocabulary.tokenise(text, special=False)

    def answer(self, command: Prompt | Count) -> Prompted | Counted | Problem:
        """The report that answers `command`."""
        if isinstance(command, Count):
            return Counted(id=command.id, counts=tuple(len(self._tokenise(text)) for text in command.texts))
        try:
            return Prompted(id=command.id, prompt=self._format.prompt(command.messages, command.options))
        except ModelError as error:
            return Problem(id=command.id, kind="model", what=error.what, where=error.where, hint=error.hint)
