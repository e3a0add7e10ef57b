"""The engine: a child process that runs one model, and the protocol that the services know."""
