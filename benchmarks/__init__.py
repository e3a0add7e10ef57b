"""Benchmarks of llmlab: ratios measured within one run, on generated models."""
