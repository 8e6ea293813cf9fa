from django.test import SimpleTestCase

from core.markdown import finished_length, render_markdown

TEXT = """# Rice 🍚

Take **one part** of rice
and water.
- jasmine
- brown

  which takes longer

      and more

1. first

2. second
Heading
===
```python
def water():

    return 1

- no list
```
| rice | water |
|---|--:|
| jasmine | 1 |

> quoted

> again
lazily

    indented code

    goes on
***
* a

```
never closed

so far
"""


class FinishedBlocksTests(SimpleTestCase):
    def test_blocks_drawn_one_by_one_are_those_of_the_whole_text(self) -> None:
        # At any moment, the blocks rendered so far are the beginning of the final HTML.
        whole = render_markdown(TEXT)
        for step in (1, 2, 7, 40):
            with self.subTest(step):
                drawn, done = "", 0
                for position in range(0, len(TEXT) + 1, step):
                    length = finished_length(TEXT[done:position])
                    drawn += render_markdown(TEXT[done : done + length]) if length else ""
                    done += length
                    assert whole.startswith(drawn), drawn
                assert TEXT[done:].startswith("```\nnever closed")

    def test_block_is_finished_when_another_has_begun(self) -> None:
        for text, finished in (
            ("One", ""),
            ("One\n\n", ""),
            ("One\n\nT", "One\n\n"),
            ("One\n\n-", ""),  # a list, a line, a negative number
            ("- one\n\n1", ""),
            ("- one\n\n-", ""),
            ("- one\n\n  still one\n\n", ""),
            ("- one\n\nTwo", "- one\n\n"),
            ("```\none\n\nTwo\n\nThree\n", ""),
            ("```\none\n```\nTwo", "```\none\n```\n"),
            ("One\r\n\r\nTwo", ""),
        ):
            with self.subTest(text):
                assert text[: finished_length(text)] == finished
