"""The classes that the labels of a run's texts are of: their names in order, and their values where they are numbers."""

from dataclasses import dataclass

from records.codec import Record


@dataclass(frozen=True)
class Classes(Record):
    """Two classes or more; the label of a text is the position of its class in these."""

    names: tuple[str, ...]  # of two classes the second is the one that rises with the logit: `positive`
    values: tuple[float, ...] = ()  # of ordered classes, such as stars: ascending, one a class; empty: they have no order

    def __len__(self) -> int:
        return len(self.names)

    @property
    def are_ordered(self) -> bool:
        """Whether a verdict can be nearly right: the classes are numbers, and there are more than two."""
        return len(self.values) > 2


MOST_CLASSES = 50  # that are told apart
SENTIMENT = Classes(("negative", "positive"))  # of IMDB
