"""The only place where text from users and models becomes HTML."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import nh3
from django.utils.html import escape, linebreaks
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from pygments.token import STANDARD_TYPES

from core.highlighting import highlight_code
from core.markdown_limits import Budget, TooComplex, budget_of
from core.markdown_rules import Mentionable, footnote_prefix, install_rules

ALIGNED = {"center", "right"}

# Matches HTML that shows something. A text with only link definitions, for example, would give an empty message.
SHOWS_SOMETHING = re.compile(r"(?:^|>)[^<]*[^\s<]|<(?:hr|input)\b")


@dataclass(frozen=True, slots=True)
class Rendered:
    """Safe HTML, and the ids of the users whom the text mentions, in ascending order."""

    html: SafeString
    mentions: list[int]


def render_markdown(text: str) -> SafeString:
    """Turns Markdown from any source into HTML that is safe in a page."""
    return render_with_mentions(text, {}, most=0).html


def render_with_mentions(text: str, users: Mentionable, *, most: int) -> Rendered:
    """Renders Markdown like `render_markdown`, and marks up to `most` mentions of `users`.

    See accounts/services/mentions.py.
    """
    budget = Budget(text)
    env: dict[str, Any] = {"budget": budget, "people": users, "most": most}
    try:
        html = markdown.render(text, env)
    except TooComplex:
        return Rendered(render_plainly(text), [])
    if len(html) > budget.longest_html:
        return Rendered(render_plainly(text), [])
    # The parser escapes HTML, and the sanitiser removes unsafe HTML again, independently of the parser.
    html = sanitiser.clean(html)
    if not SHOWS_SOMETHING.search(html):
        return Rendered(render_plainly(text), [])
    return Rendered(mark_safe(html), sorted(env.get("mentioned", ())))  # noqa: S308 (it has just been sanitised)


def render_plainly(text: str) -> SafeString:
    """Renders text as paragraphs and line breaks, for Markdown that takes too long or would show nothing."""
    return mark_safe(linebreaks(text, autoescape=True))  # noqa: S308 (everything in it is escaped)


def finished_length(text: str) -> int:
    """Returns the length of the completed blocks at the start of a running text, which later text can't change.

    The only exceptions are links and footnotes whose definition (`[1]: https://…`) follows later. Until the definition
    arrives, they are shown as written.
    """
    if "\r" in text:
        return 0  # the parser would count the lines differently, because it normalises "\r" first
    lines = text.split("\n")
    # The unfinished last line could still become any kind of block, unless it begins with a letter.
    if not lines[-1][:1].isalpha():
        lines[-1] = ""
    blocks: list[Token] = []
    try:
        markdown.block.parse("\n".join(lines), markdown, {"budget": Budget(text)}, blocks)
    except TooComplex:
        return 0
    starts = [block.map[0] for block in blocks if block.level == 0 and block.nesting >= 0 and block.map]
    # Only the last block is still open.
    return sum(len(line) + 1 for line in lines[: starts[-1]]) if len(starts) > 1 else 0


class Renderer(RendererHTML):
    """Renders the elements whose HTML differs from CommonMark: headings, links, images, tables and code."""

    def heading_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f"<{below_page_title(tokens[idx].tag)}>"

    def heading_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f"</{below_page_title(tokens[idx].tag)}>\n"

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        href = str(tokens[idx].attrGet("href") or "")
        if is_external(href):
            tokens[idx].attrSet("target", "_blank")
        env["inside_link"] = True
        return self.renderToken(tokens, idx, options, env)

    def link_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        env["inside_link"] = False
        return "</a>"

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """Renders a link instead of the image.

        Loading an image would reveal the reader to the image's host, and a model could put secrets into its URL.
        """
        source = str(tokens[idx].attrGet("src") or "")
        alt = escape(self.renderInlineAsText(tokens[idx].children, options, env) or source)
        if env.get("inside_link"):
            return alt
        target = ' target="_blank"' if is_external(source) else ""
        return f'<a href="{escape(source)}"{target}>{alt}</a>'

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        # A wide table scrolls inside its own box, which the keyboard can focus.
        return '<div class="table" tabindex="0"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</table></div>\n"

    def th_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return render_cell(tokens[idx])

    def td_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return render_cell(tokens[idx])

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        language = tokens[idx].info.split()[0] if tokens[idx].info.strip() else ""
        return render_code(tokens[idx].content, language, budget_of(env))

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return render_code(tokens[idx].content, "", budget_of(env))

    def task(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        state = 'aria-label="Done" checked' if tokens[idx].meta["done"] else 'aria-label="To do"'
        return f'<input type="checkbox" disabled {state}>'


def render_formula(self: Any, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[idx]
    tag = "div" if token.type == "math_block" else "span"
    return f'<{tag} class="math">{token.markup}{escape(token.content)}{token.markup}</{tag}>'


def render_footnote_reference(self: Any, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
    note, reference = footnote_ids(tokens[idx], env)
    return f'<sup><a id="{reference}" href="#{note}">{tokens[idx].meta["id"] + 1}</a></sup>'


def render_footnotes(self: Any, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
    return '<section class="footnotes" aria-label="Footnotes"><ol>\n'


def render_footnotes_end(self: Any, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
    return "</ol></section>\n"


def render_footnote(self: Any, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
    return f'<li id="{footnote_ids(tokens[idx], env)[0]}">'


def render_footnote_end(self: Any, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
    return "</li>\n"


def render_footnote_backlink(self: Any, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
    reference = footnote_ids(tokens[idx], env)[1]
    return f' <a href="#{reference}" aria-label="Back to the text">\u21a9\ufe0e</a>'


def footnote_ids(token: Token, env: EnvType) -> tuple[str, str]:
    """Returns the HTML ids of a footnote and of one reference to the footnote."""
    note = f"fn-{footnote_prefix(env)}-{token.meta['id'] + 1}"
    return note, f"{note}-ref-{token.meta.get('subId', 0) + 1}"


def below_page_title(tag: str) -> str:
    # h1 is the page's title and h2 its sections, so a message's headings start at h3.
    return f"h{min(int(tag[1]) + 2, 6)}"


def is_external(href: str) -> bool:
    return href.lower().startswith(("http://", "https://", "mailto:"))


def path_on_this_site(address: str) -> str | None:
    # Other addresses without a scheme may lead to another site ("//host/") or hide a scheme.
    return address if re.match(r"/(?!/)|#", address) else None


def render_cell(token: Token) -> str:
    # The parser writes "text-align" into a style attribute, which the content security policy forbids.
    align = str(token.attrGet("style") or "").removeprefix("text-align:")
    return f'<{token.tag} class="{align}">' if align in ALIGNED else f"<{token.tag}>"


def render_code(code: str, language: str, budget: Budget) -> str:
    return (
        f'<figure class="code"><figcaption>{escape(language[:40] or "text")} '
        '<button class="button button--tiny" type="button" data-copy>Copy</button></figcaption>'
        f'<pre tabindex="0"><code>{highlight_code(code, language, budget)}</code></pre></figure>\n'
    )


# Line breaks are kept, because users and models intend them.
markdown = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": True}, renderer_cls=Renderer)
install_rules(markdown)
for name, draw in {
    "math_inline": render_formula,
    "math_block": render_formula,
    "footnote_ref": render_footnote_reference,
    "footnote_block_open": render_footnotes,
    "footnote_block_close": render_footnotes_end,
    "footnote_open": render_footnote,
    "footnote_close": render_footnote_end,
    "footnote_anchor": render_footnote_backlink,
}.items():
    markdown.add_render_rule(name, draw)

sanitiser = nh3.Cleaner(
    tags={
        *("a", "blockquote", "br", "button", "code", "div", "em", "figcaption", "figure", "h3", "h4", "h5", "h6", "hr"),
        *("input", "li", "ol", "p", "pre", "s", "section", "span", "strong", "sup", "table", "tbody", "td", "th"),
        *("thead", "tr", "ul"),
    },
    attributes={
        "a": {"href", "title", "id", "aria-label"},
        "button": {"data-copy"},
        "input": {"checked", "disabled"},
        "li": {"id"},
        "ol": {"start"},
        "span": {"data-user-id"},
    },
    tag_attribute_values={
        "a": {"target": {"_blank"}},
        "button": {"type": {"button"}},
        "div": {"tabindex": {"0"}},
        "input": {"type": {"checkbox"}, "aria-label": {"Done", "To do"}},
        "pre": {"tabindex": {"0"}},
        "section": {"aria-label": {"Footnotes"}},
    },
    allowed_classes={
        "button": {"button", "button--tiny"},
        "div": {"table", "math"},
        "figure": {"code"},
        "li": {"task"},
        "section": {"footnotes"},
        "td": ALIGNED,
        "th": ALIGNED,
        "span": (set(STANDARD_TYPES.values()) - {""}) | {"math", "mention"},
    },
    link_rel="nofollow noopener noreferrer",
    url_schemes={"http", "https", "mailto"},
    url_relative=path_on_this_site,
)
