"""The command line: `python -m training all --model pocket-m`, or one step of it."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random

from training.bpe import SPECIAL, Tokenizer
from training.curriculum import mixture
from training.curriculum.base_text import running_text
from training.curriculum.facts import INVENTED
from training.curriculum.words import ENGLISH

VOCABULARY = 2048
MERGES = 950
"""Tokens for Hanzi and their first bytes; the rest are English words."""
TOKENIZER_SAMPLES = 20_000


def build_tokenizer(options: argparse.Namespace) -> Tokenizer:
    """Load the tokenizer, take that of the model to start from, or learn one from generated text."""
    path: Path = options.work / "tokenizer.json"
    if path.exists():
        return Tokenizer.load(path)
    first = options.start or options.grow
    tokenizer = _tokenizer_of_start(first) if first else _learn_tokenizer(options.seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(path)
    return tokenizer


def _tokenizer_of_start(start: Path) -> Tokenizer:
    from training.vocabulary import tokenizer_of

    return tokenizer_of(start)


def _learn_tokenizer(seed: int) -> Tokenizer:
    from training.bpe import learn_merges, learn_words

    rng = Random(f"{seed}/tokenizer")
    samples = (mixture(rng) for _ in range(TOKENIZER_SAMPLES))
    texts = ["\n".join([*(f"{turn.role}\n{turn.text}" for turn in sample.turns), sample.thinking or "", sample.text])
             for sample in samples]  # fmt: skip
    merges = learn_merges(texts, MERGES)
    words = learn_words(texts, VOCABULARY - 256 - len(SPECIAL) - len(merges), frozenset(ENGLISH), INVENTED)
    return Tokenizer(merges, words)


def data(options: argparse.Namespace) -> None:
    """Write the shards that are still missing."""
    from training.shards import write_shards

    tokenizer = build_tokenizer(options)
    write_shards(options.work / "base", running_text, tokenizer, f"{options.seed}/base", options.base_shards)
    write_shards(options.work / "shards", mixture, tokenizer, str(options.seed), options.shards)


def train(options: argparse.Namespace) -> None:
    """Train, or go on training, until the minutes or tokens are used up."""
    import torch

    from training.grow import grow_from
    from training.model import SHAPES
    from training.shards import Source
    from training.start import start_from, told_of
    from training.trainer import Plan, Trainer

    if options.threads:
        torch.set_num_threads(options.threads)
    tokenizer = build_tokenizer(options)
    plan = Plan(
        minutes=options.minutes, tokens=options.tokens, batch_tokens=options.batch_tokens, rate=options.rate,
        seed=options.seed, compiled=options.compile,
    )  # fmt: skip
    folder, shape = options.work / options.model, SHAPES[options.model]
    start = start_from(options.start, shape.heads, tokenizer.tokens) if options.start else None
    if options.grow:
        start = grow_from(options.grow, shape, tokenizer.tokens, options.seed)
    trainer = Trainer(shape, tokenizer.ids, folder, plan, start)
    machine = f"{torch.get_num_threads()} CPU threads" if trainer.device.type == "cpu" else torch.cuda.get_device_name()
    run = {
        "plan": {**asdict(plan), "tokens": options.tokens if options.tokens < float("inf") else None},
        "hardware": f"{machine}, {platform.machine()}, bf16",
        "torch": str(torch.__version__),
    }
    if options.start:
        run["started_from"] = told_of(options.start)
    if options.grow:
        run["grown_from"] = told_of(options.grow)
    (folder / "run.json").write_text(json.dumps(run, indent=1) + "\n", "utf-8")
    trainer.run(Source(options.work, options.base_shards))


def export(options: argparse.Namespace) -> None:
    """Write the GGUF from the newest checkpoint, or the mean of the newest few, and that of the base model if any."""
    from training.checkpoints import newest
    from training.trainer import BASE

    folder = options.work / options.model
    _export_one(options, options.model, newest(folder, options.average))
    if (folder / BASE).exists():
        _export_one(options, f"{options.model}-base", [folder / BASE])


def _export_one(options: argparse.Namespace, name: str, checkpoints: Sequence[Path]) -> None:
    from training.checkpoints import mean_of
    from training.export import export as write
    from training.model import SHAPES

    tokenizer = Tokenizer.load(options.work / "tokenizer.json")
    shape = SHAPES[options.model]
    weights, facts = mean_of(checkpoints, shape.heads)
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / f"{name}.gguf"
    write(path, name, shape, weights, tokenizer)
    facts = {"model": name, "vocabulary": len(tokenizer.tokens), "seed": options.seed, **facts}
    facts |= json.loads((options.work / options.model / "run.json").read_text("utf-8"))
    (options.work / name).mkdir(exist_ok=True)
    (options.work / name / "facts.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    print(f"wrote {path} ({path.stat().st_size:,} bytes)")


def score(options: argparse.Namespace) -> None:
    """Measure GGUFs on held-out items through llmlab's engine, print tables and bars, write the cards."""
    from training.bars import bars, print_bars, size_bars
    from training.card import write_card
    from training.score import BASE_SUFFIX, print_table, score_model

    shipped = sorted(path.stem for path in options.output.glob("*.gguf"))
    family = {}
    for model in [options.model] if options.model else shipped:
        path = options.output / f"{model}.gguf"
        results = score_model(path, options.threads, options.items, options.score_seed, options.only)
        print_table(model, results, options.score_seed)
        family[model] = {result.name: result for result in results}
        if not model.endswith(BASE_SUFFIX) and not options.only:
            print_bars(f"Bars, {model}", bars(family[model]))
        facts = options.work / model / "facts.json"
        write_card(options.output, model, facts, results, options.score_seed, kept=bool(options.only))
    if not options.only:
        print_bars("Bars, sizes", size_bars(family))


def everything(options: argparse.Namespace) -> None:
    """Make the data beside the training, then export and score."""
    build_tokenizer(options)
    writer = multiprocessing.get_context("spawn").Process(target=data, args=(options,))
    writer.start()
    try:
        train(options)
    finally:
        writer.terminate()
        writer.join()
    export(options)
    score(options)


def parser() -> argparse.ArgumentParser:
    """Describe the options."""
    root = argparse.ArgumentParser(prog="python -m training", description="Train a pocket model.")
    root.add_argument("step", choices=("all", "data", "train", "export", "score"))
    root.add_argument("--model", help="pocket-s, pocket-m or pocket-l; `score` takes all without it")
    root.add_argument("--work", type=Path, default=Path("build/training"), help="folder for shards and checkpoints")
    root.add_argument("--output", type=Path, default=Path("llmlab/pocket"), help="folder for the GGUF and its card")
    root.add_argument("--start", type=Path, help="a GGUF of the same size and vocabulary whose weights come first")
    root.add_argument("--grow", type=Path, help="a GGUF of half the width, to grow into the model first")
    root.add_argument("--seed", type=int, default=1, help="seed of data and training")
    root.add_argument("--shards", type=int, default=60, help="number of shards of about 0.8 million tokens")
    root.add_argument("--base-shards", type=int, default=0, help="shards of base text that come first")
    root.add_argument("--minutes", type=float, default=60.0, help="wall time at which the decay has ended")
    root.add_argument("--tokens", type=float, default=float("inf"), help="tokens at which to stop")
    root.add_argument("--batch-tokens", type=int, default=16_384, help="tokens of one update")
    root.add_argument("--rate", type=float, default=6e-3, help="full learning rate")
    root.add_argument("--threads", type=int, default=0, help="CPU threads; 0 takes the library's choice")
    root.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True, help="compile the model")
    root.add_argument("--average", type=int, default=1, help="how many of the newest checkpoints to average at export")
    root.add_argument("--items", type=int, default=200, help="held-out items of each score")
    root.add_argument("--only", default="", help="score the tasks whose names begin so; the card keeps its other rows")
    root.add_argument("--score-seed", type=int, default=90_001, help="seed of the scored items")
    return root


def main(arguments: list[str] | None = None) -> int:
    """Run one step."""
    options = parser().parse_args(arguments)
    if options.start and options.grow:
        raise SystemExit("--start and --grow both say where the weights come from: give one")
    if options.start and options.base_shards:
        raise SystemExit("--start goes on with a trained model: --base-shards would come too late")
    if options.model is None and options.step not in ("data", "score"):
        raise SystemExit(f"{options.step} needs --model")
    steps = {"all": everything, "data": data, "train": train, "export": export, "score": score}
    steps[options.step](options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
