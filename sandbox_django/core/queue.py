"""Queues jobs for workers in a Redis stream, which keeps a job until it is acknowledged.

See docs/decisions/0012-workers.md.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from functools import cache, partial
from typing import Any, TypeAlias, cast

import structlog
from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from taskiq import AckableMessage, BrokerMessage
from taskiq.acks import AcknowledgeType
from taskiq.exceptions import SendTaskError
from taskiq.kicker import AsyncKicker
from taskiq.receiver import Receiver
from taskiq_redis import RedisStreamBroker

from live.layers import LAYER_DOWN, RedisLayer, live_layer
from live.redis_pool import redis_pool
from runtime import jobs

logger = structlog.get_logger(__name__)

Job: TypeAlias = Callable[..., Coroutine[Any, Any, None]]

STREAM = "sandbox:jobs"
GROUP = "workers"
BATCH = 10  # messages per read; other workers can't take messages that were read
BLOCK_MS = 1000  # how long a read waits; after that, an idle worker checks for jobs of dead workers
HEARTBEAT_INTERVAL = 2.0  # seconds between two heartbeats for running jobs
DEAD_AFTER_MS = 6000  # without a heartbeat for this time, a job is given to another worker
RETRY_DELAY = 0.5  # seconds between two attempts while Redis is down
PUT_TIMEOUT = 2.0  # seconds; limits the wait if Redis hangs
MAX_LISTED = 10_000  # jobs that `queued_args` reads at most
PAGE = 1000  # jobs in one read


class JobBroker(RedisStreamBroker):
    """taskiq's stream broker, extended to survive Redis outages and to distinguish long jobs from dead workers."""

    def __init__(self, url: str) -> None:
        super().__init__(
            url,
            queue_name=STREAM,
            consumer_group_name=GROUP,
            consumer_id="0",  # includes jobs put before the first worker started
        )
        self.connection_pool = redis_pool(url, max_connections=16, timeout=20)
        self._in_progress: set[bytes] = set()

    async def kick(self, message: BrokerMessage) -> None:
        # Uses the connections of the running loop, because a shell or a test has another loop than the server.
        await cast("RedisLayer", live_layer()).connection().xadd(STREAM, {"data": message.message})

    async def listen(self) -> AsyncGenerator[AckableMessage, None]:
        heartbeat_task = asyncio.create_task(self._send_heartbeats())
        try:
            while not _is_cancelling():
                try:
                    for message_id, data in await self._read():
                        self._in_progress.add(message_id)
                        yield AckableMessage(data=data, ack=partial(self._acknowledge, message_id))
                except LAYER_DOWN as failure:
                    await self._recover(failure)
        finally:
            heartbeat_task.cancel()

    async def _read(self) -> list[tuple[bytes, bytes]]:
        redis = self._redis()
        fresh = await redis.xreadgroup(GROUP, self.consumer_name, {STREAM: ">"}, count=BATCH, block=BLOCK_MS)
        entries = [entry for _, found in _pairs(fresh) for entry in found]
        if not entries:
            claimed = await redis.xautoclaim(STREAM, GROUP, self.consumer_name, DEAD_AFTER_MS, count=BATCH)
            entries = claimed[1]
        return [(message_id, fields[b"data"]) for message_id, fields in entries if b"data" in fields]

    async def _recover(self, failure: Exception) -> None:
        """Waits, then creates the consumer group again, because Redis may have lost it."""
        if not isinstance(failure, ResponseError):
            logger.warning("queue_unreachable", error=type(failure).__name__)
        await asyncio.sleep(RETRY_DELAY)
        try:
            await self._declare_consumer_group()
        except LAYER_DOWN:
            return  # the next read raises the error again

    async def _send_heartbeats(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_INTERVAL)
            if self._in_progress:
                try:
                    await self._redis().xclaim(
                        STREAM, GROUP, self.consumer_name, 0, list(self._in_progress), justid=True
                    )
                except LAYER_DOWN as failure:
                    logger.warning("queue_unreachable", error=type(failure).__name__, held=len(self._in_progress))
                except Exception:  # without heartbeats, other workers would take over this worker's jobs
                    logger.exception("queue_heartbeat_failed", held=len(self._in_progress))

    async def _acknowledge(self, message_id: bytes) -> None:
        self._in_progress.discard(message_id)
        try:
            async with self._redis().pipeline(transaction=True) as pipe:
                pipe.xack(STREAM, GROUP, message_id)
                pipe.xdel(STREAM, message_id)  # so that the stream contains only unfinished jobs
                await pipe.execute()
        except LAYER_DOWN as failure:
            # The job is delivered again, to a worker that finds its work done.
            logger.warning("job_not_acknowledged", error=type(failure).__name__)

    def _redis(self) -> Redis:
        return Redis(connection_pool=self.connection_pool)


def _is_cancelling() -> bool:
    # If the connection breaks during a read, redis-py may suppress a cancellation, and the loop would not end.
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _pairs(answer: Any) -> Any:
    # Redis' newer protocol returns a mapping, and the older protocol returns pairs.
    return answer.items() if isinstance(answer, dict) else answer or ()


@cache
def _broker() -> JobBroker:
    return JobBroker(settings.REDIS_URL)


def put(job: Job, *args: Any) -> None:
    """Queues a job for a worker, or starts it in this process if there is no queue.

    It can be called in any thread. The arguments must be numbers or strings.
    """
    jobs.start(_put, job, *args)


async def _put(job: Job, *args: Any) -> None:
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    kicker: AsyncKicker[Any, Any] = AsyncKicker(name_of(job), _broker(), {})
    try:
        async with asyncio.timeout(PUT_TIMEOUT):
            await kicker.kiq(*args, request_id=request_id)
    except (SendTaskError, TimeoutError) as failure:
        logger.warning("job_not_queued", job=job.__name__, error=type(failure.__cause__ or failure).__name__)
        await job(*args)


async def work(jobs: Sequence[Job], *, until: asyncio.Event, at_once: int, grace: float) -> None:
    """Runs queued jobs, at most `at_once` at a time, until the event `until` is set.

    Then, it waits up to `grace` seconds for the running jobs.
    """
    broker = _broker()
    for job in jobs:
        broker.register_task(_task_of(job), task_name=name_of(job))
    receiver = Receiver(
        broker,
        max_async_tasks=at_once,
        validate_params=False,
        ack_type=AcknowledgeType.WHEN_EXECUTED,
        wait_tasks_timeout=grace,
    )
    await receiver.listen(until)


async def close_broker() -> None:
    await _broker().shutdown()


def _task_of(job: Job) -> Job:
    async def task(*args: Any, request_id: str) -> None:
        await jobs.finish(job, *args, request_id=request_id)

    return task


def name_of(job: Job) -> str:
    return f"{job.__module__}.{job.__name__}"


async def queued_args(job: Job) -> set[tuple[Any, ...]] | None:
    """Returns the arguments of all waiting and running calls of this job; None if the queue is too long to list."""
    # Any, because redis-py's types assume decoded text, and this client returns bytes.
    redis: Any = cast("RedisLayer", live_layer()).connection()
    found: set[tuple[Any, ...]] = set()
    listed, after = 0, "-"
    while entries := await redis.xrange(STREAM, min=after, count=PAGE):
        listed += len(entries)
        if listed > MAX_LISTED:
            return None
        for _, fields in entries:
            message = _broker().formatter.loads(fields[b"data"])
            if message.task_name == name_of(job):
                found.add(tuple(message.args))
        after = f"({entries[-1][0].decode()}"
    return found
