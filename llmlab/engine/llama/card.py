"""What the engine found in a loaded model, for people."""

from __future__ import annotations

from pathlib import Path

from llama_cpp import llama_cpp as api

from llmlab.domain.model import ModelCard, ModelSpec
from llmlab.engine.file_mark import sampled_hash
from llmlab.engine.hints import sampling_hints
from llmlab.engine.llama import library
from llmlab.engine.llama.model import Weights
from llmlab.engine.llama.text_desk import TextDesk


def card_of(spec: ModelSpec, model: Weights, n_ctx: int, desk: TextDesk | None = None) -> ModelCard:
    """The card of `model` with a window of `n_ctx` tokens; one for vectors has no `desk`."""
    gguf = model.gguf
    return ModelCard(
        name=spec.name,
        path=spec.path,
        title=gguf.text("general.name") or Path(spec.path).name,
        architecture=gguf.architecture,
        quantisation=(api.llama_ftype_name(api.llama_model_ftype(model.pointer)) or b"").decode("utf-8", "replace"),
        parameters=int(api.llama_model_n_params(model.pointer)),
        file_bytes=gguf.file_bytes,
        n_ctx=n_ctx,
        n_ctx_train=int(api.llama_model_n_ctx_train(model.pointer)),
        n_vocab=model.vocabulary.size,
        n_layer=model.layers,
        n_gpu_layers=model.n_gpu_layers,
        device=" + ".join(device.description for device in model.gpus) or "CPU",
        n_threads=model.n_threads,
        build=library.build_name(),
        template_name=desk.template.name if desk else "",
        can_think=desk is not None and desk.can_think,
        sampling=sampling_hints(gguf),
        load_s=model.load_s,
        file_mark=sampled_hash(spec.path),
        notes=(*model.notes, *(desk.template.notes if desk else ())),
    )
