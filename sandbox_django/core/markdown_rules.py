"""Extends and changes CommonMark: links, emphasis, formulas, footnotes, tasks and mentions."""

import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from itertools import islice
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace, unescapeAll
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block import blockquote as parse_quote
from markdown_it.rules_block import list_block as parse_list
from markdown_it.rules_block import reference as parse_reference
from markdown_it.rules_block import table as parse_table
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.dollarmath.index import math_inline_dollar
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.footnote.index import footnote_def, footnote_ref

from core.markdown_limits import MAX_BLOCK_LEVEL, MAX_INLINE_LEVEL, TooComplex, budget_of

# Maps the key of a name (`name_key`) to the ids of the users with this name.
Mentionable = Mapping[str, Sequence[int]]

# --- Bounds -----------------------------------------------------------------------------------------------------------


def check_block_time(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    budget_of(state.env).check_time()
    return False


def check_inline_time(state: StateInline, silent: bool) -> bool:
    budget_of(state.env).check_time()
    return False


def shallow_quote(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    return state.level < MAX_BLOCK_LEVEL and parse_quote(state, start_line, end_line, silent)


def shallow_list(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    return state.level < MAX_BLOCK_LEVEL and parse_list(state, start_line, end_line, silent)


def small_table(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Parses a table only if it doesn't have too many cells; otherwise its rows stay text."""
    if not parse_table(state, start_line, end_line, True):
        return False
    budget = budget_of(state.env)
    delimiters = state.src[state.bMarks[start_line + 1] : state.eMarks[start_line + 1]]
    columns = delimiters.count("|") + 1
    cells = 2 * columns
    for line in range(start_line + 2, end_line):
        if state.isEmpty(line):
            break
        cells += columns
        if not budget.has_cells(cells):
            return False
    if silent or not budget.has_cells(cells):
        return budget.has_cells(cells)
    budget.use_cells(cells)
    return parse_table(state, start_line, end_line, False)


def parse_inlines(state: StateCore) -> None:
    """Parses the inline Markdown of every block. If the time budget is used up, the remaining text stays as written."""
    budget = budget_of(state.env)
    for token in state.tokens:
        if token.type != "inline":
            continue
        children: list[Token] = []
        try:
            state.md.inline.parse(token.content, state.md, state.env, children)
            if any(child.level > MAX_INLINE_LEVEL for child in children):
                raise TooComplex
        except TooComplex:
            if state.env.get("footnotes", {}).get("list"):
                raise  # the plug-in has already counted the references in this block
            children = list(as_written(token.content))
        token.children = children
        budget.use_html(sum(map(_repeated_html, children)))


def as_written(content: str) -> Iterator[Token]:
    for number, line in enumerate(content.split("\n")):
        if number:
            yield Token("hardbreak", "br", 0)
        yield text_token(line)


def _repeated_html(token: Token) -> int:
    if token.type == "footnote_ref":
        return 300  # characters of the reference and of the link back
    if token.type in ("link_open", "image"):
        return 80 + sum(len(str(value)) for value in token.attrs.values())
    return 0


# --- Emphasis ---------------------------------------------------------------------------------------------------------


def emphasis(state: StateInline, silent: bool) -> bool:
    """Parses CommonMark's emphasis, which here also works beside Chinese, Japanese and Korean text.

    These scripts have no space between a full stop and the next sentence, so by CommonMark's rule the second `**` of
    `**加粗。**后` can't close emphasis. As in the "CJK-friendly emphasis" amendment, a CJK character beside a delimiter
    counts like a space.
    """
    marker = state.src[state.pos]
    if silent or marker not in "_*":
        return False
    can_open, can_close, length = _scan_delimiters(state, any_word=marker == "*")
    _push_delimiters(state, marker, length, length, can_open, can_close)
    state.pos += length
    return True


def strikethrough(state: StateInline, silent: bool) -> bool:
    """Parses GFM's `~~text~~`, with the same rule as `emphasis` beside CJK text."""
    if silent or state.src[state.pos] != "~":
        return False
    can_open, can_close, length = _scan_delimiters(state, any_word=True)
    if length < 2:
        return False
    if length % 2:
        state.push("text", "", 0).content = "~"
    # A length of 0 switches off CommonMark's "rule of 3", which applies only to emphasis.
    _push_delimiters(state, "~~", length // 2, 0, can_open, can_close)
    state.pos += length
    return True


def _push_delimiters(
    state: StateInline, content: str, count: int, length: int, can_open: bool, can_close: bool
) -> None:
    for _ in range(count):
        state.push("text", "", 0).content = content
        state.delimiters.append(
            Delimiter(
                marker=ord(content[0]),
                length=length,
                token=len(state.tokens) - 1,
                end=-1,
                open=can_open,
                close=can_close,
            )
        )


def _scan_delimiters(state: StateInline, *, any_word: bool) -> tuple[bool, bool, int]:
    """Returns whether the run of markers at this position can open and can close emphasis, and the run's length."""
    start = end = state.pos
    marker = state.src[start]
    while end < state.posMax and state.src[end] == marker:
        end += 1
    before = state.src[start - 1] if start > 0 else " "
    after = state.src[end] if end < state.posMax else " "
    space_before, space_after = isWhiteSpace(ord(before)), isWhiteSpace(ord(after))
    mark_before, mark_after = _is_punctuation(before), _is_punctuation(after)
    opens = not space_after and (not mark_after or space_before or mark_before or is_cjk(before))
    closes = not space_before and (not mark_before or space_after or mark_after or is_cjk(after))
    can_open = opens and (any_word or not closes or mark_before)
    can_close = closes and (any_word or not opens or mark_after)
    return can_open, can_close, end - start


def _is_punctuation(char: str) -> bool:
    return isMdAsciiPunct(ord(char)) or isPunctChar(char)


def is_cjk(char: str) -> bool:
    """Returns whether the character belongs to a script that is written wide, including its punctuation."""
    return char >= "\u1100" and unicodedata.east_asian_width(char) in "WFH" and unicodedata.category(char) != "So"


# --- Links to bare addresses -----------------------------------------------------------------------------------------

LONGEST_ADDRESS = 2_000
NOT_SPACE = re.compile(rf"[^\s<>\"`\uff5c]{{1,{LONGEST_ADDRESS}}}")
BRACKETS = re.compile(r"[(\[{']")
MAX_BRACKETS = 20  # brackets in an address, because the matcher looks ahead from each bracket
SCHEME = re.compile(r"(?:^|[^A-Za-z0-9.+-])(https?)$", re.IGNORECASE)
WWW = re.compile(r"www\.[^\s./]+\.[^\s./]", re.IGNORECASE)
TRAILING = ".,:;!?*_~'"  # punctuation of the sentence, or of Markdown, that follows an address
UNDERSCORED = re.compile(r"[^\w](_+)[^\W_](?:[^/]*[^_/])?\1$")  # matches an address whose last part is like "__init__"


def bare_link(state: StateInline, silent: bool) -> bool:
    """Turns `https://…` and `www.…` into links.

    This rule runs before emphasis, so that `__init__` in an address isn't parsed as emphasis.
    """
    if state.linkLevel:
        return False
    char = state.src[state.pos]
    if char == ":":
        found = SCHEME.search(state.pending[-6:]) if state.src.startswith("://", state.pos) else None
        before = len(found.group(1)) if found else None
    elif char in "wW":
        before = 0 if WWW.match(state.src, state.pos) and _may_begin_address(state) else None
    else:
        before = None
    if before is None:
        return False
    address = _address_at(state, state.pos - before)
    if not address:
        return False
    url = unescapeAll(address)
    href = state.md.normalizeLink(url if char == ":" else f"http://{url}")
    if not state.md.validateLink(href):
        return False
    if not silent:
        if before:
            state.pending = state.pending[:-before]
        _push_link(state, href, url)
    state.pos += len(address) - before
    return True


def _may_begin_address(state: StateInline) -> bool:
    before = state.src[state.pos - 1] if state.pos else " "
    return not (before.isascii() and before.isalnum()) and before not in "_-./@:"


def _address_at(state: StateInline, start: int) -> str:
    found = NOT_SPACE.match(state.src, start, state.posMax)
    text = found.group() if found else ""
    # Quotes, brackets and full stops of other scripts end an address, because these scripts put no space after them.
    if not text.isascii():
        text = next((text[:place] for place, char in enumerate(text) if _ends_address(char)), text)
    if bracket := next(islice(BRACKETS.finditer(text), MAX_BRACKETS, None), None):
        text = text[: bracket.start()]
    prefix = "" if text[:4].lower() == "http" else "http://"
    scheme = f"{prefix}{text}".partition("//")[0]
    assert state.md.linkify is not None
    length = state.md.linkify.test_schema_at(f"{prefix}{text}", scheme, len(scheme))
    text = text[: max(length + len(scheme) - len(prefix), 0)] if length else ""
    return _trim(text)


def _ends_address(char: str) -> bool:
    return not char.isascii() and char not in "·・" and unicodedata.category(char) in ("Ps", "Pe", "Pi", "Pf", "Po")


def _trim(address: str) -> str:
    while True:
        last = address[-1:]
        if last == ")" and address.count(")") > address.count("("):
            address = address[:-1]
        elif last == "_" and UNDERSCORED.search(address):
            return address
        elif last and last in TRAILING:
            address = address.rstrip(last)
        else:
            return address


def _push_link(state: StateInline, href: str, text: str) -> None:
    state.push("link_open", "a", 1).attrs = {"href": href}
    state.push("text", "", 0).content = text
    state.push("link_close", "a", -1)


# --- Formulas ---------------------------------------------------------------------------------------------------------

LONGEST_FORMULA = 2_000
CLOSING = {"\\(": "\\)", "\\[": "\\]"}
# Matches an amount of money with the prose up to the next amount, as in "$5 for one, or US$8 for two".
MONEY = re.compile(r"\d[\d.,]*\s*(?:[-\u2013/]|[^\W\d_]{2,}|\w+\s|$)")
FORMULA_SIGNS = re.compile(r"[\\^_=<>{}]")

dollar_rule = math_inline_dollar(allow_space=False, allow_digits=False, allow_double=True)


def dollar_formula(state: StateInline, silent: bool) -> bool:
    """Parses `$…$` and `$$…$$` with the plug-in, except for amounts of money and shell variables."""
    start = state.pos
    if state.src[start] != "$" or not dollar_rule(state, True):
        return False
    end, state.pos = state.pos, start
    formula = state.src[start + 1 : end - 1]
    if end > state.posMax or len(formula) > LONGEST_FORMULA or not formula.strip("$ \n"):
        return False
    after = state.src[end : end + 1]
    if not formula.startswith("$"):
        if after.isalnum() or after in ("_", "$"):
            return False
        if MONEY.match(formula) and not FORMULA_SIGNS.search(formula):
            return False
    if not silent:
        push_formula(state, state.src[start:end])
    state.pos = end
    return True


def bracket_formula(state: StateInline, silent: bool) -> bool:
    r"""Keeps `\(…\)` and `\[…\]` as written, because CommonMark would parse the backslashes as escapes."""
    closing = CLOSING.get(state.src[state.pos : state.pos + 2])
    if closing is None:
        return False
    start = state.pos + 2
    end = state.src.find(closing, start, min(state.posMax, start + LONGEST_FORMULA))
    if end < 0 or not state.src[start:end].strip():
        return False
    if not silent:
        push_formula(state, state.src[state.pos : end + 2])
    state.pos = end + 2
    return True


def push_formula(state: StateInline, content: str) -> None:
    state.push("math_inline", "span", 0).content = content


def bracket_formula_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    r"""Keeps `\[…\]` at the start of a line, also if lines of the formula look like lists or headings."""
    start = state.bMarks[start_line] + state.tShift[start_line]
    if state.is_code_block(start_line) or not state.src.startswith("\\[", start):
        return False
    end = state.src.find("\\]", start + 2, start + LONGEST_FORMULA)
    if end < 0:
        return False
    line = start_line
    while line < end_line and state.eMarks[line] < end:
        if line > start_line and (state.isEmpty(line) or state.sCount[line] < state.blkIndent):
            return False
        line += 1
    if line >= end_line or state.src[end + 2 : state.eMarks[line]].strip(" \t.,"):
        return False
    token = state.push("math_block", "div", 0)
    token.block = True
    token.map = [start_line, line + 1]
    token.content = state.getLines(start_line, line + 1, state.tShift[start_line], False).strip()
    state.line = line + 1
    return True


# --- Footnotes --------------------------------------------------------------------------------------------------------


# The label is limited, because at every "[^" the plug-in searches for the label's end character by character.
FOOTNOTE_LABEL = re.compile(r"\[\^[^\]\s]{1,100}\]")


def footnote_reference(state: StateInline, silent: bool) -> bool:
    is_label = FOOTNOTE_LABEL.match(state.src, state.pos, state.posMax) is not None
    return is_label and footnote_ref(state, silent)


def top_level_footnote(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Parses footnote definitions with the plug-in, but only at the top level: elsewhere the plug-in loses text."""
    start = state.bMarks[start_line] + state.tShift[start_line]
    is_label = state.level == 0 and FOOTNOTE_LABEL.match(state.src, start) is not None
    return is_label and footnote_def(state, start_line, end_line, silent)


def reference_without_footnote(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Parses CommonMark's `[label]: address`, but not `[^1]: text`, which would turn `[^1]` into a dead link."""
    start = state.bMarks[start_line] + state.tShift[start_line]
    return not state.src.startswith("[^", start) and parse_reference(state, start_line, end_line, silent)


def keep_unused_footnotes(state: StateCore) -> None:
    """Keeps unused and duplicate footnote definitions as text. The plug-in would drop them."""
    references = state.env.get("footnotes", {}).get("refs", {})
    used: set[str] = set()
    kept: list[Token] = []
    is_unused = False
    prefix = ""
    for token in state.tokens:
        if token.type == "footnote_reference_open":
            label = token.meta["label"]
            is_unused = references.get(f":{label}", -1) < 0 or label in used
            used.add(label)
            prefix = f"[^{label}]: " if is_unused else ""
            if is_unused:
                continue
        elif token.type == "footnote_reference_close" and is_unused:
            is_unused = False
            if prefix:
                kept += paragraph(prefix)
                prefix = ""
            continue
        elif token.type == "inline" and prefix:
            token.children = [text_token(prefix), *(token.children or [])]
            prefix = ""
        kept.append(token)
    state.tokens = kept


def paragraph(text: str) -> list[Token]:
    content = Token("inline", "", 0, content=text, children=[text_token(text)])
    return [Token("paragraph_open", "p", 1, block=True), content, Token("paragraph_close", "p", -1, block=True)]


# --- Tasks ------------------------------------------------------------------------------------------------------------

TASK = re.compile(r"\[([ xX])\]\s")


def mark_tasks(state: StateCore) -> None:
    """Turns `[ ]` and `[x]` at the start of a list item into a checkbox.

    The existing plug-in isn't used, because for each item it goes back to the start of the list.
    """
    for item, paragraph, token in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if item.type != "list_item_open" or paragraph.type != "paragraph_open" or not token.children:
            continue
        first = token.children[0]
        if first.type == "text" and (found := TASK.match(first.content)):
            first.content = first.content[3:]
            token.children.insert(0, Token("task", "input", 0, meta={"done": found.group(1) != " "}))
            item.attrSet("class", "task")


# --- E-mail addresses and mentions ------------------------------------------------------------------------------------

LONGEST_NAME = 80
MAX_ENDS = 24  # possible ends of a name that are tried for each @
MAX_MENTIONS = 50  # places with an @ that are checked
NUMBER = re.compile(r"#(\d{1,18})(?!\w)")
# Text before or after an @ that makes it a part of an address and not a mention: "mastodon.social/@Bob",
# "ftp://example.org/@Bob", "@Bob@mastodon.social".
ADDRESS_BEFORE = re.compile(r"(?:\w\.\w|://)\S{0,200}/$")
DOMAIN_AFTER = re.compile(r"[\w.+-]*@[\w-]+\.\w")


def link_text(state: StateCore) -> None:
    """Links e-mail addresses and marks mentions, except in code and links. Mentions in quotes aren't marked either."""
    quotes = 0
    for block in state.tokens:
        quotes += {"blockquote_open": 1, "blockquote_close": -1}.get(block.type, 0)
        if block.type == "inline" and "@" in block.content:
            block.children = list(_with_marks(state, block.children or [], may_mention=not quotes))


def _with_marks(state: StateCore, tokens: list[Token], *, may_mention: bool) -> Iterator[Token]:
    links = 0
    for token, escaped in _joined(tokens):
        links += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        if token.type != "text" or links or "@" not in token.content:
            yield token
            continue
        end = 0
        for start, length, link in _mail_links(state, token.content):
            yield from _mentions(state, token.content[end:start], end, escaped, may_mention, token.content)
            yield from link
            end = start + length
        yield from _mentions(state, token.content[end:], end, escaped, may_mention, token.content)


def _joined(tokens: Iterable[Token]) -> Iterator[tuple[Token, set[int]]]:
    """Joins adjacent text tokens; yields each joined token with the positions of its escaped characters."""
    texts: list[Token] = []
    for token in tokens:
        if token.type in ("text", "text_special"):
            texts.append(token)
            continue
        if texts:
            yield _join(texts)
            texts = []
        yield token, set()
    if texts:
        yield _join(texts)


def _join(texts: list[Token]) -> tuple[Token, set[int]]:
    escaped: set[int] = set()
    length = 0
    for token in texts:
        if token.type == "text_special":
            escaped.add(length)
        length += len(token.content)
    return text_token("".join(token.content for token in texts)), escaped


def _mail_links(state: StateCore, text: str) -> Iterator[tuple[int, int, list[Token]]]:
    budget = budget_of(state.env)
    assert state.md.linkify is not None
    try:
        budget.check_time()
        for found in state.md.linkify.match(text) or []:
            budget.check_time()
            href = state.md.normalizeLink(found.url)
            if found.schema == "mailto:" and state.md.validateLink(href):
                link = [Token("link_open", "a", 1, attrs={"href": href}), text_token(found.text)]
                link.append(Token("link_close", "a", -1))
                budget.use_html(_repeated_html(link[0]))
                yield found.index, found.last_index - found.index, link
    except TooComplex:
        return  # the remaining addresses stay text


def _mentions(
    state: StateCore, text: str, offset: int, escaped: set[int], may_mention: bool, whole: str
) -> Iterator[Token]:
    users: Mentionable = state.env.get("people") or {}
    mentioned: dict[int, None] = state.env.setdefault("mentioned", {})
    end = 0
    if users and may_mention:
        for place in mention_places(text):
            before = whole[offset + place - 1] if offset + place else ""
            if place < end or offset + place in escaped or _is_word(before):
                continue
            if ADDRESS_BEFORE.search(text, max(end, place - 250), place):
                continue
            if found := _user_at(text, place, users):
                length, ids = found
                if DOMAIN_AFTER.match(text, place + length):
                    continue
                room = state.env["most"] - len(mentioned)
                ids = [user_id for number, user_id in enumerate(ids) if user_id in mentioned or number < room]
                if not ids:
                    continue
                mentioned |= dict.fromkeys(ids)
                yield text_token(text[end:place])
                attrs: dict[str, str | int | float] = {"class": "mention", "data-user-id": " ".join(map(str, ids))}
                yield Token("mention_open", "span", 1, attrs=attrs)
                yield text_token(text[place : place + length])
                yield Token("mention_close", "span", -1)
                end = place + length
    yield text_token(text[end:])


def mention_places(text: str) -> list[int]:
    """Returns the positions of each @ that may begin a mention. An @ inside a word belongs to an e-mail address."""
    return [found.start() for found in islice(re.finditer(r"(?<!\w)@(?=\S)", text), MAX_MENTIONS)]


def possible_names(text: str, place: int) -> list[str]:
    """Returns the possible names after the @ at position `place`, longest first.

    A name may have spaces. It ends before a character that can't be part of a word. In scripts without spaces, it may
    end after any character.
    """
    after = text[place + 1 : place + 2 + LONGEST_NAME].partition("\n")[0]
    ends = (
        end
        for end in range(1, min(len(after), LONGEST_NAME) + 1)
        if not after[end - 1].isspace() and _ends_word(after, end)
    )
    return [after[:end] for end in islice(ends, MAX_ENDS)][::-1]


def name_key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _user_at(text: str, place: int, users: Mentionable) -> tuple[int, list[int]] | None:
    longest: tuple[int, list[int]] | None = None
    for name in possible_names(text, place):
        if ids := users.get(name_key(name)):
            length = 1 + len(name)
            # "@Kim#7" mentions the Kim with the id 7, even if another user is called "Kim#7". "@Kim" mentions all users
            # of that name.
            number = NUMBER.match(text, place + length)
            if number and int(number.group(1)) in ids:
                return length + len(number.group()), [int(number.group(1))]
            longest = longest or (length, list(ids))
    return longest


def _ends_word(text: str, end: int) -> bool:
    if end == len(text) or not _is_word(text[end]):
        return True
    return _is_spaceless(text[end]) or (_is_spaceless(text[end - 1]) and not unicodedata.combining(text[end]))


def _is_word(char: str) -> bool:
    return char == "_" or char.isalnum() or unicodedata.category(char or " ")[0] == "M"


def _is_spaceless(char: str) -> bool:
    """Returns whether the character's script puts no spaces between words: CJK, Thai, Lao, Myanmar, Khmer."""
    return is_cjk(char) or "\u0e00" <= char <= "\u0eff" or "\u1000" <= char <= "\u109f" or "\u1780" <= char <= "\u17ff"


# --- The parser -------------------------------------------------------------------------------------------------------


def text_token(content: str) -> Token:
    return Token("text", "", 0, content=content)


def may_link(address: str) -> bool:
    """Returns whether an address is a web address, an e-mail address, or the address of a page of this site."""
    return re.match(r"https?://|mailto:|/(?!/)|#", address, re.IGNORECASE) is not None


def install_rules(md: MarkdownIt) -> None:
    # Much higher than the limits of this module, because the parser drops text above this limit.
    md.options["maxNesting"] = 40
    md.validateLink = may_link  # type: ignore[assignment,method-assign]  # the documented way to set it

    md.enable(["table", "strikethrough", "linkify"])
    md.block.ruler.at("table", small_table, {"alt": ["paragraph", "reference"]})
    md.block.ruler.at("blockquote", shallow_quote, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    md.block.ruler.at("list", shallow_list, {"alt": ["paragraph", "reference", "blockquote"]})
    md.block.ruler.at("reference", reference_without_footnote)
    md.inline.ruler.at("emphasis", emphasis)
    md.inline.ruler.at("strikethrough", strikethrough)
    md.inline.ruler.at("linkify", bare_link)
    md.core.ruler.disable("linkify")  # it runs after emphasis, and would link names such as `main.py`
    assert md.linkify is not None
    md.linkify.set({"fuzzy_link": False})
    md.inline.add_terminator_char("w")
    md.inline.add_terminator_char("W")

    dollarmath_plugin(md, allow_labels=False, allow_space=False, allow_digits=False, allow_blank_lines=False)
    md.inline.ruler.at("math_inline", dollar_formula)
    md.inline.ruler.before("escape", "bracket_formula", bracket_formula)
    md.block.ruler.before("fence", "bracket_formula", bracket_formula_block)

    footnote_plugin(md, inline=False)
    md.block.ruler.at("footnote_def", top_level_footnote, {"alt": ["paragraph", "reference"]})
    md.inline.ruler.at("footnote_ref", footnote_reference)
    md.core.ruler.before("footnote_tail", "keep_unused_footnotes", keep_unused_footnotes)

    md.core.ruler.at("inline", parse_inlines)
    md.core.ruler.after("inline", "mark_tasks", mark_tasks)
    md.core.ruler.before("text_join", "link_text", link_text)

    md.block.ruler.before("table", "check_time", check_block_time, {"alt": ["paragraph", "blockquote", "list"]})
    md.inline.ruler.before("text", "check_time", check_inline_time)


def footnote_prefix(env: MutableMapping[str, Any]) -> str:
    """Returns a random prefix for the footnote ids of one text, because texts on a page must not share ids."""
    prefix: str = env.setdefault("footnote_prefix", secrets.token_hex(4))
    return prefix
