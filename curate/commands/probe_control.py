"""`curate probe-control`: the command of the trainer."""

from train_probe.cli import control as probe_control

__all__ = ["probe_control"]
