"""The parts of the report: what it shows (gather), its charts and its page. `curate.report` is the way in."""
