"""What `import curate` offers to a program or a notebook: the commands as functions. See docs/python.md."""
