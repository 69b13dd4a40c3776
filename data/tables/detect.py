"""Which encoding bytes are in that are no UTF-8: the one in which they spell a language, else what charset-normalizer finds."""

import re
from dataclasses import dataclass
from itertools import pairwise

# Encodings of the Latin script, the commonest first, which is taken where others fit as well. One byte is a letter in each of
# them, and Spanish would be good Polish but for its letters; so what counts are the letters that a language has.
_MIXED = "àâçéèêëîïôœùûüäößáíñóúãìòåøæ"  # several languages of the West, or their names and loanwords in English
_WESTERN = (
    "àâçéèêëîïôœùûüÿæ",  # French
    "áéíñóúü",  # Spanish
    "ãáâàçéêíóôúü",  # Portuguese, see below for õ
    "àéèìíòóùú",  # Italian
    "äöüßé",  # German
    "åäöæøéü",  # Danish, Norwegian, Swedish, Finnish
    "áðéíóúýþæö",  # Icelandic
    "éëïöüèá",  # Dutch
    "äöõüšž",  # Estonian
    _MIXED,
)
_CENTRAL = (
    "áčďéěíňóřšťúůýž",  # Czech
    "áäčďéíĺľňóôŕšťúýž",  # Slovak
    "ąćęłńóśźż",  # Polish
    "áéíóöőúüű",  # Hungarian
    "ăâîşţșț",  # Romanian
    "čćđšž",  # Croatian, Slovene
)
_LETTERS = {
    "cp1252": _WESTERN,
    "iso8859_15": _WESTERN,
    "cp1250": _CENTRAL,
    "iso8859_2": _CENTRAL,
    "cp1254": ("çğıöşüâîûİ",),  # Turkish
    "cp1257": ("āčēģīķļņōšūž", "ąčęėįšųūž", "äöõüšž"),  # Latvian, Lithuanian, Estonian
    "cp850": _WESTERN,
    "cp437": _WESTERN,
    "mac_roman": _WESTERN,
}
_SIGNS = frozenset("\xa0‘’‚“”„–—…•·€£¥¢§©®™°«»‹›¿¡´¨ªº²³¹½¼¾×±÷†¶")
_IN_WORDS = frozenset("’–—…·\xa0")  # signs that stand between letters
_MIXED_COUNTS = 0.95  # less than one language of which all letters are
_KANA = re.compile("[\u3041-\u30fe]")
_SOME_KANA = 0.2  # of the characters beyond ASCII: in Japanese, and in nothing else
_BEHIND = frozenset("ªº²³¹½¼¾£¥")  # signs that stand before no letter
_FITTING = 0.9  # of all characters: the rest are a name from elsewhere, a sign that nobody writes, or damage
_OTHERS = (
    *("cp1251", "cp1253", "cp1255", "cp1256", "cp1258", "cp874", "koi8_r"),
    *("gb18030", "big5", "cp932", "euc_jp", "cp949"),
)
USUAL = (*_LETTERS, *_OTHERS)
_EXAMPLE = 20  # characters
_TOKEN = re.compile(r"[^\s,;|\"]*[^\x00-\x7f\s][^\s,;|\"]*")


@dataclass(frozen=True)
class Detected:
    """An encoding that was guessed, and a word that shows whether the guess is right."""

    encoding: str
    example: str


def detect(sample: bytes) -> Detected | None:
    """The encoding of lines or texts that are no UTF-8; None if none is found.

    Args:
        sample: what UTF-8 does not know.
    """
    scores = {name: _score(sample.decode(name, "replace"), _LETTERS[name]) for name in _LETTERS}
    best = max(scores, key=scores.__getitem__)
    if scores[best] < _FITTING:
        best = next((name for name in ("cp932", "euc_jp") if _has_kana(sample.decode(name, "replace"))), "") or _normalized(
            sample
        )
    return Detected(best, _example(sample.decode(best, "replace"))) if best else None


def _normalized(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    found = list(from_bytes(sample, cp_isolation=list(USUAL), preemptive_behaviour=False))
    if not found:
        return ""
    best = [match for match in found if (match.chaos, match.coherence) == (found[0].chaos, found[0].coherence)]
    return min((known for match in best for known in match.could_be_from_charset), key=USUAL.index)


def _score(text: str, languages: tuple[str, ...]) -> float:
    """The share of characters beyond ASCII that stand where they may, in the language of which most do."""
    signs, letters, total = 0, dict.fromkeys(languages, 0), 0
    padded = f" {text} "
    for place, (before, character) in enumerate(pairwise(padded), 1):
        if character.isascii():
            continue
        total += 1
        after = padded[place + 1]
        if character in _SIGNS:
            signs += character in _IN_WORDS or not (after.isalpha() and (before.isalpha() or character in _BEHIND))
        elif _may_be_letter(before, character, after):
            is_tilde = character == "õ" and after == "e"  # as Portuguese has it; elsewhere it may be the ő of Hungarian
            for language in languages:
                letters[language] += is_tilde or character.lower() in language or character in language
    fitting = max(count * (_MIXED_COUNTS if language == _MIXED else 1) for language, count in letters.items())
    return (signs + fitting) / max(total, 1)


def _has_kana(text: str) -> bool:
    others = sum(not character.isascii() for character in text)
    return len(_KANA.findall(text)) > _SOME_KANA * others and text.count("\ufffd") * 50 < others


def _may_be_letter(before: str, character: str, after: str) -> bool:
    """Whether a letter may stand there: not beside a digit, no capital behind a small letter, not between two like it."""
    is_odd = before.isdigit() or after.isdigit() or (character.isupper() and before.islower())
    is_between = not before.isascii() and not after.isascii() and before.isalpha() and after.isalpha()
    return character.isalpha() and not is_odd and not is_between


def _example(text: str) -> str:
    """A word with a letter beyond ASCII, or what else there is beyond it."""
    tokens = [found[0].strip(".!?()[]") for found in _TOKEN.finditer(text[:1_000_000])]
    words = [token for token in tokens if any(each.isalpha() and not each.isascii() for each in token)]
    return next((token[:_EXAMPLE] for token in (*words, *tokens) if "\ufffd" not in token), "")
