"""Recommending from conversations: items named in text, sources of scores, and their learned fusion."""
