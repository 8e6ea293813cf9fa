# ruff: noqa: RUF001 (punctuation of other scripts is what some of these tests are about)
import re

from django.test import SimpleTestCase

from core.markdown import render_markdown


class HostileTextTests(SimpleTestCase):
    """Text from users and models may contain anything. It must not run code, load resources or imitate the site."""

    def test_markup_stays_text(self) -> None:
        html = render_markdown("<script>alert(1)</script>\n\n<img src=x onerror=alert(1)> and <b onclick=x>bold</b>")

        self.assert_elements(html, {"p"})
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html

    def test_links_lead_to_the_web_or_to_mail_and_nowhere_else(self) -> None:
        for target in (
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
        ):
            with self.subTest(target):
                assert "<a" not in render_markdown(f"[click]({target}) <{target}> {target}")

    def test_scheme_hidden_in_entities_is_seen(self) -> None:
        for target in ("&#106;avascript:alert(1)", "java&#10;script:alert(1)", "\x01javascript:alert(1)"):
            with self.subTest(target):
                assert not re.search(r"href=\"[^\"]*script", render_markdown(f"[click](<{target}>)"))

    def test_address_without_a_scheme_stays_on_this_site(self) -> None:
        for target in ("//elsewhere.example", "elsewhere", "?logout"):
            with self.subTest(target):
                assert "href" not in render_markdown(f"[click]({target})")

    def test_images_are_never_loaded(self) -> None:
        html = render_markdown(
            '![what I saw](https://elsewhere.example/p.png?secret=1 "t") ![](data:image/png;base64,AA)'
        )

        self.assert_elements(html, {"p", "a"})
        assert '<a href="https://elsewhere.example/p.png?secret=1" target="_blank"' in html
        assert ">what I saw</a>" in html

    def test_image_inside_a_link_is_its_words(self) -> None:
        html = render_markdown("[![a chart](https://one.example/c.png)](https://two.example/)")

        assert re.findall(r'href="([^"]+)"', html) == ["https://two.example/"]
        assert ">a chart</a>" in html

    def test_image_that_leads_to_a_script_leads_nowhere(self) -> None:
        assert "href" not in render_markdown("![x](javascript:alert(1))")

    def test_code_can_not_break_out_of_its_block(self) -> None:
        html = render_markdown('```"><script>alert(1)</script>\n</code></pre><script>alert(2)</script>\n```')

        self.assert_elements(html, {"figure", "figcaption", "button", "pre", "code"})

    def test_nothing_carries_a_style(self) -> None:
        html = render_markdown("| a | b |\n|:-:|--:|\n| 1 | 2 |\n\n```python\nx = 1  # one\n```")

        assert "style=" not in html

    def test_class_names_of_the_page_can_not_be_borrowed(self) -> None:
        assert "<span" not in render_markdown('<span class="notice">Your password, please</span>')

    def test_nesting_has_an_end(self) -> None:
        for text in (">" * 50_000, "- " * 25_000, "[" * 50_000, "*" * 25_000 + "a" + "*" * 25_000, "![[" * 16_000):
            with self.subTest(text[:4]):
                assert render_markdown(text).count("<") < 100000

    def test_long_texts_are_rendered_whole(self) -> None:
        html = render_markdown("a word or two, and https://sandbox.example/ \n\n" * 40)

        assert html.count("<a ") == 40

    def test_very_long_code_is_shown_plain(self) -> None:
        html = render_markdown("```python\n" + "x = 1\n" * 5000 + "```")

        assert "<span" not in html
        assert html.count("x = 1\n") == 5000

    def assert_elements(self, html: str, expected: set[str]) -> None:
        assert set(re.findall(r"<([a-z0-9]+)", html)) == expected, html


class MarkdownTests(SimpleTestCase):
    def test_links_open_beside_the_page_and_vouch_for_nothing(self) -> None:
        rel = 'rel="nofollow noopener noreferrer"'

        assert (
            render_markdown("[there](https://sandbox.example/)")
            == f'<p><a href="https://sandbox.example/" target="_blank" {rel}>there</a></p>\n'
        )
        assert render_markdown("[here](/chat/)") == f'<p><a href="/chat/" {rel}>here</a></p>\n'

    def test_addresses_in_a_sentence_are_links(self) -> None:
        html = render_markdown("See https://a.example/x_(y), (https://b.example/?p=1&q=2) and https://c.example.")

        assert re.findall(r'href="([^"]+)"', html) == [
            "https://a.example/x_(y)",
            "https://b.example/?p=1&amp;q=2",
            "https://c.example",
        ]

    def test_addresses_in_code_and_in_links_stay_as_they_are(self) -> None:
        html = render_markdown("`https://a.example` [about https://b.example](https://c.example/)")

        assert re.findall(r'href="([^"]+)"', html) == ["https://c.example/"]

    def test_code_is_coloured_by_classes_and_can_be_copied(self) -> None:
        html = render_markdown("```python\ndef f():\n    return '<b>'\n```")

        assert html.startswith('<figure class="code"><figcaption>python <button class="button button--tiny"')
        assert 'type="button" data-copy="">Copy</button></figcaption><pre tabindex="0"><code>' in html
        assert '<span class="k">def</span>' in html
        assert "&lt;b&gt;" in html

    def test_code_of_an_unknown_language_is_shown_as_it_is(self) -> None:
        html = render_markdown("```klingon extra\nQapla' <x>\n```")

        assert "<figcaption>klingon <button" in html
        assert "<code>Qapla' &lt;x&gt;\n</code>" in html.replace("&#x27;", "'").replace("&#39;", "'")

    def test_indented_and_nameless_code_is_a_block_too(self) -> None:
        for text in ("    x", "```\nx\n```"):
            with self.subTest(text):
                assert "<figcaption>text <button" in render_markdown(text)

    def test_tables_scroll_in_their_own_box_and_keep_their_alignment(self) -> None:
        html = render_markdown("| a | b |\n|:--|--:|\n| 1 | 2 |")

        assert '<div class="table" tabindex="0"><table>' in html
        assert '<td class="right">2</td>' in html

    def test_headings_stay_below_those_of_the_page(self) -> None:
        assert render_markdown("# One\n\n##### Five") == "<h3>One</h3>\n<h6>Five</h6>\n"

    def test_line_breaks_stay_where_they_were_written(self) -> None:
        assert render_markdown("one\ntwo") == "<p>one<br>\ntwo</p>\n"

    def test_struck_text_is_struck(self) -> None:
        assert render_markdown("~~old~~") == "<p><s>old</s></p>\n"


class BareAddressTests(SimpleTestCase):
    """Addresses without Markdown syntax."""

    def test_names_with_dots_are_no_addresses(self) -> None:
        for text in (
            "main.py",
            "node.js",
            "e.g. this",
            "2.10.3",
            "example.com",
            "a//b.c",
            "ftp://a.example",
            "wwwa.b.c",
        ):
            with self.subTest(text):
                assert "<a" not in render_markdown(text)

    def test_punctuation_around_an_address_is_no_part_of_it(self) -> None:
        for text, address in (
            ("（https://e.org/a）", "https://e.org/a"),
            ("“https://e.org/a”", "https://e.org/a"),
            ("«https://e.org/a»", "https://e.org/a"),
            ("「https://e.org/a」", "https://e.org/a"),
            ("请看https://e.org/a。后", "https://e.org/a"),
            ("https://e.org/a，然后", "https://e.org/a"),
            ("[see https://e.org/a]", "https://e.org/a"),
            ("{https://e.org/a}", "https://e.org/a"),
            ("'https://e.org/a'", "https://e.org/a"),
            ('"https://e.org/a"', "https://e.org/a"),
            ("https://e.org/a...", "https://e.org/a"),
            ("https://e.org/a?!", "https://e.org/a"),
            ("https://e.org/a: yes", "https://e.org/a"),
            ("(https://e.org/a_(b))", "https://e.org/a_(b)"),
            ("**https://e.org/a**", "https://e.org/a"),
            ("_https://e.org/a_", "https://e.org/a"),
            ("~~https://e.org/a~~", "https://e.org/a"),
            ("<https://e.org/a>", "https://e.org/a"),
            ("|https://e.org/a\uff5cb", "https://e.org/a"),
        ):
            with self.subTest(text):
                assert self.addresses(text) == [address]

    def test_markdown_inside_an_address_is_a_part_of_it(self) -> None:
        for address in (
            "https://e.org/__init__.py",
            "https://e.org/__init__",
            "https://e.org/a_b_c",
            "https://e.org/a*b*c",
            "https://e.org/~~a~~b",
            "https://e.org/a?b=[c]&d=*",
            "https://user@e.org:8080/#a",
            "http://localhost:8000/a",
            "HTTPS://E.ORG/A",
            "www.e.org/__init__.py",
        ):
            with self.subTest(address):
                html = render_markdown(f"See {address} there")

                assert "<em>" not in html
                assert "<strong>" not in html
                assert html.count("<a ") == 1
                assert f">{address.rstrip('*')}</a>".replace("&", "&amp;") in html

    def test_addresses_of_any_script_are_links(self) -> None:
        html = render_markdown("https://bücher.example/ä und https://例え.jp/テスト")

        assert self.addresses("https://bücher.example/ä https://例え.jp/テスト") == [
            "https://xn--bcher-kva.example/%C3%A4",
            "https://xn--r8jz45g.jp/%E3%83%86%E3%82%B9%E3%83%88",
        ]
        assert ">https://bücher.example/ä</a>" in html

    def test_emails_are_links_and_names_with_an_at_are_not(self) -> None:
        assert self.addresses("Ask first_last+x@example.com.") == ["mailto:first_last+x@example.com"]
        for text in ("@bob", "bob@", "`bob@example.com`", "a @ b"):
            with self.subTest(text):
                assert "<a" not in render_markdown(text)

    def test_link_that_would_lead_nowhere_stays_text(self) -> None:
        for text in ("[a](ftp://e.org/b)", "[a](elsewhere)", "[a](//e.org)"):
            with self.subTest(text):
                assert render_markdown(text) == f"<p>{text}</p>\n"

    def addresses(self, text: str) -> list[str]:
        return re.findall(r'href="([^"]+)"', render_markdown(text))


class EmphasisTests(SimpleTestCase):
    def test_emphasis_ends_beside_punctuation_of_scripts_without_spaces(self) -> None:
        for text, marked in (
            ("**加粗。**后", "<strong>加粗。</strong>后"),
            ("前**“加粗”**后", "前<strong>“加粗”</strong>后"),
            ("これは**重要！**です", "これは<strong>重要！</strong>です"),
            ("**한국어!**는", "<strong>한국어!</strong>는"),
            ("*（斜体）*字", "<em>（斜体）</em>字"),
            ("~~删除。~~后", "<s>删除。</s>后"),
            ("**`码`**后", "<strong><code>码</code></strong>后"),
        ):
            with self.subTest(text):
                assert render_markdown(text) == f"<p>{marked}</p>\n"

    def test_emphasis_elsewhere_is_as_in_commonmark(self) -> None:
        for text, marked in (
            ("snake_case_name", "snake_case_name"),
            ("2 * 3 * 4", "2 * 3 * 4"),
            ("a**b**c", "a<strong>b</strong>c"),
            ("***a***", "<em><strong>a</strong></em>"),
            ('**"a"**b', '**"a"**b'),
            ("a~b~c", "a~b~c"),
        ):
            with self.subTest(text):
                assert render_markdown(text).replace("&quot;", '"') == f"<p>{marked}</p>\n"


class FormulaTests(SimpleTestCase):
    """Formulas are shown as written, until a script typesets them."""

    def test_money_and_variables_are_no_formulas(self) -> None:
        for text in (
            "$5 and $6",
            "from $5 to 10$",
            "It costs $5 there and US$ 7 here, or A$",
            "$HOME/bin:$PATH",
            "$ a $",
            "$",
            "$$",
            "\\$x\\$",
        ):
            with self.subTest(text):
                html = render_markdown(text)

                assert "math" not in html
                assert html == f"<p>{text}</p>\n".replace("\\", "")

    def test_formulas_keep_what_looks_like_markdown(self) -> None:
        for text in (r"\(x_1 * y_2 * z\)", r"\[a_1 \\ b_2\]", "$a_1 * b_2 * c$", "$$a*b*c$$", "$5x^2$", "$x$"):
            with self.subTest(text):
                assert render_markdown(f"So {text} is") == f'<p>So <span class="math">{text}</span> is</p>\n'

    def test_formula_of_several_lines_is_no_list(self) -> None:
        for text in ("\\[\nx = a\n+ b\n- c\n=\n\\]", "$$\nx = a\n+ b\n- c\n=\n$$"):
            with self.subTest(text):
                assert f'<div class="math">{text}</div>' in render_markdown(f"Before\n\n{text}\n\nAfter")

    def test_formula_can_not_break_out(self) -> None:
        assert "<b" not in render_markdown("$<b>x</b>$ \\(<b>\\)")


class FootnoteTests(SimpleTestCase):
    def test_footnote_that_is_not_defined_stays_text(self) -> None:
        for text in ("Yes[^1].", "Yes[^].", "Yes[^a b].\n\n[^a b]: no"):
            with self.subTest(text):
                assert "<a" not in render_markdown(text)

    def test_footnotes_lead_there_and_back(self) -> None:
        html = render_markdown("One[^1], two[^b], again[^1].\n\n[^1]: The *first*.\n\n[^b]: The second.\n")

        targets = re.findall(r'href="#([^"]+)"', html)
        assert len(targets) == 6
        assert sorted(set(targets)) == sorted(re.findall(r' id="([^"]+)"', html))
        assert '<section class="footnotes" aria-label="Footnotes">' in html
        assert "The <em>first</em>." in html

    def test_two_texts_share_no_ids(self) -> None:
        text = "One[^1].\n\n[^1]: The first."

        first, second = (set(re.findall(r' id="([^"]+)"', render_markdown(text))) for _ in range(2))

        assert len(first) == len(second) == 2
        assert not first & second

    def test_definitions_that_are_not_used_stay_readable(self) -> None:
        assert render_markdown("[^u]:\n\nAfter").count("[^u]") == 1
        html = render_markdown("One[^1].\n\n[^1]: first\n\n[^1]: second\n\n[^u]: unused\n\n> [^q]: quoted")

        for text in ("first", "[^1]: second", "[^u]: unused", "[^q]: quoted"):
            assert text in html


class TaskTests(SimpleTestCase):
    def test_tasks_are_boxes_that_can_not_be_changed(self) -> None:
        html = render_markdown("- [ ] open\n- [x] done\n- [y] neither\n- [link](/a)")

        assert '<li class="task"><input type="checkbox" disabled="" aria-label="To do"> open</li>' in html
        assert '<li class="task"><input type="checkbox" disabled="" aria-label="Done" checked=""> done</li>' in html
        assert "<li>[y] neither</li>" in html
        assert html.count("<input") == 2


class NothingToShowTests(SimpleTestCase):
    def test_text_that_would_show_nothing_is_shown_as_it_was_written(self) -> None:
        for text in ("[a]: http://e.org", "#", "-", ">", "~~~", "&#8203;"):
            with self.subTest(text):
                assert re.sub(r"<[^>]+>", "", render_markdown(text)).strip()
