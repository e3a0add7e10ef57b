"""Makes a digest on the embedded model, to be killed at any time: `python -m tests.services.kill_digest HOME`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from llmlab.domain.document import Document, digest_of
from llmlab.domain.model import ModelSpec
from llmlab.domain.sampling import Sampling
from llmlab.engine.child import ChildEngine
from llmlab.pocket import pocket_path
from llmlab.services.digest import Digesting
from llmlab.services.host import EngineHost

TEXT = "".join(
    f"In year {year} the river Oda rose by {year % 7} feet, and the mill stood still. " for year in range(240)
)


async def run(home: Path) -> None:
    """Go on with the digest in `home` until it is done; say each note that was written now."""
    host = EngineHost(lambda: ChildEngine(log=home / "engine.log"))
    digesting, stop = Digesting(host, home / "digests"), asyncio.Event()
    spec = ModelSpec(name="pocket-m", path=str(pocket_path("pocket-m")), n_ctx=1024, sampling=Sampling(temperature=0.0))
    document = Document("river.txt", "", "text", TEXT, digest=digest_of(TEXT))
    try:
        async for value in digesting.run(await digesting.plan(document, spec, "map", stop), stop):
            if not value.note.kept:
                sys.stdout.write(f"{value.note.task} {value.note.first} {value.note.key}\n")
                sys.stdout.flush()
    finally:
        await host.close()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
