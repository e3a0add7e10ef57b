"""Figures of experiments: one description, drawn in a terminal and as SVG."""
