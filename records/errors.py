"""What a person can mend: each message says what was wrong, what was expected and what to do."""


class InferenceError(ValueError):
    """Any of those below."""


class RunError(InferenceError):
    """The run cannot be asked."""


class CheckpointError(InferenceError):
    """A checkpoint is missing, damaged, or no model of this project; nothing of it was run."""


class TextError(InferenceError):
    """Nothing can be said of a text."""


class ExportError(InferenceError):
    """A network cannot be exported; nothing is left behind."""


class ServeError(InferenceError):
    """A run cannot be served."""


class TableError(InferenceError):
    """A table cannot be read, or the output not be written to."""
