"""Books: what Project Gutenberg puts round a text, and epub."""
