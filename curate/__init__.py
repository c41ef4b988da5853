"""From raw web crawls to pretraining corpora, and a probe that says which corpus is better."""

import curate.filters  # noqa: F401  (chooses where compiled code is kept)

__version__ = "0.1.0"
