"""`curate probe-compare`: the command of the trainer."""

from train_probe.cli import compare as probe_compare

__all__ = ["probe_compare"]
