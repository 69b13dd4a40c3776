"""Numbers in, records and tables out."""
