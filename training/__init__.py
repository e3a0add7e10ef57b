"""Trains the pocket models: generators, tokenizer, model, trainer, export and scores."""
