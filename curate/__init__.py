"""From raw web crawls to pretraining corpora, and a probe that says which corpus is better."""

__version__ = "0.1.0"
