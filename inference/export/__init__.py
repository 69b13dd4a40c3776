"""Networks of a finished run as files that others can run."""
