"""The inactivity timeout interrupts silent streams, and no others."""

import asyncio

import pytest
from django.test import SimpleTestCase

from assistants.llm.inactivity_timeout import InactivityTimeout

SHORT = 0.3


class InactivityTimeoutTests(SimpleTestCase):
    async def test_silence_ends_the_wait(self) -> None:
        idle_timeout = InactivityTimeout(SHORT)

        with pytest.raises(TimeoutError), idle_timeout:
            await asyncio.Event().wait()

        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0  # otherwise the task's next timeout would look like a cancellation

    async def test_shorter_wait_than_before_is_kept(self) -> None:
        idle_timeout = InactivityTimeout(60)
        idle_timeout.renew(SHORT)

        with pytest.raises(TimeoutError), idle_timeout:
            await asyncio.Event().wait()

    async def test_each_token_renews_it(self) -> None:
        idle_timeout = InactivityTimeout(SHORT)
        for _ in range(5):
            with idle_timeout:
                await asyncio.sleep(SHORT / 3)
            idle_timeout.renew(SHORT)
        idle_timeout.stop()

    async def test_time_for_handling_a_token_does_not_count(self) -> None:
        idle_timeout = InactivityTimeout(SHORT)
        with idle_timeout:
            await asyncio.sleep(0)

        await asyncio.sleep(SHORT * 2)  # a real delay, because the timeout uses the loop's clock

        idle_timeout.renew(SHORT)
        with pytest.raises(TimeoutError), idle_timeout:
            await asyncio.Event().wait()

    async def test_time_is_up_without_a_renewal(self) -> None:
        idle_timeout = InactivityTimeout(0)

        with pytest.raises(TimeoutError), idle_timeout:
            pass

    async def test_being_cancelled_is_no_timeout(self) -> None:
        entered = asyncio.Event()

        async def wait() -> None:
            with InactivityTimeout(60):
                entered.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(wait())
        await entered.wait()
        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_another_task_may_go_on_waiting(self) -> None:
        idle_timeout = InactivityTimeout(SHORT)

        async def wait(something: asyncio.Event) -> None:
            with idle_timeout:
                await something.wait()

        happened = asyncio.Event()
        happened.set()
        await asyncio.create_task(wait(happened))
        with pytest.raises(TimeoutError):
            await asyncio.create_task(wait(asyncio.Event()))
