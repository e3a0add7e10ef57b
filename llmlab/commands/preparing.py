"""What makes the prompt of one command; it is imported when a command that asks has its flags."""

from __future__ import annotations

from functools import cache

from llmlab import wiring
from llmlab.commands.kit import Session, working_folder
from llmlab.domain.model import ModelSpec
from llmlab.domain.recipe import Recipe
from llmlab.errors import LlmlabError
from llmlab.services.preview import Preparing
from llmlab.services.vectors import by_words_alone
from llmlab.words import say


def preparing_for(session: Session, recipe: Recipe) -> Preparing:
    """Makes prompts; it waits until documents are searched through and embedded, and tells how that goes."""

    def progress(model: str, done: int, count: int) -> None:
        session.err.progress(
            say("Embedding with {model}: {done:,} of {count:,} texts", model=model, done=done, count=count)
        )

    def failed(spec: ModelSpec, error: LlmlabError) -> None:
        # With documents the answer tells it.
        if recipe.reading is None:
            session.err.note(by_words_alone(spec, error))

    @cache
    def model() -> ModelSpec | None:
        return wiring.open_shelf(session.paths, working_folder(session.paths)).embeddings()

    vectors = wiring.make_vectors(session.paths, model, progress=progress, failed=failed)
    shelf = wiring.open_documents(session.paths)
    return wiring.make_preparing(wiring.make_reader(shelf, digests=session.paths.digests, vectors=vectors))
