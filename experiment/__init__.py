"""One study, all studies: what is planned, trained, scored and kept."""
