"""Which encoding a text file has, and its lines, in which bytes that the encoding does not know are marked."""

import codecs
import contextlib
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TextIO

from data.tables.content import Content, printable
from data.tables.detect import Detected, detect
from records.errors import DataError

KINDS = "CSV, TSV, JSON lines, Parquet, Arrow or Excel, also compressed, or a folder of texts or tables"
_MARKING = "lengthwise.mark"  # the name of the error handler below
_BLOCK = 1 << 20  # bytes
_SAMPLE = 1 << 16  # bytes that an encoding is detected from
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NAMES = "utf-8, latin-1, cp1252 and utf-16 are usual"
_MARK = re.compile("[\udc00-\udcff]")
_LONE_RETURN = re.compile(r"\r(?!\r*(?:\n|\Z))")


@dataclass(frozen=True)
class Text:
    """How the bytes of a file become lines."""

    encoding: str  # as Python names it
    detected: bool  # whether it was guessed from the bytes
    newline: str  # ends its lines: "\n", also after "\r", or "\r" alone
    longest_line: int = 0  # bytes, to a block
    has_bad_bytes: bool = False  # any that the encoding does not know
    has_nul: bool = False
    has_lone_returns: bool = False  # "\r" that end no line
    has_quotes: bool = False
    has_backslashes: bool = False
    example: str = ""  # a word that shows whether the guess is right
    likely: Detected | None = None  # what the lines may be in that are not UTF-8, where the file is read as UTF-8
    is_mixed: bool = False  # whether other lines have characters beyond ASCII in UTF-8

    @property
    def shown(self) -> str:
        """The encoding, for people."""
        example = f" (as in {printable(self.example)!r})" if self.example else ""
        return f"encoding {shown_encoding(self.encoding)}" + (f", detected{example}" if self.detected else "")

    @property
    def advice(self) -> str:
        """The end of a sentence on bytes that are not UTF-8: what to do."""
        if not self.encoding.replace("_", "-").startswith("utf-8"):
            return ""
        if not self.is_mixed:
            return (
                f"; name the encoding: --set data.encoding={shown_encoding(self.likely.encoding) if self.likely else 'latin-1'}"
            )
        seems = (
            f" (it seems to be {shown_encoding(self.likely.encoding)}: {printable(self.likely.example)!r})" if self.likely else ""
        )
        return f", as other rows are{seems}; no one encoding fits all of them, so write it anew in UTF-8"

    @contextlib.contextmanager
    def opened(self, content: Content) -> Iterator[TextIO]:
        """The characters, as they are; a bad byte is the character U+DC00 plus the byte."""
        codecs.register_error(_MARKING, _mark)
        with content.open() as file, io.TextIOWrapper(file, self.encoding, _MARKING, newline=self.newline) as characters:
            yield characters

    def lines(self, content: Content) -> Iterator[str]:
        """The lines with their ends; a return that ends none is hidden, see `reveal`."""
        with self.opened(content) as lines:
            if self.has_lone_returns:
                yield from (_LONE_RETURN.sub(hide("\r"), line) for line in lines)
            else:
                yield from lines


def shown_encoding(name: str) -> str:
    """The name of an encoding, for people."""
    name = name.removesuffix("-sig").replace("_", "-")
    return name.upper() if name.startswith("utf") else name


def hide(character: str) -> str:
    """A stand-in for an ASCII character, which no text holds; see `reveal`."""
    return chr(0xD800 + ord(character))


_STAND_INS = {hide(character): character for character in '"\\\r\n\t,;| '}  # of all that is ever hidden


def reveal(cell: str) -> str:
    """The cell with the characters that were hidden in it."""
    if not cell.isascii():
        for hidden, character in _STAND_INS.items():  # ten times as fast as a regular expression
            if hidden in cell:
                cell = cell.replace(hidden, character)
    return cell


def first_bad_byte(cell: str) -> int | None:
    """The first byte that the encoding did not know."""
    found = _MARK.search(cell)
    return None if found is None else ord(found[0]) - 0xDC00


def shown_bytes(cell: str) -> str:
    r"""The cell with each bad byte written as `\xe9`."""
    return _MARK.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", cell)


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


def find_text(content: Content, encoding: str = "auto") -> Text:
    """How a file is read, once every byte of it has been looked at.

    UTF-8 is what decodes as such but for fewer than one line in a hundred.

    Args:
        content: the file.
        encoding: a name that Python knows, or `auto`.

    Raises:
        DataError: it cannot be read, the name is unknown, or no encoding is found.
    """
    head = content.head(_SAMPLE)
    mark = next((name for magic, name in _MARKS if head.startswith(magic)), "")
    if encoding != "auto":
        name = _known(encoding)
        return _look(content, mark if mark and mark.startswith(name) else _with_order(name, head)).text(detected=False)
    if wide := mark or _unmarked_wide(head):
        return _look(content, wide).text(detected=not mark)
    look = _look(content, "utf-8")
    if look.bad == 0 or look.bad * 100 < look.lines:
        return look.text(detected=False)
    found = _detect(bytes(look.sample), content.name)
    return replace(_look(content, found.encoding).text(detected=True), example=found.example)


def find_encoding(texts: Iterable[bytes], encoding: str, name: str) -> Text:
    """The encoding of texts in files of their own.

    Raises:
        DataError: the name is unknown, or no encoding is found.
    """
    if encoding != "auto":
        known = _known(encoding)
        return Text("utf-8-sig" if known == "utf-8" else known, detected=False, newline="\n")
    look = _Look("utf-8-sig")
    for text in texts:
        look.lines += 1
        look.add_line(text)
    if look.bad == 0 or look.bad * 100 < look.lines:
        return look.text(detected=False)
    found = _detect(bytes(look.sample), name)
    return Text(found.encoding, detected=True, newline="\n", example=found.example)


def _known(encoding: str) -> str:
    try:
        info = codecs.lookup(encoding)
    except (LookupError, ValueError) as error:  # ValueError: a NUL in the name
        raise DataError(f"--set data.encoding={encoding}: unknown encoding; {_NAMES}") from error
    if not getattr(info, "_is_text_encoding", True) or info.name in ("idna", "punycode", "undefined"):
        raise DataError(f"--set data.encoding={encoding}: is no encoding of texts; {_NAMES}")
    return info.name


def _with_order(name: str, head: bytes) -> str:
    """The name of an encoding, with the order of its bytes where the mark that would tell it is missing."""
    if name not in ("utf-16", "utf-32"):
        return name
    return f"{name}-be" if head[0::2].count(0) > head[1::2].count(0) else f"{name}-le"


def _unmarked_wide(head: bytes) -> str:
    """UTF-16 without its mark: half of the bytes of its ASCII characters are NUL, always the same half."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if min(even, odd) * 20 > max(even, odd) or not (even or odd):
        return ""
    name = "utf-16-be" if even > odd else "utf-16-le"
    try:
        head[: len(head) // 2 * 2].decode(name)
    except UnicodeDecodeError:
        return ""
    high = head[0::2] if even > odd else head[1::2]
    are_high = sum(byte < 0x20 for byte in high) * 10 >= 9 * len(high)  # as of Cyrillic and Arabic; ASCII text has few such bytes
    return name if (even + odd) * 5 > len(head) or are_high or not _is_utf8(head) else ""


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _detect(sample: bytes, name: str) -> Detected:
    found = None if b"\0" in sample else detect(sample)
    if found is None:
        raise DataError(
            f"{name}: is no text in UTF-8, and no other encoding fits; name it (--set data.encoding=latin-1), or give {KINDS}"
        )
    return found


@dataclass
class _Look:
    """What one pass over the bytes of a file sees."""

    encoding: str
    newline: str = "\n"
    longest: int = 0  # bytes of lines that are longer than a block
    lines: int = 0
    bad: int = 0  # lines with bytes that the encoding does not know
    nul: bool = False
    lone_returns: bool = False
    quotes: bool = False
    backslashes: bool = False
    wide: bool = False  # whether there are characters beyond ASCII that the encoding knows

    def __post_init__(self) -> None:
        self.sample = bytearray()  # lines that the encoding does not know, as many as an encoding is detected from

    def text(self, *, detected: bool) -> Text:
        """The result."""
        seen = (self.bad > 0, self.nul, self.lone_returns, self.quotes, self.backslashes)
        likely = detect(bytes(self.sample)) if self.sample and self.encoding.startswith("utf-8") else None
        return Text(self.encoding, detected, self.newline, self.longest, *seen, likely=likely, is_mixed=self.wide)

    def add(self, block: bytes) -> None:
        """Look at whole lines."""
        end = self.newline.encode()
        self.lines += block.count(end) + (not block.endswith(end))
        self.nul = self.nul or b"\0" in block
        self.quotes = self.quotes or b'"' in block
        self.backslashes = self.backslashes or b"\\" in block
        if self.newline == "\n" and not self.lone_returns and b"\r" in block:
            self.lone_returns = re.search(rb"\r(?!\r*(?:\n|\Z))", block) is not None
        try:
            block.decode(self.encoding)
            self.wide = self.wide or not block.isascii()
        except UnicodeDecodeError:
            for line in block.split(end):
                self.add_line(line)

    def add_line(self, line: bytes) -> None:
        """Count a line, or a text, that the encoding does not know."""
        try:
            line.decode(self.encoding)
            self.wide = self.wide or not line.isascii()
        except UnicodeDecodeError:
            self.bad += 1
            if len(self.sample) < _SAMPLE:
                self.sample += line[:_SAMPLE] + b"\n"


def _look(content: Content, encoding: str) -> _Look:
    look = _Look(encoding)
    if encoding.replace("-", "_").startswith(("utf_16", "utf_32")):
        return _look_at_wide(content, look)
    with content.open() as file:
        rest, line = b"", 0
        while block := file.read(_BLOCK):
            if not look.lines and not rest:
                look.newline = _line_end(block)
            rest += block
            end = rest.rfind(look.newline.encode()) + 1
            line = 0 if end else line + len(block)
            look.longest = max(look.longest, line)
            end = end or max(rest.rfind(b" "), rest.rfind(b",")) + 1  # no encoding has these bytes within a character
            if end or len(rest) > 8 * _BLOCK:
                look.add(rest[: end or None])
                rest = rest[end:] if end else b""
        if rest:
            look.add(rest)
    return look


def _line_end(block: bytes) -> str:
    r"""`\r` alone if the first line ends so, and others do; Excel on a Macintosh writes `\n` inside of cells then."""
    first = re.search(rb"\r*\n|\r", block)
    lone = len(re.findall(rb"\r(?!\r*\n)", block))
    return "\r" if first and first[0] == b"\r" and 4 * lone >= block.count(b"\n") else "\n"


def _look_at_wide(content: Content, look: _Look) -> _Look:
    """The same for encodings in which a line end is more than a byte."""
    with Text(look.encoding, detected=False, newline="").opened(content) as file:
        look.newline = _line_end(file.read(_BLOCK).encode("utf-8", "surrogatepass"))
    for line in Text(look.encoding, detected=False, newline=look.newline).lines(content):
        look.lines += 1
        look.bad += _MARK.search(line) is not None
        look.nul = look.nul or "\0" in line
        look.quotes = look.quotes or '"' in line
        look.backslashes = look.backslashes or "\\" in line
        look.lone_returns = look.lone_returns or (look.newline == "\n" and _LONE_RETURN.search(line) is not None)
    return look
