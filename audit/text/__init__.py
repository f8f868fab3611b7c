"""Texts about people: words that name a group, and the same text with another one."""
