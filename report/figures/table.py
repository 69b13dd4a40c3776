"""The table of figures: those of every section's file, in the order in which the report shows them."""

from report.figures import accuracy, behaviour, comparisons, cost, data, errors, ladder, search, training
from report.figures.figure import Figure

SECTIONS = (ladder, accuracy, comparisons, cost, training, errors, behaviour, search, data)
FIGURES: dict[str, Figure] = {figure.name: figure for section in SECTIONS for figure in section.FIGURES}
