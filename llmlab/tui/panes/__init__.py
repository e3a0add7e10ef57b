"""The panes of the lab, each an editor or a view of one part of the recipe."""
