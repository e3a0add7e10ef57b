"""Markdown, code and plain text laid out as lines of styled text; knows no widget, no theme and no terminal."""
