"""Which of two corpora is better, measured by training small models on both under the same budget.

Knows only Parquet and JSON lines with a text, and imports nothing else of this project.  Token files and the trainer
need torch, numpy and click alone; pyarrow and tokenizers are for preparing them, safetensors for export.
"""

__version__ = "0.1.0"
