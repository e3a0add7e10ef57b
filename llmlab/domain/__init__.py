"""The values and pure functions of the lab: standard library only."""
