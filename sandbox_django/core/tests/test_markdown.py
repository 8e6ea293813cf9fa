import re

from django.test import SimpleTestCase

from core.markdown import render_markdown


class HostileTextTests(SimpleTestCase):
    """Text from people and models may say anything. None of it runs, loads or pretends."""

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
        html = render_markdown("a word or two, and https://sandbox.example/ \n" * 1000)

        assert html.count("<a ") == 1000

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
