"""What crosses the borders of rooms: frozen records, JSON in, JSON out. Nothing of the project is imported here."""
