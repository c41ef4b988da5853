"""The parts of the report: what it shows (gather), its charts and its page. `curate.report.write` is the way in."""
