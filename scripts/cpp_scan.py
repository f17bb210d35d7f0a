#!/usr/bin/python3
"""A small scanner for C++: blanks comments and literals, finds functions and how long they are.

It knows braces and parentheses, not the language. That is enough for code as clang-format leaves it, and it
needs no compiler and no ctags.
"""
import bisect
import re
from typing import NamedTuple

# Line and block comments, raw strings, strings, characters. A digit separator (1'000) is not a character.
_LITERALS = re.compile(
    r"""//(?:[^\n\\]|\\.|\\\n)*
      | /\*.*?\*/
      | (?:\bu8|\b[uUL])?R"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)"
      | "(?:[^"\\\n]|\\.)*"
      | (?<![0-9a-fA-F])'(?:[^'\\\n]|\\.)+'
    """,
    re.VERBOSE | re.DOTALL,
)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.MULTILINE)
_CONTAINER = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")
_ACCESS = re.compile(r"^\s*(?:(?:public|protected|private)\s*:(?!:)\s*)+")
_TEMPLATE_ARGUMENTS = re.compile(r"(?<!operator)<[^<>=;{}]*>")
_TAKES_PARENTHESES = ("decltype", "alignas", "noexcept", "requires", "explicit", "sizeof", "static_assert")
_NAME = re.compile(r"((?:~|\boperator\b\s*[^\s\w(]*|\w|::)+)\s*$")


class Function(NamedTuple):
    name: str
    line: int  # of the first line of its declaration
    lines: int  # from there to the closing brace, both included


class Unbalanced(Exception):
    def __init__(self, line, bracket):
        super().__init__(f"'{bracket}' is never closed")
        self.line = line


class Include(NamedTuple):
    line: int
    path: str
    quoted: bool


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def blank_comments(text):
    """The same text, same positions, without comments. Literals stay."""
    return _LITERALS.sub(lambda m: _blank(m[0]) if m[0].startswith("/") else m[0], text)


def blank_literals(text):
    """The same text, same positions, without comments and without what stands in literals."""

    def replace(match):
        token = match[0]
        if token.startswith("/"):
            return _blank(token)
        quote = token[-1]
        first = token.index(quote)
        return token[:first] + quote + _blank(token[first + 1 : -1]) + quote

    return _LITERALS.sub(replace, text)


def includes(text):
    bare = blank_comments(text)
    return [Include(bare.count("\n", 0, m.start()) + 1, m[2], m[1] == '"') for m in _INCLUDE.finditer(bare)]


def _matching(text, at, opening, closing):
    """Position of the bracket that closes the one at `at`."""
    depth = 0
    for position in range(at, len(text)):
        if text[position] == opening:
            depth += 1
        elif text[position] == closing:
            depth -= 1
            if depth == 0:
                return position
    raise Unbalanced(text.count("\n", 0, at) + 1, opening)


def _without_template_prefix(header):
    while True:
        match = re.match(r"\s*template\s*<", header)
        if not match:
            return header
        header = header[_matching(header, match.end() - 1, "<", ">") + 1 :]


def _without_parentheses(header):
    out, depth = [], 0
    for char in header:
        depth -= char in ")]" and depth > 0
        out.append(char if depth == 0 else " ")
        depth += char in "(["
    return "".join(out)


def _last_word(header):
    match = re.search(r"(\w+|\S)\s*$", header)
    return match[1] if match else ""


def _in_initializer_list(flat):
    """True if the header of a constructor has come past its ')' and a single ':'."""
    return re.search(r"\)[^()]*(?<!:):(?!:)", flat) is not None


def _kind(header):
    """What the '{' after this header opens: container, function, member (initializer) or other."""
    header = _without_template_prefix(header)
    flat = _without_parentheses(header)
    last = _last_word(header)
    body_after = last in (")", "}", "const", "noexcept", "override", "final", "mutable")
    has_parameters = "(" in flat
    if _CONTAINER.search(flat) and not (has_parameters and body_after and last != "final"):
        return "container"
    if not has_parameters or last in ("=", ",", "(", "return") or re.search(r"(?<![=!<>])=\s*$", flat):
        return "other"
    if _in_initializer_list(flat) and not body_after:
        return "member"
    return "function"


def _function_name(header):
    header = _TEMPLATE_ARGUMENTS.sub(lambda m: _blank(m[0]), _without_template_prefix(header))
    depth = 0
    for position, char in enumerate(header):
        if char == "(" and depth == 0:
            match = _NAME.search(header[:position])
            if match and match[1] not in _TAKES_PARENTHESES:
                return re.sub(r"\boperator\s+", "operator ", match[1]).strip()
        depth += (char in "([") - (char in ")]")
    return "?"


def functions(text):
    """All functions with a body, outermost only: lambdas and local classes count as part of theirs."""
    code = _DIRECTIVE.sub(lambda m: _blank(m[0]), blank_literals(text))
    newlines = [i for i, char in enumerate(code) if char == "\n"]
    found, start, position, parentheses = [], 0, 0, 0

    def line_of(at):
        return bisect.bisect_left(newlines, at) + 1

    while position < len(code):
        char = code[position]
        parentheses += (char == "(") - (char == ")")
        if char == "{":
            header = code[start:position]
            header = header[(_ACCESS.match(header) or re.match("", header)).end() :]
            kind = "other" if parentheses > 0 else _kind(header)
            if kind == "container":
                start = position + 1
            else:
                end = _matching(code, position, "{", "}")
                if kind == "function":
                    first = position - len(header.lstrip())
                    lines = line_of(end) - line_of(first) + 1
                    found.append(Function(_function_name(header), line_of(first), lines))
                    start = end + 1
                position = end
        elif (char == ";" and parentheses == 0) or char == "}":
            start, parentheses = position + 1, 0
        position += 1
    return found
