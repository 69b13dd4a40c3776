"""Where reviews come from. Each module reads one kind of source into `SourceReviews`; nothing here imports Keras."""
