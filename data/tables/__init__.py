"""Tables of any kind, read row by row. Each module opens one kind of file or folder as a `table.Table`."""
