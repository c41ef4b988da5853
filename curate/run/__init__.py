"""How a job runs: pipeline, shuffle, passes, publishing, ledger."""
