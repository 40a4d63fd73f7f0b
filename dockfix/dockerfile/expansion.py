"""Quotes, escapes and variables in the words of a Dockerfile, read as BuildKit's own lexer reads them.

https://github.com/moby/buildkit/blob/master/frontend/dockerfile/shell/lex.go is the only specification of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from dockfix.dockerfile.logical import SPACE

_SPECIAL = "@*#?-$!0"
_NAME = re.compile(r"[^\W\d]\w*")
_DIGITS = re.compile(r"\d+")
_NOTHING: Mapping[str, str] = {}


class ExpansionError(ValueError):
    """A word that BuildKit cannot read: an unbalanced quote, a bad ``${``, a variable that is not set."""


class _Lexer:
    """One pass over a text; ``raw`` keeps quotes, escapes and unknown variables as they are written."""

    def __init__(
        self, text: str, env: Mapping[str, str], escape: str, *, raw_quotes: bool, raw_escapes: bool, keep_unset: bool
    ) -> None:
        self.text = text
        self.env = env
        self.escape = escape
        self.raw_quotes = raw_quotes
        self.raw_escapes = raw_escapes
        self.keep_unset = keep_unset
        self.position = 0

    def peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def take(self) -> str:
        character = self.text[self.position : self.position + 1]
        self.position += 1
        return character

    def read(self, stop: str = "") -> tuple[str, list[str]]:
        """The text up to *stop* or the end: as one string, and split into words."""
        result: list[str] = []
        words: list[str] = []
        word: list[str] = []
        while character := self.peek():
            if stop and character == stop:
                self.position += 1
                break
            if character == "'":
                piece = self.single_quoted()
                word.append(piece)
            elif character == '"':
                piece = self.double_quoted()
                word.append(piece)
            elif character == "$":
                piece = self.dollar()
                for part in re.split(f"([{SPACE}]+)", piece):
                    _add(words, word, part)
            elif character == "<":
                piece = self.less_than()
                word.append(piece)
            elif character == self.escape:
                self.position += 1
                escaped = self.take()
                piece = (character if self.raw_escapes else "") + escaped
                word.append(piece)
            else:
                self.position += 1
                piece = character
                _add(words, word, piece)
            result.append(piece)
        else:
            if stop:
                raise ExpansionError(f"unexpected end of statement while looking for matching {stop}")
        if any(word):
            words.append("".join(word))
        return "".join(result), words

    def single_quoted(self) -> str:
        end = self.text.find("'", self.position + 1)
        if end < 0:
            raise ExpansionError("unexpected end of statement while looking for matching single-quote")
        start, self.position = self.position, end + 1
        return self.text[start : end + 1] if self.raw_quotes else self.text[start + 1 : end]

    def double_quoted(self) -> str:
        self.position += 1
        quote = '"' if self.raw_quotes else ""
        result = [quote]
        while character := self.peek():
            if character == '"':
                self.position += 1
                return "".join((*result, quote))
            if character == "$":
                result.append(self.dollar())
                continue
            self.position += 1
            if character == self.escape:
                following = self.peek()
                if not following:
                    break
                if self.raw_escapes:
                    result.append(character)
                if following in ('"', "$", self.escape):
                    character = self.take()
            result.append(character)
        raise ExpansionError("unexpected end of statement while looking for matching double-quote")

    def less_than(self) -> str:
        self.position += 1
        if self.peek() != "<":
            return "<"
        start = self.position + 1
        self.position = start
        while self.peek() in ("\t", "\r", " "):
            self.position += 1
        return "<<" + self.text[start : self.position]

    def name(self) -> str:
        match = _DIGITS.match(self.text, self.position) or _NAME.match(self.text, self.position)
        if match:
            self.position = match.end()
            return match[0]
        return self.take() if self.peek() and self.peek() in _SPECIAL else ""

    def dollar(self) -> str:
        start = self.position
        self.position += 1
        if self.peek() != "{":
            name = self.name()
            return self.value(name, f"${name}") if name else "$"
        self.position += 1
        if not self.peek():
            raise ExpansionError("syntax error: missing '}'")
        if self.peek() in "{}:":
            raise ExpansionError("syntax error: bad substitution")
        name = self.name()
        modifier = self.take()
        if modifier == "}":
            return self.value(name, f"${{{name}}}")
        null_is_unset = modifier == ":"
        if null_is_unset:
            modifier = self.take()
        if modifier not in ("+", "-", "?") and (null_is_unset or modifier not in ("#", "%", "/")):
            raise ExpansionError(f"unsupported modifier ({modifier}) in substitution")
        word = self.argument(modifier)
        return self.modified(name, modifier, null_is_unset, word, start)

    def argument(self, modifier: str) -> str:
        """What follows the modifier, to the closing brace."""
        keep = self.raw_escapes
        if modifier in "#%/":
            self.raw_escapes = True
        try:
            if modifier == "/":
                if self.peek() == "/":
                    self.position += 1
                self.read("/")
            return self.read("}")[0]
        finally:
            self.raw_escapes = keep

    def value(self, name: str, written: str) -> str:
        if name in self.env:
            return self.env[name]
        if self.keep_unset:
            return written
        raise ExpansionError(f"{name} is not set")

    def modified(self, name: str, modifier: str, null_is_unset: bool, word: str, start: int) -> str:
        value = self.env.get(name)
        if value is None and self.keep_unset:
            return self.text[start : self.position]
        unset = value is None or (null_is_unset and not value)
        if modifier == "-":
            return word if unset or value is None else value
        if modifier == "+":
            return "" if unset else word
        if modifier == "?" and not unset and value is not None:
            return value
        raise ExpansionError(f"{name} cannot be worked out")


def _add(words: list[str], word: list[str], piece: str) -> None:
    if piece and piece[0] in SPACE:
        if any(word):
            words.append("".join(word))
        word.clear()
    elif piece:
        word.append(piece)


def raw_words(text: str) -> list[str]:
    """The words of a line with quotes, escapes and variables left in, or none where a quote or a ``${`` is unbalanced.

    BuildKit looks for heredocs in these; the escape character is the backslash there, whatever the file's is.
    """
    try:
        return _Lexer(text, _NOTHING, "\\", raw_quotes=True, raw_escapes=True, keep_unset=True).read()[1]
    except ExpansionError:
        return []


def heredoc_words(text: str, *, raw_quotes: bool) -> list[str]:
    """The words of a heredoc's delimiter, with or without its quotes.

    Raises:
        ExpansionError: a quote or a ``${`` is unbalanced.
    """
    return _Lexer(text, _NOTHING, "\\", raw_quotes=raw_quotes, raw_escapes=False, keep_unset=True).read()[1]


@lru_cache(maxsize=2)
def _quoting(escape: str) -> re.Pattern[str]:
    e = re.escape(escape)
    return re.compile(rf"'([^']*)'|\"((?:[^\"{e}]|{e}.)*)\"|{e}(.?)", re.DOTALL)


def dequote(text: str, escape: str = "\\") -> str:
    """*text* without its quotes and escapes; variables stay as they are written.

    A dollar sign that does not begin a variable, since it is escaped or stands in single quotes, comes out escaped,
    so that :func:`expand` leaves it alone.
    """
    if "'" not in text and '"' not in text and escape not in text:
        return text

    def bare(match: re.Match[str]) -> str:
        single, double, escaped = match.groups()
        if single is not None:
            return str(single).replace("$", f"{escape}$")
        if double is not None:
            return re.sub(f'{re.escape(escape)}(["{re.escape(escape)}])', r"\1", double)
        return f"{escape}$" if escaped == "$" else str(escaped)

    return _quoting(escape).sub(bare, text)


def expand(text: str, env: Mapping[str, str], escape: str = "\\") -> str | None:
    """Replace ``$a``, ``${a}``, ``${a:-b}``, ``${a-b}``, ``${a:+b}``, ``${a+b}`` and ``${a:?b}`` by their values.

    Args:
        text: a word without its quotes, as :attr:`Word.value` has it.
        env: the variables known at that place.
        escape: the document's escape character; before a dollar sign it keeps it literal.

    Returns:
        The text, or None where a variable is not in *env* and has no default, or the form is not one of these.
    """
    if "$" not in text:
        return text
    literal = "\x00"
    marked = text.replace(f"{escape}$", literal)
    pieces: list[str] = []
    lexer = _Lexer(marked, env, escape, raw_quotes=True, raw_escapes=True, keep_unset=False)
    try:
        while (found := marked.find("$", lexer.position)) >= 0:
            pieces.append(marked[lexer.position : found])
            lexer.position = found
            pieces.append(lexer.dollar())
    except ExpansionError:
        return None
    pieces.append(marked[lexer.position :])
    return "".join(pieces).replace(literal, "$")


def expand_word(text: str, env: Mapping[str, str], escape: str = "\\") -> str | None:
    """Take quotes, escapes and variables out of a raw word in one pass, exactly as BuildKit does.

    Returns:
        The value, or None where a variable is not in *env* and has no default, or the word cannot be read.
    """
    try:
        return _Lexer(text, env, escape, raw_quotes=False, raw_escapes=False, keep_unset=False).read()[0]
    except ExpansionError:
        return None
