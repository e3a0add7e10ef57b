"""Writes a trained model as a Q8_0 GGUF that llama.cpp loads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy
from numpy.typing import NDArray

from training.bpe import CONTROL, END_OF_TEXT, TURN_END, USER_DEFINED, Tokenizer
from training.chat import TEMPLATE
from training.model import Shape

Weights = Mapping[str, NDArray[numpy.float32]]

CHAT_TEMPERATURE, CHAT_TOP_P = 0.2, 0.9
"""What the file recommends for chat: so few weights wander off at higher temperatures."""

DESCRIPTION = (
    "A very small model trained from scratch on synthetic English and Chinese text for the llmlab chat lab. "
    "It shows what the lab teaches in seconds; it is not an assistant and knows nothing about the world."
)


def _write_tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    kinds = [
        gguf.TokenType.CONTROL
        if token in CONTROL
        else gguf.TokenType.USER_DEFINED
        if token in USER_DEFINED
        else gguf.TokenType.NORMAL
        for token in tokenizer.tokens
    ]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(tokenizer.tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([f"{left} {right}" for left, right in tokenizer.merges])
    writer.add_eos_token_id(tokenizer.ids[TURN_END])
    writer.add_eot_token_id(tokenizer.ids[TURN_END])
    writer.add_pad_token_id(tokenizer.ids[END_OF_TEXT])
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def _write_shape(writer: gguf.GGUFWriter, shape: Shape, vocabulary: int) -> None:
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_vocab_size(vocabulary)


def tensor_name(name: str) -> str:
    """Translate a parameter name of `model.py` into llama.cpp's."""
    return name.replace("layers.", "blk.")


def export(path: Path, name: str, shape: Shape, weights: Weights, tokenizer: Tokenizer) -> None:
    """Write the file; matrices become Q8_0, norms stay float32."""
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name(f"llmlab {name}")
    writer.add_basename("pocket")
    writer.add_license("MIT")
    writer.add_description(DESCRIPTION)
    writer.add_languages(["en", "zh"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_float32(gguf.Keys.General.SAMPLING_TEMP, CHAT_TEMPERATURE)
    writer.add_float32(gguf.Keys.General.SAMPLING_TOP_P, CHAT_TOP_P)
    _write_shape(writer, shape, len(tokenizer.tokens))
    _write_tokenizer(writer, tokenizer)
    for key, weight in weights.items():
        if weight.ndim == 1:
            writer.add_tensor(tensor_name(key), weight.astype(numpy.float32))
            continue
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(tensor_name(key), gguf.quants.quantize(weight.astype(numpy.float32), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
