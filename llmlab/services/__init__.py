"""The verbs of the lab, for every front end."""
