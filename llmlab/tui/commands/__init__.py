"""The user's commands: one declaration each; keys, key line, palette, completion and help derive from it."""
