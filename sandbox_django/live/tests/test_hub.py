"""The hub delivers every event once and in order, even if the layer, the log or another browser fails.

The pages (live/tests/live_rooms.py) raise an error if a frame is duplicated, too early or missing. Time is virtual, so
the tests use the hub's real delays without waiting.
"""

import asyncio
import gc
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import count
from unittest import mock

from django.db import InterfaceError, OperationalError
from django.test import TransactionTestCase, override_settings
from rest_framework.permissions import IsAuthenticated

from live import feeds, hub, send_queue
from live.consumer import CLOSE_SIGNED_OUT, CLOSE_SLOW
from live.feeds import Event
from live.hub import HEAD_CHECK_DELAYS, OUTAGE_CHECK_INTERVAL, SWEEP_INTERVAL, current_hub
from live.local_feed import DATABASE_RETRY_DELAY, LOSS_TIMEOUT, REORDER_DELAY, SUBSCRIBE_GRACE_SECONDS
from live.metrics import counts
from live.models import Feed, FeedEvent
from live.tests.live_rooms import Delivery, FaultyLayer, OpenAuthenticator, Page, Room, RoomConsumer
from live.tests.notes import layer_in_use
from test_utils import virtual_time

AT_ONCE = 0.001  # much shorter than all delays of the hub
SOON = REORDER_DELAY + 0.01  # seconds until a gap has been detected and filled
RECHECKED = HEAD_CHECK_DELAYS[-1] + 2 * REORDER_DELAY
LOST = Delivery(arrives_after=())


class HubCase(TransactionTestCase):
    def setUp(self) -> None:
        # Garbage is collected here. If it is collected while pytest parses the source of a failed test, Python 3.11
        # raises "AST constructor recursion depth mismatch", which hides the name of the test.
        self.addCleanup(gc.collect)
        self.layer = FaultyLayer()
        self.enterContext(layer_in_use(self.layer))
        self.read = self.enterContext(mock.patch.object(feeds, "read", wraps=feeds.read))
        self.room = Room()
        self.pages: list[Page] = []
        # Durations of the next hand-offs to and from the database thread. Later hand-offs take no time.
        self.handoffs: deque[float] = deque()

    def play(self, scene: Callable[[], Awaitable[None]]) -> None:
        async def whole() -> None:
            await scene()
            self.assert_everybody_has_everything()
            await asyncio.sleep(1)
            self.assert_everybody_has_everything()
            for page in self.pages:
                page.leave()

        virtual_time.run(whole(), handoffs=(self.handoffs.popleft() if self.handoffs else 0.0 for _ in count()))

    def assert_everybody_has_everything(self) -> None:
        for page in self.pages:
            if page.is_listening:  # raises if the page has found a mistake
                assert page.has_everything, (page.shown, page.room.stored())

    async def open(self, *, fetch_first: bool = True) -> Page:
        """Opens a page and waits until the hub has done the head checks that follow a join."""
        page = self.come(fetch_first=fetch_first)
        assert not self.handoffs, "they are for later"
        await asyncio.sleep(RECHECKED)
        self.read.reset_mock()
        return page

    def come(self, *, fetch_first: bool = True) -> Page:
        page = Page(self.room)
        self.pages.append(page)
        page.open(fetch_first=fetch_first)
        return page

    def lose_next(self, messages: int) -> None:
        self.layer.expect(LOST for _ in range(messages))


class EventTests(HubCase):
    def test_all_pages_receive_everything_in_order_without_reading_the_log(self) -> None:
        async def scene() -> None:
            await self.open()
            await self.open(fetch_first=False)

            self.room.write(3)
            await asyncio.sleep(AT_ONCE)

            assert all(page.has_everything for page in self.pages)
            assert not self.read.called

        self.play(scene)

    def test_a_gap_is_filled_with_one_reading_for_all_pages(self) -> None:
        async def scene() -> None:
            for _ in range(3):
                await self.open()

            self.lose_next(2)
            self.room.write(3)
            await asyncio.sleep(SOON)

            assert all(page.has_everything for page in self.pages)
            assert self.read.call_count == 1

        self.play(scene)

    def test_a_late_event_is_waited_for(self) -> None:
        async def scene() -> None:
            await self.open()

            self.layer.expect([Delivery((REORDER_DELAY / 2,)), Delivery()])
            self.room.write(2)
            await asyncio.sleep(1)

            assert not self.read.called

        self.play(scene)

    def test_duplicate_and_reordered_messages_are_received_once_and_in_order(self) -> None:
        async def scene() -> None:
            await self.open()

            self.layer.expect(
                [Delivery((0.03, 0.2)), Delivery((0.02, 0.0)), Delivery((0.01, 0.01)), Delivery((0.0, 0.5))]
            )
            self.room.write(4)
            await asyncio.sleep(1)

        self.play(scene)

    def test_a_duplicate_does_not_cause_a_read_of_the_log(self) -> None:
        async def scene() -> None:
            await self.open()

            self.layer.expect([Delivery((0.0, 0.01))])
            self.room.write()
            await asyncio.sleep(2 * SOON)

            assert not self.read.called

        self.play(scene)

    def test_events_known_only_to_a_new_subscriber_are_fetched_for_the_others(self) -> None:
        async def scene() -> None:
            page = await self.open()
            self.lose_next(1)
            self.room.write()

            self.come()
            await asyncio.sleep(2 * SOON)

            assert page.has_everything

        self.play(scene)

    def test_a_loss_without_a_later_event_is_found_by_the_sweep(self) -> None:
        async def scene() -> None:
            page = await self.open()

            self.lose_next(2)
            self.room.write(2)
            await asyncio.sleep(1)
            assert not page.has_everything
            await asyncio.sleep(SWEEP_INTERVAL + SOON)

            assert page.has_everything

        self.play(scene)

    def test_events_during_an_outage_of_the_layer_are_sent_soon_after(self) -> None:
        async def scene() -> None:
            page = await self.open()

            self.layer.expect(Delivery(layer_is_down=True) for _ in range(3))
            self.room.write(2)
            await asyncio.sleep(OUTAGE_CHECK_INTERVAL / 2)
            assert self.layer.outage.failures
            await asyncio.sleep(4 * OUTAGE_CHECK_INTERVAL)

            assert page.has_everything
            assert not self.layer.outage.failures, "nobody said that it is over"

        self.play(scene)

    def test_the_end_of_an_outage_is_repeated_to_processes_that_missed_it(self) -> None:
        async def scene() -> None:
            page = await self.open()

            self.layer.expect([Delivery(layer_is_down=True), LOST])  # the write, and the first message to OUTAGES
            self.room.write()
            await asyncio.sleep(4 * OUTAGE_CHECK_INTERVAL)

            assert page.has_everything

        self.play(scene)

    def test_events_before_redis_has_confirmed_are_found_a_moment_later(self) -> None:
        async def scene() -> None:
            self.layer.confirm_after(0.8)
            page = self.come()
            await asyncio.sleep(0.5)
            self.room.write()
            assert not page.has_everything

            await asyncio.sleep(RECHECKED)

            assert page.has_everything

        self.play(scene)

    def test_events_between_the_log_and_the_subscription_are_not_lost(self) -> None:
        async def scene() -> None:
            self.handoffs.extend([0, 1])
            page = self.come(fetch_first=False)
            await asyncio.sleep(0.5)  # the log was read, but the result takes a second to arrive
            self.room.write(2)

            await asyncio.sleep(0.5 + 2 * SOON)

            assert page.has_everything

        self.play(scene)

    def test_a_page_that_is_behind_is_caught_up_with_nothing_following(self) -> None:
        """A subscriber that joins behind its feed's other subscribers catches up without a further event."""

        async def scene() -> None:
            await self.open()
            self.handoffs.extend([0, 1])
            page = self.come(fetch_first=False)
            await asyncio.sleep(0.5)
            self.room.write(2)

            await asyncio.sleep(0.5 + SOON)

            assert page.has_everything

        self.play(scene)

    def test_heads_received_during_a_read_are_kept(self) -> None:
        async def scene() -> None:
            page = await self.open()

            self.lose_next(1)
            self.room.write(2)
            self.handoffs.extend([0, 1])
            await asyncio.sleep(0.2)  # the log is being read, which takes a while
            self.lose_next(1)
            self.room.write()
            self.come()  # this page reads that there are three events
            await asyncio.sleep(1 + SOON)

            assert page.has_everything

        self.play(scene)

    def test_a_layer_that_was_down_when_a_page_came_is_asked_again_by_the_sweep(self) -> None:
        async def scene() -> None:
            self.layer.expect(Delivery(layer_is_down=True) for _ in range(5))
            page = await self.open()
            self.layer.deliver_all()
            self.room.write()
            await asyncio.sleep(SWEEP_INTERVAL)
            assert page.has_everything

            self.room.write()
            await asyncio.sleep(AT_ONCE)

            assert page.has_everything, "still not subscribed"

        self.play(scene)

    def test_a_subscription_that_fails_in_a_new_way_spoils_only_that_join(self) -> None:
        async def scene() -> None:
            elsewhere = Page(Room())
            elsewhere.open()  # the hub's own subscriptions are made
            await asyncio.sleep(1)
            with mock.patch.object(self.layer, "group_add", side_effect=KeyError):
                page = Page(self.room)
                page.open()
                await asyncio.sleep(1)
                page.leave()
            elsewhere.leave()

            await self.open()
            self.room.write()
            await asyncio.sleep(AT_ONCE)

        self.play(scene)

    def test_a_log_that_cannot_be_read_is_tried_again(self) -> None:
        async def scene() -> None:
            page = await self.open()
            self.read.side_effect = [OperationalError, OperationalError, mock.DEFAULT]

            self.lose_next(1)
            self.room.write(2)
            await asyncio.sleep(SOON)
            assert not page.has_everything
            await asyncio.sleep(2 * (DATABASE_RETRY_DELAY + SOON))

            assert page.has_everything

        self.play(scene)

    def test_a_failure_of_our_own_in_catching_up_is_made_good_by_the_sweep(self) -> None:
        async def scene() -> None:
            page = await self.open()
            self.read.side_effect = [KeyError("nobody expects that"), mock.DEFAULT]

            self.room.start_stream()
            await asyncio.sleep(AT_ONCE)
            self.lose_next(1)
            await self.room.grow("Two cups.")
            self.room.end_stream()
            await asyncio.sleep(SWEEP_INTERVAL + SOON)

            assert page.has_everything

        self.play(scene)

    def test_a_message_that_makes_no_sense_does_not_end_the_hearing(self) -> None:
        async def scene() -> None:
            page = await self.open()
            await self.layer.group_send(self.room.name, {"type": "live.fact"})
            await self.layer.group_send(self.room.name, {"group": self.room.name, "type": "live.fact", "seq": "one"})
            with mock.patch.object(FaultyLayer, "receive", side_effect=ValueError("can't be decoded")):
                await self.layer.group_send(self.room.name, {})
                await asyncio.sleep(1)

            self.room.write()
            await asyncio.sleep(1)

            assert page.has_everything

        self.play(scene)

    def test_a_event_that_was_never_stored_is_not_waited_for(self) -> None:
        """A standby database without the last commit took over, and will give its sequence number to another event."""

        async def scene() -> None:
            await self.open()
            self.room.write()
            event = Event(seq=3, frame="never stored")

            await self.layer.group_send(self.room.name, feeds.event_message(self.room.name, event))
            await asyncio.sleep(60)
            assert self.read.call_count <= 2, "the log is asked again and again"
            self.room.write(2)
            await asyncio.sleep(SOON)

        self.play(scene)


class GapCountTests(HubCase):
    """The gap metrics count only events and chunks that the layer lost."""

    async def settle(self) -> None:
        await asyncio.sleep(SUBSCRIBE_GRACE_SECONDS)
        counts.gaps_found = counts.gaps_filled = 0

    def test_nothing_is_counted_when_nothing_is_wrong(self) -> None:
        async def scene() -> None:
            counts.gaps_found = counts.gaps_filled = 0
            self.handoffs.extend([0.0, 0.0, 0.0, 0.5])
            self.come()
            await asyncio.sleep(0.2)
            self.room.write()  # after the log was read and before the subscription
            await asyncio.sleep(1)
            await self.settle()

            for delay in (0.0, REORDER_DELAY / 2, 6 * REORDER_DELAY):
                self.layer.expect([Delivery((delay,))])
                self.room.write()
                self.come()  # depending on the delay, the page joins ahead of the local feed or behind it
                await asyncio.sleep(1)
            self.room.start_stream()
            await self.room.grow("Two ")
            self.come()  # in the middle of a text
            await self.room.grow("cups ")
            await asyncio.sleep(1)
            await self.room.grow("of water.")
            self.room.end_stream()
            await asyncio.sleep(SWEEP_INTERVAL + 2 * LOSS_TIMEOUT)

            assert (counts.gaps_found, counts.gaps_filled) == (0, 0)

        self.play(scene)

    def test_a_lost_event_is_counted_once_for_all_pages(self) -> None:
        async def scene() -> None:
            for _ in range(3):
                await self.open()
            await self.settle()

            self.lose_next(2)
            self.room.write(3)
            await asyncio.sleep(SOON + LOSS_TIMEOUT)

            assert (counts.gaps_found, counts.gaps_filled) == (1, 1)

        self.play(scene)

    def test_a_lost_piece_of_a_text_is_counted(self) -> None:
        async def scene() -> None:
            await self.open()
            await self.settle()
            self.room.start_stream()
            await self.room.grow("Two ")
            self.lose_next(1)
            await self.room.grow("cups ")
            await self.room.grow("of water.")
            self.room.end_stream()
            await asyncio.sleep(SOON + LOSS_TIMEOUT)

            assert counts.gaps_found == 1

        self.play(scene)


class ResyncTests(HubCase):
    def prune(self) -> None:
        with override_settings(LIVE_KEEP_EVENTS=0):
            feeds.prune()

    def test_a_page_that_says_it_is_ahead_is_told_to_fetch_again(self) -> None:
        async def scene() -> None:
            page = Page(self.room)
            self.pages.append(page)
            page.since = 7
            page.open()
            await asyncio.sleep(0.1)
            assert page.resyncs == 1

            self.room.write()
            await asyncio.sleep(AT_ONCE)

        self.play(scene)

    def test_a_page_that_comes_back_too_late_is_told_to_fetch_again(self) -> None:
        async def scene() -> None:
            page = await self.open()
            page.leave()
            self.room.write(3)
            self.prune()

            page.open()
            await asyncio.sleep(0.1)
            assert page.resyncs == 1
            self.room.write()
            await asyncio.sleep(AT_ONCE)

        self.play(scene)

    def test_a_gap_that_cannot_be_filled_any_more_is_told(self) -> None:
        async def scene() -> None:
            page = await self.open()

            self.lose_next(3)
            self.room.write(4)
            self.prune()
            await asyncio.sleep(SOON)

            assert page.resyncs == 1
            self.room.write()
            await asyncio.sleep(AT_ONCE)

        self.play(scene)

    def test_an_event_that_arrives_during_a_read_is_not_undone_by_a_resync(self) -> None:
        async def scene() -> None:
            page = await self.open()

            self.layer.expect([Delivery((REORDER_DELAY + 0.3,))])
            self.room.write(2)
            self.prune()
            self.handoffs.extend([0, 0.5])
            await asyncio.sleep(REORDER_DELAY + 0.2)  # the log was read, but the events are pruned
            self.room.write()
            await asyncio.sleep(1)

            assert page.resyncs == 0, "in the end it missed nothing"

        self.play(scene)

    def test_a_restored_database_is_noticed_by_the_sweep(self) -> None:
        async def scene() -> None:
            page = await self.open()
            self.room.write(5)
            await asyncio.sleep(AT_ONCE)

            self.restore(head=2)
            await asyncio.sleep(SWEEP_INTERVAL + SOON)

            assert page.resyncs == 1
            self.room.write(2)
            await asyncio.sleep(AT_ONCE)

        self.play(scene)

    def test_a_restored_database_is_noticed_by_the_next_one_to_come(self) -> None:
        async def scene() -> None:
            page = await self.open()
            self.room.write(5)
            await asyncio.sleep(AT_ONCE)

            self.restore(head=2)
            self.come()
            await asyncio.sleep(SOON)

            assert page.resyncs == 1

        self.play(scene)

    def test_texts_that_get_old_ids_again_in_a_restored_database_are_received(self) -> None:
        async def scene() -> None:
            await self.open()
            text = self.room.start_stream()
            await self.room.grow("Once")
            self.room.end_stream()
            await asyncio.sleep(SOON)
            self.restore(head=0)
            await asyncio.sleep(SWEEP_INTERVAL + SOON)

            self.room.start_stream(text_id=text.id)
            await self.room.grow("Again")
            self.room.end_stream()
            await asyncio.sleep(SOON)

        self.play(scene)

    def restore(self, *, head: int) -> None:
        """Restores the database to a time before the events after `head`."""
        FeedEvent.objects.filter(feed__name=self.room.name, seq__gt=head).delete()
        Feed.objects.filter(name=self.room.name).update(head=head)
        self.room.truncate_after(head)


class TextTests(HubCase):
    def test_a_lost_piece_is_filled_from_the_buffer_at_the_next_one(self) -> None:
        async def scene() -> None:
            page = await self.open()
            self.room.start_stream()

            await self.room.grow("Two ")
            self.lose_next(1)
            await self.room.grow("🍚 ")
            await self.room.grow("cups ")
            await asyncio.sleep(SOON)

            assert page.text == "Two 🍚 cups "
            self.room.end_stream()
            await asyncio.sleep(AT_ONCE)

        self.play(scene)

    def test_an_end_whose_text_is_not_complete_waits_for_it(self) -> None:
        async def scene() -> None:
            await self.open()
            self.room.start_stream()

            await self.room.grow("Two ")
            self.lose_next(1)
            await self.room.grow("cups.")
            self.room.end_stream()
            await asyncio.sleep(SOON)

        self.play(scene)

    def test_a_text_whose_beginning_was_not_received_waits_for_that(self) -> None:
        async def scene() -> None:
            page = await self.open()

            self.lose_next(1)
            self.room.start_stream()
            await asyncio.sleep(AT_ONCE)
            await self.room.grow("Two ")
            await asyncio.sleep(SOON)

            assert page.text == "Two "
            self.room.end_stream()
            await asyncio.sleep(AT_ONCE)

        self.play(scene)

    def test_a_page_that_opens_in_the_middle_gets_what_was_written_and_then_the_rest(self) -> None:
        async def scene() -> None:
            self.room.start_stream()
            await self.room.grow("Two ")
            self.handoffs.extend([0, 0, 0, 0, 0, 0, 0, 0.5])
            page = self.come()
            await asyncio.sleep(0.2)  # the buffer is being read, which takes a while
            await self.room.grow("cups ")
            await asyncio.sleep(0.5)
            assert page.text == "Two cups "

            self.room.end_stream()
            await asyncio.sleep(AT_ONCE)

        self.play(scene)

    def test_a_page_that_comes_back_after_the_end_gets_the_text_and_then_the_end(self) -> None:
        async def scene() -> None:
            page = await self.open()
            self.room.start_stream()
            await asyncio.sleep(AT_ONCE)
            await self.room.grow("Two ")
            page.leave()
            await self.room.grow("cups.")
            self.room.end_stream()

            page.open()
            await asyncio.sleep(AT_ONCE)

        self.play(scene)

    def test_a_text_that_ends_while_a_page_opens_is_told_before_its_end(self) -> None:
        async def scene() -> None:
            self.room.start_stream()
            await self.room.grow("Two ")
            self.handoffs.extend([0, 0, 1, 1])
            self.come(fetch_first=False)
            await asyncio.sleep(0.5)  # the buffer is being read
            await self.room.grow("cups.")
            self.room.end_stream()
            await asyncio.sleep(2)

        self.play(scene)

    def test_a_text_that_was_over_before_a_page_came_is_not_told_to_it_for_the_sake_of_another(self) -> None:
        async def scene() -> None:
            await self.open()
            self.room.start_stream()
            await self.room.grow("Two cups.")
            self.lose_next(2)
            self.room.end_stream()
            self.room.start_stream()
            self.come()
            await asyncio.sleep(SOON)

            await self.room.grow("Yes, ")
            await self.room.grow("two.")
            self.room.end_stream()
            await asyncio.sleep(SOON)

        self.play(scene)

    def test_a_piece_that_comes_again_after_the_end_is_not_told_though_the_next_text_has_begun(self) -> None:
        async def scene() -> None:
            await self.open()
            self.room.start_stream()
            await asyncio.sleep(AT_ONCE)
            self.layer.expect([Delivery((0.0, 0.5))])
            await self.room.grow("Two cups.")
            self.room.end_stream()
            self.room.start_stream()
            await self.room.grow("Yes.")
            await asyncio.sleep(1)
            self.room.end_stream()
            await asyncio.sleep(AT_ONCE)

        self.play(scene)

    def test_a_piece_that_comes_after_a_resync_is_not_taken_for_the_beginning_of_a_text(self) -> None:
        async def scene() -> None:
            page = await self.open()
            self.room.start_stream()
            await asyncio.sleep(AT_ONCE)
            self.layer.expect([Delivery((0.3,)), LOST])
            await self.room.grow("Two cups.")
            self.room.end_stream()
            with override_settings(LIVE_KEEP_EVENTS=0):
                feeds.prune()
            self.room.write()
            await asyncio.sleep(1)

            assert page.resyncs == 1

        self.play(scene)

    def test_a_running_text_goes_on_after_a_resync(self) -> None:
        async def scene() -> None:
            page = await self.open()
            self.room.start_stream()
            await self.room.grow("Two ")
            self.lose_next(1)
            self.room.write(2)
            with override_settings(LIVE_KEEP_EVENTS=0):
                feeds.prune()
            await asyncio.sleep(SOON)
            assert page.resyncs == 1

            await self.room.grow("cups ")
            await asyncio.sleep(SOON)
            assert page.text == "Two cups "
            self.room.end_stream()
            await asyncio.sleep(AT_ONCE)

        self.play(scene)

    def test_no_exception_ends_the_sweep_or_the_watch_over_the_layer(self) -> None:
        async def scene() -> None:
            page = await self.open()
            failures = [InterfaceError, OperationalError, KeyError("a fault of ours")]
            for failure in failures:
                with mock.patch.object(feeds, "current_heads", side_effect=failure):
                    await asyncio.sleep(SWEEP_INTERVAL + 1)
            with mock.patch.object(FaultyLayer, "group_send", side_effect=AttributeError):
                current_hub()._layer.outage.failed(OSError())
                await asyncio.sleep(OUTAGE_CHECK_INTERVAL * 2)
            with mock.patch.object(FaultyLayer, "group_add", side_effect=AttributeError):
                await asyncio.sleep(SWEEP_INTERVAL + 1)

            self.lose_next(1)
            self.room.write()
            await asyncio.sleep(SWEEP_INTERVAL + 1)

            assert page.has_everything
            assert not current_hub()._layer.outage.failures

        self.play(scene)


class SlowPageTests(HubCase):
    def test_too_many_bytes_for_a_page_that_does_not_read_send_it_away(self) -> None:
        async def scene() -> None:
            with mock.patch.object(send_queue, "MAX_QUEUED_BYTES", 500):
                slow, other = await self.open(), await self.open()
                slow.stop_reading()

                self.room.write(20)
                await asyncio.sleep(0.1)

                assert other.has_everything
                slow.resume_reading()
                await asyncio.sleep(AT_ONCE)
                assert slow.closed_with == CLOSE_SLOW
                assert send_queue.SendQueue.bytes_total == 0

            slow.open()
            await asyncio.sleep(0.1)
            assert slow.has_everything

        self.play(scene)

    def test_too_many_bytes_for_all_pages_together_send_the_next_one_away(self) -> None:
        async def scene() -> None:
            with mock.patch.object(send_queue, "MAX_QUEUED_BYTES_TOTAL", 500):
                slow = await self.open()
                slow.stop_reading()

                self.room.write(20)
                await asyncio.sleep(0.1)
                slow.resume_reading()
                await asyncio.sleep(AT_ONCE)
                assert slow.closed_with == CLOSE_SLOW
                assert send_queue.SendQueue.bytes_total == 0

            slow.open()
            await asyncio.sleep(0.1)

        self.play(scene)

    def test_a_client_that_does_not_read_is_disconnected_and_others_are_not_affected(self) -> None:
        async def scene() -> None:
            slow, other = await self.open(), await self.open()

            slow.stop_reading()
            self.room.write(3)
            await asyncio.sleep(9)
            self.room.write()
            await asyncio.sleep(0.9)
            assert slow.closed_with is None
            assert other.has_everything
            await asyncio.sleep(0.2)  # 10 s in total
            slow.resume_reading()
            await asyncio.sleep(AT_ONCE)
            assert slow.closed_with == CLOSE_SLOW

            slow.open()
            await asyncio.sleep(0.1)
            assert slow.has_everything

        self.play(scene)

    def test_a_client_that_reads_again_in_time_gets_all_waiting_frames_in_order(self) -> None:
        async def scene() -> None:
            page = await self.open()

            page.stop_reading()
            self.room.write(3)
            await asyncio.sleep(9)
            page.resume_reading()
            self.room.write(3)
            await asyncio.sleep(0.01)

            assert page.has_everything
            self.room.write()
            await asyncio.sleep(AT_ONCE)

        self.play(scene)

    def test_a_long_replay_is_no_reason_to_be_sent_away(self) -> None:
        """A long replay is queued at once, though a connection accepts only a part of it at a time."""

        async def scene() -> None:
            page = await self.open()
            page.leave()
            with feeds.write(self.room.name) as feed:
                for _ in range(feeds.REPLAY_LIMIT):
                    self.room.note(feed)

            page.open(reads=False)
            await asyncio.sleep(1)
            page.resume_reading()
            await asyncio.sleep(0.1)

            assert page.closed_with is None
            assert page.has_everything

        self.play(scene)

    def test_a_client_too_far_behind_is_disconnected_even_if_that_happens_at_once(self) -> None:
        async def scene() -> None:
            page = await self.open()
            page.leave()
            self.room.write(50)

            page.open(reads=False)
            await asyncio.sleep(1)
            page.resume_reading()
            await asyncio.sleep(AT_ONCE)
            assert page.closed_with == CLOSE_SLOW

            page.open()
            await asyncio.sleep(0.1)

        with mock.patch.object(send_queue, "MAX_QUEUED_FRAMES", 20):
            self.play(scene)

    def test_a_removed_member_gets_all_earlier_events(self) -> None:
        async def scene() -> None:
            page = await self.open()

            page.stop_reading()
            self.room.write(3)
            await asyncio.sleep(AT_ONCE)
            with mock.patch.object(OpenAuthenticator, "permission_classes", [IsAuthenticated]):
                await hub.reauthorize(self.room.name)
                await asyncio.sleep(1)
            page.resume_reading()
            page.stop_reading()  # after it has read the frames that were already sent
            await asyncio.sleep(AT_ONCE)
            page.resume_reading()
            await asyncio.sleep(AT_ONCE)

            assert page.closed_with == 4401
            assert page.has_everything

        self.play(scene)

    def test_a_socket_of_a_signed_out_device_gets_no_waiting_frames(self) -> None:
        async def scene() -> None:
            page = await self.open()
            (reader,) = current_hub()._feeds[self.room.name].subscribers
            assert isinstance(reader, RoomConsumer)

            page.stop_reading()
            self.room.write(3)
            await asyncio.sleep(AT_ONCE)
            reader.on_revoked()  # as after a sign-out
            page.resume_reading()
            await asyncio.sleep(AT_ONCE)

            assert page.closed_with == CLOSE_SIGNED_OUT
            assert len(page.shown.notes) == 1, "more than what was on its way"

        self.play(scene)

    def test_a_vanished_page_takes_nothing_from_the_others(self) -> None:
        async def scene() -> None:
            pages = [await self.open() for _ in range(4)]
            pages[0].break_connection(ConnectionResetError())
            # uvicorn raises this if it has closed the connection, but the disconnect message hasn't arrived yet.
            pages[1].break_connection(RuntimeError("Unexpected ASGI message 'websocket.send', after …"))
            pages[2].break_connection(KeyError("what nobody expects"))

            self.room.write()
            await asyncio.sleep(AT_ONCE)

            assert pages[3].has_everything

        self.play(scene)


class LeavingTests(HubCase):
    def test_a_feed_nobody_listens_to_any_more_is_forgotten_and_can_be_joined_again(self) -> None:
        async def scene() -> None:
            page, other = await self.open(), await self.open()
            assert self.room.name in self.layer.groups

            page.leave()
            await asyncio.sleep(0.1)
            assert self.room.name in self.layer.groups
            other.leave()
            await asyncio.sleep(0.1)
            assert self.room.name not in self.layer.groups
            assert not current_hub()._feeds

            self.room.write()
            page.open()
            await asyncio.sleep(0.1)
            self.room.write()
            await asyncio.sleep(AT_ONCE)

        self.play(scene)

    def test_a_join_while_the_last_page_leaves_is_received(self) -> None:
        async def scene() -> None:
            await self.open()
            left = current_hub()._feeds[self.room.name]
            (reader,) = left.subscribers

            current_hub().leave(left, reader)
            joined = await current_hub().join(self.room.name, reader, feeds.head(self.room.name))
            joined.add(reader)
            await asyncio.sleep(AT_ONCE)
            self.room.write()
            await asyncio.sleep(AT_ONCE)

        self.play(scene)

    def test_a_join_while_another_page_joins_and_leaves_is_received(self) -> None:
        async def scene() -> None:
            elsewhere = Page(Room())
            elsewhere.open()  # the hub's own subscriptions are made
            await asyncio.sleep(1)
            subscribe = self.layer.group_add

            async def subscribe_slowly(group: str, channel: str) -> None:
                await asyncio.sleep(0.5)
                await subscribe(group, channel)

            with mock.patch.object(self.layer, "group_add", subscribe_slowly):
                first = Page(self.room)
                first.open()
                await asyncio.sleep(0.1)
                page = self.come()
                await asyncio.sleep(0.1)
                first.leave()
                await asyncio.sleep(2)
            elsewhere.leave()

            self.room.write()
            await asyncio.sleep(AT_ONCE)
            assert page.has_everything

        self.play(scene)
