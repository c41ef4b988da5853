"""One way in for tables of documents: which files are read, what their columns are called, rows that can't be read."""
