"""Counts the tokens of texts, `python -m llmlab.engine.llama.counting FILE`: a JSON list of texts in, of counts out.

A process of its own that reads the vocabulary of a model and no weights.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from llama_cpp import llama_cpp as api

from llmlab.engine.llama import library
from llmlab.engine.llama.vocabulary import Vocabulary


def main(path: str) -> int:
    """Count; 1 when the file cannot be read."""
    # Ctrl+C reaches every process of the terminal; the parent decides what it means for this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")
    library.Log().install()
    library.start()
    settings = api.llama_model_default_params()
    settings.vocab_only = True
    settings.n_gpu_layers = 0
    model = api.llama_model_load_from_file(os.fsencode(path), settings)
    if not model:
        return 1
    vocabulary = Vocabulary(api.llama_model_get_vocab(model))
    if not vocabulary.usable:
        return 1
    texts: list[str] = json.load(sys.stdin)
    json.dump([len(vocabulary.tokenise(text, special=False)) for text in texts], sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
