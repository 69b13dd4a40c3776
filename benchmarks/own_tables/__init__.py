"""Five tables of generated texts of one's own kind, and a run on each: see `python -m benchmarks.own_tables --help`."""
