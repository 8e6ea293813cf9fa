"""Each event loop has separate state, and concurrent calls share one run."""

import asyncio
import gc
import weakref

import pytest

from runtime.per_loop import PerLoop, SharedRun


class Value:
    pass


def test_each_loop_gets_its_own_value_and_keeps_it() -> None:
    values = PerLoop(Value)

    async def twice() -> tuple[Value, Value]:
        return values.current(), values.current()

    first, again = asyncio.run(twice())
    other, _ = asyncio.run(twice())

    assert first is again
    assert other is not first


def test_a_value_goes_with_its_loop() -> None:
    values = PerLoop(Value)

    async def current() -> "weakref.ref[Value]":
        return weakref.ref(values.current())

    left = asyncio.run(current())
    gc.collect()

    assert left() is None


def test_a_popped_value_is_made_again() -> None:
    values = PerLoop(Value)

    async def pop_twice() -> None:
        assert values.pop() is None
        first = values.current()
        assert values.pop() is first
        assert values.current() is not first

    asyncio.run(pop_twice())


class Work:
    def __init__(self) -> None:
        self.runs = 0
        self.may_end = asyncio.Event()

    async def __call__(self) -> int:
        self.runs += 1
        run = self.runs
        await self.may_end.wait()
        if run == 2:
            raise ValueError("the second run fails")
        return run


async def share() -> None:
    work = Work()
    shared = SharedRun(work)

    callers = [asyncio.create_task(shared()) for _ in range(3)]
    await asyncio.sleep(0)
    callers[0].cancel()
    await asyncio.sleep(0)
    work.may_end.set()

    assert await asyncio.gather(*callers[1:]) == [1, 1]
    assert callers[0].cancelled()
    with pytest.raises(ValueError, match="second"):
        await shared()
    assert await shared() == 3


def test_callers_at_the_same_time_share_one_run_and_its_result() -> None:
    asyncio.run(share())
