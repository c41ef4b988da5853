"""Tokenizers, token counts, token files."""
