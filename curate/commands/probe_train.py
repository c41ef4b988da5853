"""`curate probe-train`: the command of the trainer."""

from train_probe.cli import train as probe_train

__all__ = ["probe_train"]
