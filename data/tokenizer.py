"""From a text to its tokens, by one of the rules of `data.tokens`.

imdb        as the published ids of Keras IMDB were made: ASCII letters lower-cased, ASCII punctuation and line ends are spaces.
words       the words of any script that puts spaces between them: letters, marks and digits, apostrophes inside included.
characters  every character of a script without spaces (Chinese, Thai ...) is a token; everything else is read as by `words`.
subwords    pieces of words, which a model that was learned finds in the cleaned text (`data/vocabulary.py`).

All but `imdb` clean a text first, see `clean`. What is a token then, beside words: an emoji with all that belongs to it, an
emoticon (`:-)`, `<3`), a mention (`@user`). What is none is left out: punctuation, symbols, the # of a #hashtag.

    "I don’t &lt;3 it… 7.5/10 😀"     i  don't  <3  it  7.5/10  😀
    "GÜZEL güzel STRASSE Straße"       güzel  güzel  strasse  strasse
    "well-made, l'homme, R&amp;B"      well  made  l'homme  r  b
    "1,000.50 at 10:30, 3½ stars"      1,000.50  at  10:30  3  1/2  stars

So a number keeps the points, commas, colons and slashes between its digits: a mark of 10/10 is one token. A hyphen divides.

The code in the card of an exported network is that of `clean`, word for word, and reads the patterns in `vocabulary.json`.
"""

import functools
import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

Rule = Literal["imdb", "words", "characters", "subwords"]
VERSION = 1  # of the rules; raise it when a text may give other tokens, so that the words of older runs are refused

_FILTERED = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n\r'  # keras.preprocessing.text's filter, and \r: the apostrophe stays
_TABLE = {ord(c): " " for c in _FILTERED} | {c: c + 32 for c in range(ord("A"), ord("Z") + 1)}

# -- cleaning ----------------------------------------------------------------------------------------------------------

# Elements of HTML with their attributes: `<sarcasm>`, `3 < 5` and `a <b and c> d` are none.
TAG = (
    r"(?i)<!--[^<>]*+>|</?(?:a|abbr|article|b|big|blockquote|body|br|center|code|col|dd|del|div|dl|dt|em|figure|font|footer|form|"
    r"h[1-6]|head|header|hr|html|i|iframe|img|input|ins|li|link|main|mark|meta|nav|ol|o:p|p|pre|q|s|script|section|small|span|"
    r"strike|strong|style|sub|sup|table|tbody|td|th|thead|time|title|tr|tt|u|ul|video|wbr)"
    r"(?:\s++[\w:-]++(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s\"'<>]++)))*+\s*+/?>"
)
# What shows nothing: soft hyphens, joiners, marks of direction, variants of emoji, the Arabic letter that only stretches. Joined
# emoji keep the joiner, flags of regions their letters.
INVISIBLE = r"[[\p{Default_Ignorable_Code_Point}\u0640]--[\u200d\U000E0020-\U000E007F]]|\u200d(?!\p{Extended_Pictographic})"
BEFORE = {"\xb4": "'", "\xbc": " 1/4", "\xbd": " 1/2", "\xbe": " 3/4"} | dict.fromkeys("\u200b\u2122\u3164\uffa0", " ")
APOSTROPHES = "`\u02b9\u02bb\u02bc\u02bd\u2018\u2019\u201b\u2032\u055a\u05f3\ua78c"
AFTER = dict.fromkeys(APOSTROPHES, "'") | {"\u0131": "i", "\u2044": "/"}
LINK = r"(?<![a-z0-9])(?:https?://|www\.)[!-;=?-~]+"
MENTION = r"(?<!\w)@\w+"


def clean(text: str, mask_links: bool) -> str:
    """The text without HTML, in one case and in one form of Unicode.

    Entities are resolved (twice: many tables hold what was escaped twice), tags become spaces, letters are case-folded and in the
    form NFKC, apostrophes straight; what is invisible goes. All letters I of Turkish become one, since no text says whether I is
    the capital of i or of the dotless one.

    Args:
        text: as it was written.
        mask_links: whether every address becomes `http` and every mention `@user`, as in Barbieri et al. (2020), TweetEval,
            Findings of EMNLP.
    """
    if "&" in text:
        text = html.unescape(html.unescape(text))
    if "<" in text:
        text = compiled(TAG).sub(" ", text)
    if text.isascii():  # spares what changes nothing: half of the time
        text = text.lower().replace("`", "'")
    else:
        text = unicodedata.normalize("NFKC", compiled(INVISIBLE).sub("", replaced(text, BEFORE)))
        text = unicodedata.normalize("NFKC", replaced(text, AFTER).casefold().replace("i\u0307", "i"))
    if mask_links and ("://" in text or "www." in text):
        text = compiled(LINK).sub(" http ", text)
    if mask_links and "@" in text:
        text = compiled(MENTION).sub("@user", text)
    return text


def replaced(text: str, by: dict[str, str]) -> str:
    """The text with other characters for some, five times as fast as `str.translate` where there are few to replace."""
    return compiled(f"[{''.join(by)}]").sub(lambda found: by[found[0]], text)


@functools.cache
def compiled(pattern: str) -> Any:
    """The pattern in the syntax of `regex`, with operations on sets of characters."""
    import regex  # imported here: it takes 40 ms, and IMDB's rule does without

    return regex.compile(pattern, regex.V1)


# -- tokens ------------------------------------------------------------------------------------------------------------

# Scripts whose writers put no spaces between words.
UNSPACED = (
    *("Han", "Hiragana", "Katakana", "Bopomofo", "Yi", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan"),
    *("Tai_Le", "New_Tai_Lue", "Tai_Tham", "Tai_Viet", "Javanese", "Balinese"),
)
UNSPACED_LETTER = "[[" + "".join(rf"\p{{scx={script}}}" for script in UNSPACED) + r"]&&[\p{L}\p{N}]]"
_PICTURE = r"[\p{Extended_Pictographic}\u2600-\u27bf]\p{Emoji_Modifier}?"
_EMOJI = rf"\p{{Regional_Indicator}}{{2}}|{_PICTURE}(?:[\U000E0020-\U000E007F]+|(?:\u200d{_PICTURE})*)"
_EMOTICON = r"</?3(?!\w)|[:;=]'?-?(?:[)\]}*|]|[(\[{](?!\w))|(?<!\w)[:;]-?[dpos3/\\](?![\w/])|\^[_.-]?\^|-_-"  # in lower case


def _word(letter: str, following: str, digit: str) -> str:
    """The pattern of a word or number, an emoticon or a mention. A word goes on after an apostrophe, a number between digits."""
    return rf"{letter}{following}*+(?:(?:['\u00b7]|(?<={digit})[.,:/](?={digit})){following}++)*+|{_EMOTICON}|{MENTION}"


def _token(but: str = "") -> str:
    """The pattern of a keycap, an emoji, a word, an emoticon or a mention; no word holds a character of `but`."""
    word = _word(rf"[[\p{{L}}\p{{N}}]{but}]", rf"[[\p{{L}}\p{{N}}\p{{M}}]--\u20e3{but}]", r"\p{N}")
    return rf"[0-9#*]\u20e3|{word}|{_EMOJI}"


WORDS = _token()
CHARACTERS = rf"(?={UNSPACED_LETTER})\X|" + _token(but=f"--{UNSPACED_LETTER}")
_IN_ASCII = re.compile(_word("[a-z0-9]", "[a-z0-9]", "[0-9]"), re.ASCII)  # finds the same in ASCII text in half of the time


@dataclass(frozen=True)
class Tokenizer:
    """A rule with its options: called with a text, it gives the tokens."""

    rule: Rule = "imdb"
    mask_links: bool = True  # see `clean`; IMDB's rule knows neither addresses nor mentions

    def __call__(self, text: str) -> list[str]:
        """The tokens of a text; of `subwords` the words that the pieces are of."""
        if self.rule == "imdb":
            return imdb_words(text)
        cleaned = self.clean(text)
        if cleaned.isascii():
            return _IN_ASCII.findall(cleaned)
        found: list[str] = compiled(self.patterns["TOKEN"]).findall(cleaned)
        return found

    @cached_property
    def patterns(self) -> dict[str, Any]:
        """By name, what `clean` goes by and the pattern of a token; none by IMDB's rule."""
        if self.rule == "imdb":
            return {}
        cleaning = {"TAG": TAG, "INVISIBLE": INVISIBLE, "BEFORE": BEFORE, "AFTER": AFTER, "LINK": LINK, "MENTION": MENTION}
        return cleaning | {"TOKEN": CHARACTERS if self.rule == "characters" else WORDS}

    def clean(self, text: str) -> str:
        """The text that tokens are found in; IMDB's rule takes it as it is."""
        return text if self.rule == "imdb" else clean(text, self.mask_links)

    def join(self, tokens: Sequence[str]) -> str:
        """A text of these tokens."""
        if self.rule != "characters":
            return " ".join(tokens)
        return "".join(f" {token}" if blank else token for token, blank in zip(tokens, blanks(tokens), strict=True))


IMDB, SUBWORDS = Tokenizer("imdb"), Tokenizer("subwords")


def imdb_words(text: str) -> list[str]:
    """Words as in Keras IMDB: ASCII letters lower-cased, punctuation to spaces, split on spaces only.

    Other white space (U+0085, no-break space) stays inside words, as it did when the published ids were made. They were made of
    texts without carriage returns, which divide words as new lines do.
    """
    return [word for word in text.translate(_TABLE).split(" ") if word]


def blanks(tokens: Sequence[str]) -> list[bool]:
    """Whether a blank is shown before each token: not before the first, nor between two characters of a script without spaces."""
    spaced = [compiled(UNSPACED_LETTER).match(token) is None for token in tokens]
    return [bool(i) and (spaced[i - 1] or spaced[i]) for i in range(len(tokens))]
