"""Writes that arrive together share a batch, and a write that fails doesn't affect the other writes."""

import asyncio
from collections.abc import Sequence

from django.db import OperationalError
from django.test import SimpleTestCase

from runtime.batching import SIZE, Batcher


class BatchedTests(SimpleTestCase):
    def setUp(self) -> None:
        self.batches: list[list[str]] = []
        self.started, self.goes_on = asyncio.Event(), asyncio.Event()
        self.goes_on.set()
        self.shouts = Batcher(self.shout, pause=0.02)

    async def shout(self, words: Sequence[str]) -> list[str]:
        self.batches.append(list(words))
        self.started.set()
        await self.goes_on.wait()
        if "bad" in words:
            raise ValueError(words)
        if "away" in words:
            raise OperationalError
        return [word.upper() for word in words]

    async def all_of(self, *words: str) -> list[str | BaseException]:
        return await asyncio.gather(*[self.shouts.submit(word) for word in words], return_exceptions=True)

    async def test_a_failing_item_fails_alone(self) -> None:
        first, *others = await self.all_of("one", "two", "bad", "three")

        assert first == "ONE"
        assert [str(other) for other in others] == ["TWO", "['bad']", "THREE"]
        assert self.batches == [["one", "two", "bad", "three"], ["one"], ["two"], ["bad"], ["three"]]

    async def test_a_database_that_is_away_is_asked_once_for_all(self) -> None:
        failures = await self.all_of("one", "two", "away")

        assert [type(failure) for failure in failures] == [OperationalError] * 3
        assert len(self.batches) == 1

    async def test_items_submitted_meanwhile_share_a_batch(self) -> None:
        self.goes_on.clear()
        first = asyncio.create_task(self.shouts.submit("one"))
        await self.started.wait()
        others = asyncio.create_task(self.all_of("two", "three"))
        await asyncio.sleep(0)
        self.goes_on.set()

        assert (await first, await others) == ("ONE", ["TWO", "THREE"])
        assert self.batches == [["one"], ["two", "three"]]

    async def test_a_crowd_is_done_in_batches_of_a_bounded_size(self) -> None:
        words = [str(number) for number in range(2 * SIZE + 1)]

        assert await self.all_of(*words) == words
        assert [len(batch) for batch in self.batches] == [SIZE, SIZE, 1]

    async def test_an_item_cancelled_during_its_batch_does_not_cancel_others(self) -> None:
        self.goes_on.clear()
        leader, other = [asyncio.create_task(self.shouts.submit(word)) for word in ("one", "two")]
        await self.started.wait()
        leader.cancel()
        await asyncio.wait([leader])
        self.goes_on.set()

        assert leader.cancelled()
        assert await other == "TWO"
        assert self.batches == [["one", "two"]]

    async def test_an_item_cancelled_before_its_batch_is_not_done(self) -> None:
        self.goes_on.clear()
        first = asyncio.create_task(self.shouts.submit("one"))
        await self.started.wait()
        gone = asyncio.create_task(self.shouts.submit("two"))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait([gone])
        self.goes_on.set()

        assert await first == "ONE"
        assert await self.shouts.submit("three") == "THREE"
        assert self.batches == [["one"], ["three"]]
