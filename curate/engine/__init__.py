"""Sail or Spark, tasks, child processes, memory."""
