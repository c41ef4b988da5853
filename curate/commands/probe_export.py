"""`curate probe-export`: the command of the trainer."""

from train_probe.cli import export as probe_export

__all__ = ["probe_export"]
