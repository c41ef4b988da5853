"""Which of two corpora is better, measured by training small models on both under the same budget.

Knows only Parquet files with a `text` column, and imports nothing else of this project.  Token files and the
trainer need torch and numpy alone; pyarrow and tokenizers are for preparing them, safetensors for export.
"""

__version__ = "0.1.0"
