"""How a mixture is counted, planned, drawn, shuffled and written.

units         "2B", "10GB" and back
hashing       the only source of chance: hashes of ids
sources       NAME=PATH, folders of Parquet and JSON lines -> batches of (id, text)
counts        tokens, bytes and words of each document, cached per source file
plan          weights + counts -> how many times each document is drawn
draw, finish  the drawn rows, shuffled; shards, held-out documents, tokens
job           what is asked for, and the whole of `curate mix`
"""
