import asyncio
from itertools import pairwise

import pytest
from django.test import TestCase

from live.flush_clock import INTERVAL, current_flush_clock
from test_utils import virtual_time


class FlushClockTests(TestCase):
    def test_a_cancelled_waiter_does_not_delay_the_tick_of_others(self) -> None:
        async def whole() -> list[object]:
            waiting = [asyncio.create_task(current_flush_clock().next()) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
            return await asyncio.gather(*waiting, return_exceptions=True)

        gone, *others = virtual_time.run(whole())
        assert isinstance(gone, asyncio.CancelledError)
        assert others == [None, None]

    def test_all_are_woken_together_whenever_they_came(self) -> None:
        async def whole() -> list[float]:
            return await asyncio.gather(*[woken_at(after=INTERVAL * part / 10) for part in range(5)])

        assert len(set(virtual_time.run(whole()))) == 1

    def test_beats_are_an_interval_apart_and_what_is_done_in_between_does_not_move_them(self) -> None:
        async def whole() -> list[float]:
            times = []
            for _ in range(10):
                await asyncio.sleep(INTERVAL / 3)
                times.append(await woken_at())
            return times

        times = virtual_time.run(whole())
        assert all(abs(later - earlier - INTERVAL) < 0.001 for earlier, later in pairwise(times))

    def test_a_tick_never_follows_at_once(self) -> None:
        async def whole() -> float:
            await current_flush_clock().next()
            await asyncio.sleep(INTERVAL * 5)
            started_at = asyncio.get_running_loop().time()
            return await woken_at() - started_at

        assert virtual_time.run(whole()) > INTERVAL / 3

    def test_all_readers_of_a_tick_take_a_third_of_the_time_at_most(self) -> None:
        async def read(work: float) -> list[float]:
            """Works at several ticks; returns the time from the end of each work to the next tick."""
            loop = asyncio.get_running_loop()
            assert isinstance(loop, virtual_time.VirtualClockLoop)
            pauses = []
            await current_flush_clock().next()
            for _ in range(5):
                loop.now += work
                done = loop.now
                await current_flush_clock().next()
                pauses.append(loop.now - done)
            return pauses

        async def whole() -> list[float]:
            return (await asyncio.gather(*[read(INTERVAL / 2) for _ in range(4)]))[-1]

        pauses = virtual_time.run(whole())
        # The four readers together work for two intervals, and the pause is twice as long.
        assert min(pauses) == pytest.approx(INTERVAL * 4)


async def woken_at(*, after: float = 0.0) -> float:
    await asyncio.sleep(after)
    await current_flush_clock().next()
    return asyncio.get_running_loop().time()
