"""`german/`: German reviews of 20 to 300 words in `train.csv`, `validation.csv` and `test.csv`; semicolons, Latin-1."""

import csv
from pathlib import Path

import numpy as np

from benchmarks.own_tables.grammar import Grammar, capitalised, chance, drawn, noisy, pick

PARTS = {"train": 3_500, "validation": 500, "test": 1_500}
NOISE = 0.05
MEDIAN_WORDS, SPREAD, SHORTEST, LONGEST = 70, 0.6, 20, 300
GRAMMAR = Grammar(
    good=(
        "großartig", "überzeugend", "schön", "spannend", "gelungen", "rührend", "preiswürdig", "liebenswert", "klug",
        "sehenswert", "stimmungsvoll", "unübertroffen",
    ),
    bad=(
        "öde", "schwach", "hässlich", "langweilig", "misslungen", "kitschig", "überflüssig", "nervtötend", "dümmlich",
        "enttäuschend", "seelenlos", "unerträglich",
    ),
    forms={
        "{aspect} {was} {verdict}": 0.40,
        "{aspect} {was} {negator} {stretch}{opposite}": 0.21,
        "{aspect} {was} alles andere als {opposite}": 0.05,
        "man sagt, {aspect} sei {opposite}, doch für mich {was} es {verdict}": 0.12,
        "dass {aspect} {opposite} sein soll, kann ich nicht bestätigen": 0.08,
        "man hatte mir gesagt, {aspect} würde {opposite}, und es kam anders": 0.07,
        "statt {opposite} {was} {aspect} {verdict}": 0.07,
    },
    slots={
        "aspect": (
            "die Handlung", "das Drehbuch", "die Kameraführung", "die Hauptdarstellerin", "die Filmmusik", "das Ende",
            "der Humor", "die Nebenfigur", "der Schnitt", "die Synchronfassung", "die Anfangsszene", "das Bühnenbild",
            "die Liebesgeschichte", "der Bösewicht", "die Verfolgungsjagd",
        ),
        "was": ("ist", "war", "wirkte", "blieb"),
        "negator": ("nicht", "keineswegs", "nie", "kaum"),
        "stretch": ("", "", "auch nur einen Augenblick lang ", "in irgendeiner Weise ", "für meinen Geschmack ", "wie erwartet "),
        "who": ("meiner Schwägerin", "den Großeltern", "zwei Kollegen", "meinem Mann", "der ganzen Familie"),
        "town": ("Köln", "München", "Zürich", "Münster", "Göttingen", "Wien"),
        "day": ("Dienstagabend", "Wochenende", "Feiertag", "Sonntagnachmittag"),
        "month": ("März", "Oktober", "Januar", "August"),
        "other": (
            "Wir sahen den Film am {day} in {town}", "Ich war mit {who} im Kino", "Die Geschichte beginnt in {town}",
            "Der Film dauert ungefähr zwei Stunden", "Gedreht wurde meist in {town}", "Die DVD gehört {who}",
            "In der Mitte gibt es eine lange Zugfahrt", "Der Regisseur hat vorher zwei Dokumentarfilme gemacht",
            "Ein Detektiv, eine Sängerin und ein Hund teilen sich die meiste Zeit", "Am {day} lief er auch im Fernsehen",
            "Auf der Rückfahrt nach {town} haben wir lange darüber gesprochen", "Gesehen habe ich ihn in der Spätvorstellung",
            "Eine Straßenbahn spielt auch mit", "Das Buch dazu hatte ich vor Jahren gelesen", "Neben mir saß ein älteres Ehepaar",
            "Die Karten kosteten elf Euro", "Im Vorspann sieht man einen Fluss", "Er kam im {month} in die Kinos",
            "Von {who} kam der Vorschlag", "Das Kino in {town} hat neue Sessel", "Zwischendurch gab es eine Pause",
            "Es geht um eine Bäckerei und ihre Nachbarn", "Ein Brief aus {town} bringt alles ins Rollen",
            "Der Untertitel steht am unteren Bildrand", "Die Hälfte spielt nachts", "Danach waren wir noch beim Bäcker",
            "Der Vorgänger lief im {month}", "Vor der Tür standen Fahrräder", "Ein Fußballspiel kommt auch vor",
            "Der Held fährt mit dem Schiff nach Übersee", "Mit {who} spreche ich oft über Filme",
            "In der Schlussszene schneit es über {town}",
        ),
    },
)  # fmt: skip


def write(folder: Path) -> Path:
    """The folder with its three files."""
    rng = np.random.default_rng(25)
    path = folder / "german"
    path.mkdir(exist_ok=True)
    for part, rows in PARTS.items():
        meant = drawn({"negativ": 0.5, "positiv": 0.5}, rows, rng)
        with (path / f"{part}.csv").open("w", encoding="latin-1", newline="") as file:
            writer = csv.writer(file, delimiter=";")
            writer.writerow(("Titel", "Rezension", "Urteil"))
            for each, said in zip(meant, noisy(meant, NOISE, rng), strict=True):
                writer.writerow((_title(rng), _text(each == "positiv", rng), said))
    return path


def _title(rng: np.random.Generator) -> str:
    return f"{capitalised(GRAMMAR.fill('{aspect}', rng))} und mehr, Kritik {rng.integers(1, 1000)}"


def _text(is_good: bool, rng: np.random.Generator) -> str:
    """Sentences until a length is reached; three of ten are opinions, the first always."""
    words = float(np.clip(rng.lognormal(np.log(MEDIAN_WORDS), SPREAD), SHORTEST, LONGEST - 15))
    sentences: list[str] = []
    others = GRAMMAR.others(LONGEST, rng)
    while len(" ".join(sentences).split()) < words:
        is_opinion = not sentences or chance(0.3, rng)
        sentence = GRAMMAR.opinion(is_good, rng) if is_opinion else others.pop()
        sentences.append(capitalised(sentence) + pick((".", ".", ".", "!"), rng))
    return " ".join(sentences[int(i)] for i in rng.permutation(len(sentences)))
