"""The system's clipboard, through whichever of its programs is there; OSC 52 is Textual's part."""

from __future__ import annotations

import shutil
import subprocess
from typing import Final

PROGRAMS: Final = (
    ("pbcopy",),
    ("wl-copy",),
    ("xclip", "-selection", "clipboard"),
    ("xsel", "--clipboard", "--input"),
    ("clip.exe",),
)
PATIENCE: Final = 2.0
"""Seconds; a clipboard of another machine may hang."""


def copy_to_system(text: str) -> bool:
    """Put `text` on the clipboard; False when no program could. Blocks: call it in a thread."""
    for command in PROGRAMS:
        program = shutil.which(command[0])
        if program is None:
            continue
        encoded = text.encode("utf-16-le" if command[0] == "clip.exe" else "utf-8", "replace")
        try:
            done = subprocess.run(
                [program, *command[1:]],
                input=encoded,
                timeout=PATIENCE,
                check=False,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return True
    return False
