"""Models behind a server that speaks OpenAI's protocol: llama-server, Ollama, vLLM, LM Studio, and hosted ones."""
