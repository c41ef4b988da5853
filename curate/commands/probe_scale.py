"""`curate probe-scale`: the command of the trainer."""

from train_probe.cli import scale as probe_scale

__all__ = ["probe_scale"]
