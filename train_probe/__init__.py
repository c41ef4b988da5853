"""Which of two corpora is better, measured by training small models on both under the same budget.

Knows only Parquet and JSON lines with a text, and imports nothing else of this project.  Token files and the trainer
need torch, numpy and click alone; pyarrow and tokenizers are for preparing them, safetensors for export.
"""

import os

__version__ = "0.1.0"

os.environ.setdefault("GOMP_SPINCOUNT", "10000")
"""PyTorch's threads wait for each other hundreds of times a step. By default they do so at full speed for milliseconds,
which takes the processor from the one that is waited for when other programs run: a quarter of the speed was left. It is
read when PyTorch is loaded, and changes no result."""
