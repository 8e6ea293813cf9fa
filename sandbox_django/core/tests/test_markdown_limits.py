import time
from collections.abc import Callable

from django.test import SimpleTestCase

from core.highlighting import highlight_code
from core.markdown import finished_length, render_markdown
from core.markdown_limits import GROWTH, GROWTH_FREE, LONGEST_HTML, SECONDS, Budget

# Expensive texts: each fragment is repeated up to the length.
FRAGMENTS = (
    *("[", "](", "![[", "[a](/b)", "[a](<b", "[a](b", "[]()", "[a", "[a]: /b\n", "[a]: \n", "[a\n"),
    *("*a **a ", "*a_ ", "*_", "**a *b_c __d ", "a**b", "*a", "a* ", "~~a ", "~"),
    *("`a``", "<", "<a ", "<http://", "<!--", "<?", "<a@b.c>", "&", "&amp;", "&#1", "&nbsp;"),
    *(">", "> ", ">>>>>>>>>>>>>>>>>>>>> a\n", "> a\n- b\n", "- ", "- a\n", "- [ ] a\n", "1. ", "1) a\n\n   b\n"),
    *("~~~\n", "```\na\n", "```\na\n```\n", "---\n", "a\n=", "# a\n", "\\\n", "\\*", "\\", " ", "\t", "\n", "a\n\n"),
    *("https://e.org ", "https://e.org/(", "https://a.a.a.a.", "http:", 'https://e.org/"', "https://a@", "://", ":"),
    *("www.a.b ", "www.", "w", "a@b.de ", "a@", "a.a@a.a.", "@", "@a "),
    *("[^a]: ", "[^a]: b\n\n", "[^", "\\(", "$a ", "$$", "$$ a\n", "\\[\na\n", "$a$ ", "$"),
    *("|a|\n|-|\n|b|\n\n", "a|b\n-|-\n", "|-|\n", "|", "a\r", "\0", "a\u0301", "\u202e", "abcdefghij"),
)


def repeated(fragment: str, length: int) -> str:
    return (fragment * (length // len(fragment) + 1))[:length]


def growing_runs(length: int) -> str:
    return "".join("`" * count + "a" for count in range(1, 700))[:length]


def wide_table(length: int) -> str:
    return ("|" + "a|" * 50 + "\n|" + "-|" * 50 + "\n" + "|\n" * length)[:length]


def repeated_address(length: int) -> str:
    return "[a]: /" + "x" * (length // 2) + "\n\n" + "[a] " * (length // 8)


def repeated_footnote(length: int) -> str:
    return "[^1]: a\n\n" + "[^1]" * (length // 4)


def many_definitions(length: int) -> str:
    return "".join(f"[a{number}]: /u\n[^{number}]\n\n[^{number}]: a\n\n" for number in range(length // 30))


def deep_emphasis(length: int) -> str:
    return "*a " * (length // 6) + "b" + " a*" * (length // 6)


def nested_lists(length: int) -> str:
    return "".join("  " * depth + "- a\n" for depth in range(600))[:length]


MADE: tuple[Callable[[int], str], ...] = (
    growing_runs,
    wide_table,
    repeated_address,
    repeated_footnote,
    many_definitions,
    deep_emphasis,
    nested_lists,
)


class HostileCostTests(SimpleTestCase):
    """An expensive text costs little, and all of it stays readable."""

    def setUp(self) -> None:
        render_markdown("https://sandbox.example/ bob@example.com")  # compiles regular expressions that are then cached

    def test_time_and_html_of_hostile_texts_are_bounded(self) -> None:
        for fragment in FRAGMENTS:
            self.assert_bounded(repeated(fragment, 10_000), repr(fragment))
        for make in MADE:
            self.assert_bounded(make(10_000), make.__name__)

    def test_time_and_html_of_the_longest_texts_are_bounded(self) -> None:
        for fragment in ("[", "&", "a\n\n", "- a\n", "[^", "$$ a\n", "a@b.de ", "```\na\n```\n"):
            self.assert_bounded(repeated(fragment, 200_000), repr(fragment))
        for make in MADE:
            self.assert_bounded(make(200_000), make.__name__)

    def test_looking_for_finished_blocks_is_bounded(self) -> None:
        for fragment in ("- a\n", "> a\n- b\n", "[a]: /b\n", "|-|\n", "$$ a\n", "a\n\n"):
            with self.subTest(fragment):
                started = time.thread_time()
                finished_length(repeated(fragment, 200_000))
                assert time.thread_time() - started < SECONDS * 5

    def test_wide_table_stays_text(self) -> None:
        text = wide_table(10_000)

        html = render_markdown(text)

        assert "<table" not in html
        assert html.count("|") == text.count("|")

    def test_ordinary_table_next_to_a_wide_one_is_a_table(self) -> None:
        html = render_markdown("|a|b|\n|-|-|\n|1|2|\n\n" + wide_table(10_000))

        assert html.count("<table") == 1

    def test_table_of_a_thousand_cells_is_a_table(self) -> None:
        html = render_markdown("|a|b|c|d|\n|-|-|-|-|\n" + "|1|2|3|4|\n" * 250)

        assert html.count("<td>") == 1000

    def test_deep_quotes_and_lists_lose_nothing(self) -> None:
        for text in (">" * 100 + " deep", "- " * 100 + "deep", "> - " * 50 + "deep", "1. " * 100 + "deep"):
            with self.subTest(text[:4]):
                html = render_markdown(text)

                assert "deep" in html
                assert html.count("<blockquote>") + html.count("<li>") <= 22

    def test_text_beyond_the_budget_is_shown_as_it_was_written(self) -> None:
        text = "*a **b " * 5_000 + "the end & <b>\n\nnext"

        html = render_markdown(text)

        assert html.count("*a **b ") == 5_000
        assert "the end &amp; &lt;b&gt;" in html
        assert "<p>next</p>" in html

    def test_repeated_footnote_is_no_blow_up(self) -> None:
        html = render_markdown(repeated_footnote(10_000))

        assert html.count("[^1]") == 2_501

    def test_code_made_for_a_lexer_is_shown_plain(self) -> None:
        for language, fragment in (("python", "\n "), ("java", "a b\n"), ("csharp", "a b\n"), ("typescript", "a.")):
            with self.subTest(language):
                code = repeated(fragment, 11_000)
                started = time.thread_time()

                html = highlight_code(code, language, Budget(code))

                assert time.thread_time() - started < SECONDS * 5
                assert "<span" not in html
                assert html.strip() == code.strip()

    def test_code_of_a_lexer_that_was_not_measured_is_shown_plain(self) -> None:
        for language in ("rst", "mathematica", "ini"):
            with self.subTest(language):
                assert "<span" not in highlight_code("[a]\nb = 1\n" * 200, language, Budget(""))

    def assert_bounded(self, text: str, name: str) -> None:
        with self.subTest(name):
            started = time.thread_time()
            html = render_markdown(text)
            # A margin for the renderer, the sanitiser, and other tests on the machine.
            assert time.thread_time() - started < SECONDS * 6
            assert len(html) <= min(GROWTH * len(text) + GROWTH_FREE, LONGEST_HTML) * 1.5
