"""llmlab: an offline chat lab in the terminal for local GGUF models."""

__version__ = "0.1.0"
