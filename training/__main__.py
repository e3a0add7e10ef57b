"""The command line: `python -m training all --model pocket-m`, or one step of it."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import sys
from dataclasses import asdict
from pathlib import Path
from random import Random

from training.bpe import SPECIAL, Tokenizer
from training.curriculum import mixture

VOCABULARY = 2048
TOKENIZER_SAMPLES = 20_000


def build_tokenizer(path: Path, seed: int) -> Tokenizer:
    """Load the tokenizer, or learn it from generated text."""
    if path.exists():
        return Tokenizer.load(path)
    from training.bpe import learn_merges

    rng = Random(f"{seed}/tokenizer")
    samples = (mixture(rng) for _ in range(TOKENIZER_SAMPLES))
    texts = (
        "\n".join([*(turn.text for turn in sample.turns), sample.thinking or "", sample.text]) for sample in samples
    )
    tokenizer = Tokenizer(learn_merges(texts, VOCABULARY - 256 - len(SPECIAL)))
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(path)
    return tokenizer


def data(options: argparse.Namespace) -> None:
    """Write the shards that are still missing."""
    from training.shards import write_shards

    tokenizer = build_tokenizer(options.work / "tokenizer.json", options.seed)
    write_shards(options.work / "shards", tokenizer, options.seed, 0, options.shards)


def train(options: argparse.Namespace) -> None:
    """Train, or go on training, until the minutes or tokens are used up."""
    import torch

    from training.bpe import THINK
    from training.model import SHAPES
    from training.trainer import Plan, Trainer

    if options.threads:
        torch.set_num_threads(options.threads)
    tokenizer = build_tokenizer(options.work / "tokenizer.json", options.seed)
    plan = Plan(
        minutes=options.minutes, tokens=options.tokens, batch_tokens=options.batch_tokens, rate=options.rate,
        seed=options.seed, compiled=options.compile,
    )  # fmt: skip
    folder = options.work / options.model
    trainer = Trainer(SHAPES[options.model], len(tokenizer.tokens), tokenizer.ids[THINK], folder, plan)
    machine = f"{torch.get_num_threads()} CPU threads" if trainer.device.type == "cpu" else torch.cuda.get_device_name()
    run = {
        "plan": {**asdict(plan), "tokens": options.tokens if options.tokens < float("inf") else None},
        "hardware": f"{machine}, {platform.machine()}, bf16",
        "torch": str(torch.__version__),
    }
    (folder / "run.json").write_text(json.dumps(run, indent=1) + "\n", "utf-8")
    trainer.run(options.work / "shards")


def export(options: argparse.Namespace) -> None:
    """Write the GGUF from the newest checkpoint, or from the mean of the newest few."""
    from training.checkpoints import mean_of, newest
    from training.export import export as write
    from training.model import SHAPES

    tokenizer = Tokenizer.load(options.work / "tokenizer.json")
    folder = options.work / options.model
    shape = SHAPES[options.model]
    weights, facts = mean_of(newest(folder, options.average), shape.heads)
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / f"{options.model}.gguf"
    write(path, options.model, shape, weights, tokenizer)
    facts = {"model": options.model, "vocabulary": len(tokenizer.tokens), "seed": options.seed, **facts}
    facts |= json.loads((folder / "run.json").read_text("utf-8"))
    (folder / "facts.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    print(f"wrote {path} ({path.stat().st_size:,} bytes)")


def score(options: argparse.Namespace) -> None:
    """Measure the GGUF on held-out items, print the table and write the card."""
    from training.card import write_card
    from training.player import Player
    from training.score import MAX_TOKENS, print_table, score_model

    player = Player(options.output / f"{options.model}.gguf", options.threads, MAX_TOKENS)
    results = score_model(player.answer, options.items, options.score_seed)
    print_table(results)
    write_card(options.output, options.model, options.work / options.model / "facts.json", results, options.score_seed)


def everything(options: argparse.Namespace) -> None:
    """Make the data beside the training, then export and score."""
    from training.shards import write_shards

    tokenizer = build_tokenizer(options.work / "tokenizer.json", options.seed)
    work = (options.work / "shards", tokenizer, options.seed, 0, options.shards)
    writer = multiprocessing.get_context("spawn").Process(target=write_shards, args=work)
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
    root.add_argument("--model", default="pocket-m", help="pocket-s, pocket-m or pocket-l")
    root.add_argument("--work", type=Path, default=Path("build/training"), help="folder for shards and checkpoints")
    root.add_argument("--output", type=Path, default=Path("llmlab/pocket"), help="folder for the GGUF and its card")
    root.add_argument("--seed", type=int, default=1, help="seed of data and training")
    root.add_argument("--shards", type=int, default=60, help="number of shards of about 0.8 million tokens")
    root.add_argument("--minutes", type=float, default=60.0, help="wall time at which the decay has ended")
    root.add_argument("--tokens", type=float, default=float("inf"), help="tokens at which to stop")
    root.add_argument("--batch-tokens", type=int, default=16_384, help="tokens of one update")
    root.add_argument("--rate", type=float, default=6e-3, help="full learning rate")
    root.add_argument("--threads", type=int, default=0, help="CPU threads; 0 takes the library's choice")
    root.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True, help="compile the model")
    root.add_argument("--average", type=int, default=1, help="how many of the newest checkpoints to average at export")
    root.add_argument("--items", type=int, default=200, help="held-out items of each score")
    root.add_argument("--score-seed", type=int, default=90_001, help="seed of the scored items")
    return root


def main(arguments: list[str] | None = None) -> int:
    """Run one step."""
    options = parser().parse_args(arguments)
    steps = {"all": everything, "data": data, "train": train, "export": export, "score": score}
    steps[options.step](options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
