"""Experiment files for the models that ship: short greedy answers, scored by the number that they give."""

from __future__ import annotations


def greedy_experiment(
    title: str,
    axis: str,
    *data: str,
    max_tokens: int,
    model: str = "pocket-s",
    head: str = "noise_floor = false",
    base: str = "",
) -> str:
    """The text of a file.

    Args:
        title: what it is called.
        axis: the line of its one axis.
        data: lines that say what is asked.
        max_tokens: the longest answer.
        model: a name in models.toml.
        head: lines below the title.
        base: more lines of the recipe.
    """
    asked = "\n".join(data)
    return f"""
title = "{title}"
{head}
[base]
model = "{model}"
{base}
sampling.temperature = 0.0
sampling.max_tokens = {max_tokens}
[axes]
{axis}
[data]
{asked}
[[scorers]]
kind = "number"
"""
