"""The request head: a language model's states over a conversation, projected into item space."""
