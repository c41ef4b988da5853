"""`curate probe-eval`: the command of the trainer."""

from train_probe.cli import evaluate as probe_eval

__all__ = ["probe_eval"]
