"""The files a person edits: models.toml and the settings."""
