"""Sixty-five files that programs get wrong, made here byte by byte, and what must come of each."""
