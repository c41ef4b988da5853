"""How a mixture is counted, planned, drawn, shuffled and written.

quantities    "2B", "10GB" and back
hashing       the only source of chance: hashes of ids
sources       folders of Parquet and JSON lines -> batches of (id, text)
counts        tokens, bytes and words of each document, cached per source file
plan          weights + counts -> how many times each document is drawn
job           the whole of `curate mix`
"""
