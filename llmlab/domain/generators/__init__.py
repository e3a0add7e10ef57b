"""Items that are made rather than collected: by name, from a seed, with gold answers."""
