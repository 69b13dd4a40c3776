"""What the command lines do, a file a subcommand."""
