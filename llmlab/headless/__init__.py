"""The commands that answer on standard output."""
