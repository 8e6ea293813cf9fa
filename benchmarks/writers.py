"""Measures many writers of feeds: how long a write takes, how many succeed per second, and whether sequence numbers are
right.

Runs in its own Django process: `python -m benchmarks.writers '{…}'` prints the results as JSON.
"""

import asyncio
import json
import secrets
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import django

django.setup()

from chanx.messages.base import BaseMessage
from django.db import connections

from benchmarks.load import Result, Sizes
from benchmarks.process_metrics import spread
from live import feeds
from live.models import Feed, FeedEvent
from runtime import jobs


class NotedMessage(BaseMessage):
    """An event that is as large as a short chat message."""

    action: Literal["noted"] = "noted"
    payload: str = "It was noted that the meeting is on Thursday, and that somebody brings the cake. " * 2


def measure(sizes: Sizes) -> Result:
    result = Result()
    for writers in sizes.writers:
        hot = f"bench.{secrets.token_hex(8)}"
        write_all(result, f"{writers} writers, one feed", [hot] * writers, sizes.writes // writers)
        own = [f"bench.{secrets.token_hex(8)}" for _ in range(writers)]
        write_all(result, f"{writers} writers, own feeds", own, sizes.writes // writers)
    return result


def write_all(result: Result, name: str, names: list[str], writes: int) -> None:
    """Writes `writes` events to each of the feeds `names`. Each feed has its own thread."""
    ready = threading.Barrier(len(names) + 1)
    with ThreadPoolExecutor(len(names)) as pool:
        writers = [pool.submit(write, feed, writes, ready) for feed in names]
        ready.wait()
        started_at = time.monotonic()
        took = [duration for writer in writers for duration in writer.result()]
        lasted = time.monotonic() - started_at
    result.figures[f"{name}, ms"] = spread(took)
    result.figures[f"{name}, writes/s"] = [len(took) / lasted]
    for feed in set(names):
        result.problems += wrong_numbers(feed, names.count(feed) * (writes + 1))


def write(feed: str, writes: int, ready: threading.Barrier) -> list[float]:
    took = []
    try:
        once(feed)  # opens the connection
        ready.wait()
        for _ in range(writes):
            started_at = time.monotonic()
            once(feed)
            took.append((time.monotonic() - started_at) * 1000)
    finally:
        connections.close_all()
    return took


def once(feed: str) -> None:
    with feeds.write(feed) as writer:
        writer.publish(NotedMessage())


def wrong_numbers(name: str, expected: int) -> list[str]:
    feed = Feed.objects.get(name=name)
    numbers = list(FeedEvent.objects.filter(feed=feed).order_by("pk").values_list("seq", flat=True))
    if feed.head == expected and numbers == list(range(1, expected + 1)):
        return []
    return [f"{name}: {len(numbers)} events of {expected}, head {feed.head}, or not in the order of their rows"]


async def serve(sizes: Sizes) -> Result:
    jobs.set_server_loop()  # an event loop sends the events, as in the server
    result = await asyncio.to_thread(measure, sizes)
    await jobs.drain(5)
    return result


if __name__ == "__main__":
    print(json.dumps(asyncio.run(serve(Sizes(**json.loads(sys.argv[1])))).as_json()))
