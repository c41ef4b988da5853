"""What a corpus is on disk: schema, shards, checksums, look-ups, recipes."""
