"""A tiny engine process that speaks `wire` and misbehaves on demand; run as `python -m tests.support.fake_worker MODE`.

It uses no llama.cpp. Modes name what goes wrong; `good` keeps every promise.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
import threading

from llmlab.domain.generation import Timing, Usage
from llmlab.domain.model import ModelCard, ModelSpec
from llmlab.domain.prompting import RenderedPrompt
from llmlab.domain.sampling import Sampling
from llmlab.domain.scoring import ScoredText
from llmlab.domain.tokens import TokenScore
from llmlab.engine import wire

FLOOD = 20_000
"""Pieces that mode `flood` says without waiting."""


def tell(report: wire.Report) -> None:
    os.write(1, wire.encode(report))


def card(spec: ModelSpec) -> ModelCard:
    return ModelCard(
        name=spec.name,
        path=spec.path,
        title="fake",
        architecture="fake",
        quantisation="none",
        parameters=0,
        file_bytes=0,
        n_ctx=128,
        n_ctx_train=128,
        n_vocab=256,
        n_layer=0,
        n_gpu_layers=0,
        device="CPU",
        n_threads=1,
        build=" ".join(sorted(name for name in os.environ if name.startswith(("GGML", "PYTHONFAULT", "LLMLAB_LANG")))),
        template_name="file",
        can_think=False,
        sampling=Sampling(),
        load_s=0.0,
    )


class FakeWorker:
    """Answers commands until told otherwise."""

    def __init__(self, mode: str) -> None:
        self.mode = mode

    def run(self) -> None:
        print("fake worker: last words on stderr", file=sys.stderr, flush=True)
        if self.mode == "silent":
            threading.Event().wait()
        if self.mode == "dies at start":
            sys.exit(3)
        if self.mode == "garbage":
            os.write(1, b"Segmentation fault: not JSON\n")
        if self.mode == "complains":
            tell(wire.Problem(id=0, kind="engine", what="No library.", where="here", hint="Install it."))
            sys.exit(1)
        protocol = 99 if self.mode == "other version" else wire.PROTOCOL
        tell(wire.Hello(id=0, protocol=protocol, build="fake", gpu=False))
        if self.mode == "stubborn":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for line in sys.stdin.buffer:
            if self.obey(wire.decode_command(line)):
                return
        if self.mode == "stubborn":
            threading.Event().wait()

    def obey(self, command: wire.AnyCommand) -> bool:
        """Whether that was the last one."""
        match command:
            case wire.Load(id=number, spec=spec):
                self.load(number, spec)
            case wire.Prompt(id=number) | wire.Count(id=number) if self.mode == "hangs":
                pass
            case wire.Prompt(id=number, messages=messages):
                text = "".join(message.text for message in messages)
                tell(wire.Prompted(id=number, prompt=RenderedPrompt(text, tuple(text.encode()), ())))
            case wire.Count(id=number, texts=texts):
                tell(wire.Counted(id=number, counts=tuple(map(len, texts))))
            case wire.Generate():
                self.generate(command)
            case wire.Score():
                self.score(command)
            case wire.Embed():
                self.embed(command)
            case wire.Cancel(id=number) if self.mode not in ("deaf", "stubborn"):
                self.end(number, "cancelled")
            case wire.Shutdown() if self.mode != "stubborn":
                return True
        return False

    def load(self, number: int, spec: ModelSpec) -> None:
        for share in (0.0, 0.5, 7.0):
            tell(wire.Progress(id=number, fraction=share))
        if self.mode == "dies in load":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.mode == "refuses":
            tell(wire.Problem(id=number, kind="model", what="A wrong model.", where="there", hint="Another."))
        elif self.mode != "loads for ever":
            tell(wire.Loaded(id=number, card=card(spec)))

    def generate(self, command: wire.Generate) -> None:
        for sample in range(command.samples):
            tell(wire.Read(id=command.id, done=len(command.tokens), total=len(command.tokens), reused=0, sample=sample))
            tell(wire.Wrote(id=command.id, text="a", tokens=1, sample=sample))
        if self.mode == "dies in decode":
            os.abort()
        elif self.mode == "closes its pipe":
            os.close(1)
        elif self.mode == "loses a command":
            tell(wire.Problem(id=0, kind="engine", what="What was that?"))
        elif self.mode == "babbles":
            os.write(1, b'{"type":"wrote"}\n')
        elif self.mode == "flood":
            line = wire.encode(wire.Wrote(id=command.id, text="x", tokens=1))
            for _ in range(FLOOD // 100):
                os.write(1, line * 100)
            self.end(command.id, "stop")
        elif self.mode == "good" and not command.sampling.stop:
            self.end(command.id, "stop", command.samples)
        elif self.mode == "fails one":
            tell(wire.Problem(id=command.id, kind="engine", what="No room.", sample=0))
            tell(wire.Wrote(id=command.id, text="late", tokens=1, sample=0))
            self.end(command.id, "length", command.samples, first=1)
            self.end(command.id, "stop", command.samples)

    def score(self, command: wire.Score) -> None:
        if self.mode == "dies in decode":
            os.abort()
        for sample, text in enumerate(command.texts):
            if self.mode == "fails one" and sample:
                tell(wire.Problem(id=command.id, kind="engine", what="No room.", sample=sample))
                continue
            tell(wire.Read(id=command.id, done=1, total=2, reused=0, sample=sample))
            for place in range(len(text)) if self.mode != "deaf" else ():
                token = TokenScore(token=place, text=str(text[place]), logprob=-1.0, rank=1, entropy=0.0)
                done = place == len(text) - 1
                part = ScoredText((token,), len(command.prompt))
                tell(wire.Scored(id=command.id, text=part, done=done, sample=sample))

    def embed(self, command: wire.Embed) -> None:
        if self.mode == "dies in decode":
            os.abort()
        if self.mode == "fails one":
            tell(wire.Problem(id=command.id, kind="model", what="No vectors."))
        for place, text in enumerate(command.texts) if self.mode == "good" else ():
            vector = struct.pack("<2f", len(text), 0.5)
            done = place == len(command.texts) - 1
            tell(
                wire.Embedded(
                    id=command.id, vectors=(vector,), tokens=(len(text),), pooling="cls", declared=True, done=done
                )
            )

    def end(self, number: int, reason: str, samples: int = 1, first: int = 0) -> None:
        for sample in range(first, samples):
            tell(wire.Ended(id=number, reason=reason, usage=Usage(1, 0, 1), timing=Timing(), sample=sample))


if __name__ == "__main__":
    FakeWorker(sys.argv[1]).run()
