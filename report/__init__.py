"""Everything that is shown: figures, sentences, pages, the terminal."""
