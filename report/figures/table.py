"""The table of figures: those of every section's file, in the order in which the report shows them."""

from report.figures import accuracy, behaviour, comparisons, cost, data, errors, search, training
from report.figures.figure import Figure

FIGURES: dict[str, Figure] = {
    figure.name: figure
    for room in (accuracy, comparisons, cost, training, errors, behaviour, search, data)
    for figure in room.FIGURES
}
