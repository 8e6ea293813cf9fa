"""The only place where words from people and models become HTML."""

import re
from collections.abc import Sequence

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES
from pygments.util import ClassNotFound

# Characters. Some of Pygments' lexers take minutes over a long text made to slow them down.
HIGHLIGHT_AT_MOST = 20_000

# Not without an end: deciding where an address stops takes a look back from each of its last characters.
WEB_ADDRESS = re.compile(r"https?://[^\s<>\"'`]{1,2000}", re.IGNORECASE)
ALIGNED = {"center", "right"}
# What follows an address in a sentence without being part of it.
TRAILING = ".,:;!?*_~"


def render_markdown(text: str) -> SafeString:
    """Turn Markdown into HTML that is safe to put into a page, whoever wrote it."""
    # The parser is trusted to be right, the sanitiser to be safe: what slips through the one stops at the other.
    return mark_safe(sanitiser.clean(markdown.render(text)))  # noqa: S308 (it has just been sanitised)


def finished_length(text: str) -> int:
    """How many of a growing text's first characters are blocks that nothing which follows can change any more.

    Links that are defined further down (`[1]: https://…`) are the exception: until then they are what was written.
    """
    if "\r" in text:
        return 0  # the parser counts lines as they are after its own tidying
    lines = text.split("\n")
    # An unfinished line may still become anything, unless it begins with a letter.
    if not lines[-1][:1].isalpha():
        lines[-1] = ""
    blocks: list[Token] = []
    markdown.block.parse("\n".join(lines), markdown, {}, blocks)
    starts = [block.map[0] for block in blocks if block.level == 0 and block.nesting >= 0 and block.map]
    # Only the last block is still open.
    return sum(len(line) + 1 for line in lines[: starts[-1]]) if len(starts) > 1 else 0


class Renderer(RendererHTML):
    """Draws what differs from plain Markdown: headings, links, images, tables and code."""

    def heading_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f"<{below_page_title(tokens[idx].tag)}>"

    def heading_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f"</{below_page_title(tokens[idx].tag)}>\n"

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        href = str(tokens[idx].attrGet("href") or "")
        if leads_away(href):
            tokens[idx].attrSet("target", "_blank")
        env["inside_link"] = True
        return self.renderToken(tokens, idx, options, env)

    def link_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        env["inside_link"] = False
        return "</a>"

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """A link instead: loading an image tells its host who reads, and a model could write secrets into its URL."""
        source = str(tokens[idx].attrGet("src") or "")
        alt = escape(self.renderInlineAsText(tokens[idx].children, options, env) or source)
        if env.get("inside_link"):
            return alt
        target = ' target="_blank"' if leads_away(source) else ""
        return f'<a href="{escape(source)}"{target}>{alt}</a>'

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        # A wide table scrolls inside its own box; the keyboard gets there too.
        return '<div class="table" tabindex="0"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</table></div>\n"

    def th_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return draw_cell(tokens[idx])

    def td_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return draw_cell(tokens[idx])

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        language = tokens[idx].info.split()[0] if tokens[idx].info.strip() else ""
        return draw_code(tokens[idx].content, language)

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return draw_code(tokens[idx].content, "")


def below_page_title(tag: str) -> str:
    # The page's own title is the h1, and a message has no place among the page's own sections.
    return f"h{min(int(tag[1]) + 2, 6)}"


def leads_away(href: str) -> bool:
    return href.lower().startswith(("http://", "https://", "mailto:"))


def path_on_this_site(address: str) -> str | None:
    # An address without a scheme may still lead elsewhere ("//host/"), or be a scheme in disguise.
    return address if re.match(r"/(?!/)|#", address) else None


def draw_cell(token: Token) -> str:
    # The parser says "text-align" in a style attribute, which our pages do not allow.
    align = str(token.attrGet("style") or "").removeprefix("text-align:")
    return f'<{token.tag} class="{align}">' if align in ALIGNED else f"<{token.tag}>"


def draw_code(code: str, language: str) -> str:
    return (
        f'<figure class="code"><figcaption>{escape(language[:40] or "text")} '
        '<button class="button button--tiny" type="button" data-copy>Copy</button></figcaption>'
        f'<pre tabindex="0"><code>{highlight_code(code, language)}</code></pre></figure>\n'
    )


def highlight_code(code: str, language: str) -> str:
    if not language or len(code) > HIGHLIGHT_AT_MOST:
        return escape(code)
    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return escape(code)
    return highlight(code, lexer, HtmlFormatter(nowrap=True))


def link_web_addresses(state: StateCore) -> None:
    """Make a link of an address that was simply written down, as everybody expects."""
    for block in state.tokens:
        if block.type == "inline" and "://" in block.content:
            block.children = [token for child in with_links(block.children or []) for token in child]


def with_links(tokens: list[Token]) -> list[list[Token]]:
    inside_link = 0
    result = []
    for token in tokens:
        inside_link += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        result.append(split_addresses(token) if token.type == "text" and not inside_link else [token])
    return result


def split_addresses(token: Token) -> list[Token]:
    parts: list[Token] = []
    end = 0
    for match in WEB_ADDRESS.finditer(token.content):
        address = trim(match.group())
        href = markdown.normalizeLink(address)
        if not markdown.validateLink(href):
            continue
        opening = Token("link_open", "a", 1, attrs={"href": href})
        parts += [
            text_token(token.content[end : match.start()]),
            opening,
            text_token(address),
            Token("link_close", "a", -1),
        ]
        end = match.start() + len(address)
    return [*parts, text_token(token.content[end:])] if parts else [token]


def trim(address: str) -> str:
    address = address.rstrip(TRAILING)
    # "(see https://example.org)" ends before the bracket, ".../Sand_(disambiguation)" after it.
    while address.endswith(")") and address.count(")") > address.count("("):
        address = address[:-1].rstrip(TRAILING)
    return address


def text_token(content: str) -> Token:
    return Token("text", "", 0, content=content)


# Line breaks stay where they were written: that is what people mean, and models too.
markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}, renderer_cls=Renderer)
markdown.enable(["table", "strikethrough"])
markdown.core.ruler.push("link_web_addresses", link_web_addresses)

sanitiser = nh3.Cleaner(
    tags={
        *("a", "blockquote", "br", "button", "code", "div", "em", "figcaption", "figure", "h3", "h4", "h5", "h6", "hr"),
        *("li", "ol", "p", "pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
    },
    attributes={"a": {"href", "title"}, "ol": {"start"}, "button": {"data-copy"}},
    tag_attribute_values={
        "a": {"target": {"_blank"}},
        "button": {"type": {"button"}},
        "div": {"tabindex": {"0"}},
        "pre": {"tabindex": {"0"}},
    },
    allowed_classes={
        "button": {"button", "button--tiny"},
        "div": {"table"},
        "figure": {"code"},
        "td": ALIGNED,
        "th": ALIGNED,
        "span": set(STANDARD_TYPES.values()) - {""},
    },
    link_rel="nofollow noopener noreferrer",
    url_schemes={"http", "https", "mailto"},
    url_relative=path_on_this_site,
)
