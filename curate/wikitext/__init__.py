"""Wikitext to text: pure functions on one page."""
