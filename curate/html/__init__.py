"""Our own engine: text blocks by a tokeniser without a tree, judged by two small tree ensembles (docs/extraction.md)."""
