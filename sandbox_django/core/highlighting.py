"""Highlights code in a bounded time."""

import time
from collections.abc import Iterator

import pygments
from django.utils.html import escape
from pygments.formatters.html import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import find_lexer_class, get_all_lexers
from pygments.token import _TokenType

from core.markdown_limits import GROWTH, Budget, TooComplex

# Many of Pygments' lexers take quadratic time, or worse, for malicious code. Between two tokens they can be stopped,
# but not during a regular expression match: the longest match was measured for each of these with some 60 repeated
# fragments (docs/decisions/0027). Code in other languages is shown without colours.
LONGEST = 12_000  # characters of code: a match takes up to 0.05 s
QUICK = frozenset(
    (
        *("Bash", "C", "C#", "C++", "CMake", "CSS", "Clojure", "Dart", "Diff", "Django/Jinja", "Docker", "Elixir"),
        *("Erlang", "Fish", "Fortran", "Go", "GraphQL", "Graphviz", "Groovy", "HTML", "HTTP", "Haskell", "JSON"),
        *("JSON5", "JSX", "Java", "JavaScript", "Julia", "Kotlin", "LessCss", "Lua", "Makefile", "Markdown", "MySQL"),
        *("NASM", "Nginx configuration file", "Nix", "PHP", "Perl", "PostgreSQL SQL dialect", "Properties"),
        *("Protocol Buffer", "Python", "Rust", "S", "SCSS", "SQL", "Scala", "Scheme", "Swift", "TOML", "TSX", "TeX"),
        *("TypeScript", "XML", "YAML", "Zig", "verilog", "vhdl"),
    )
)
LONGEST_SLOW = 1_000
SLOW = frozenset(
    (
        *("Bash Session", "HTML+Django/Jinja", "INI", "Matlab", "OCaml", "Objective-C", "PowerShell"),
        *("Python console session", "Python Traceback", "Ruby", "Terraform"),
    )
)


ALIASES = {alias: name for name, aliases, _, _ in get_all_lexers() if name in QUICK | SLOW for alias in aliases}

_loaded: set[str] = set()


def highlight_code(code: str, language: str, budget: Budget) -> str:
    """Returns safe HTML, with colours if the language is known and the code isn't too long."""
    name = ALIASES.get(language.lower(), "")
    if not name or len(code) > (LONGEST if name in QUICK else LONGEST_SLOW):
        return escape(code)
    try:
        html = pygments.format(_tokens(_lexer(name, budget), code, budget), HtmlFormatter(nowrap=True))
    except TooComplex:
        return escape(code)
    return html if len(html) <= GROWTH * len(code) + 1_000 else escape(code)


def _lexer(name: str, budget: Budget) -> Lexer:
    started = time.thread_time() if name not in _loaded else None
    lexer_class = find_lexer_class(name)
    assert lexer_class is not None
    lexer = lexer_class(stripnl=False)
    if started is not None:
        budget.extend(time.thread_time() - started)  # a lexer's first use imports a module and compiles its rules
        _loaded.add(name)
    return lexer


def _tokens(lexer: Lexer, code: str, budget: Budget) -> Iterator[tuple[_TokenType, str]]:
    for token in lexer.get_tokens(code):
        budget.check_time()
        yield token
