"""Chats in SQLite."""
