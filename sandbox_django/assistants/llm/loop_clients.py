"""One HTTP client per event loop, shared by all requests of the loop."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

Client = TypeVar("Client")


class LoopClients(Generic[Client]):
    """Opens a client on a loop's first request, and closes the client when the loop closes.

    With a client for each request, each answer would need a TLS handshake. A client for the whole process would fail
    in tests, the shell and workers, where several loops would use its connections.
    """

    def __init__(self, open_client: Callable[[], AbstractAsyncContextManager[Client]]) -> None:
        self._open_client = open_client
        self._clients: dict[asyncio.AbstractEventLoop, Client] = {}
        self._keepers: dict[asyncio.AbstractEventLoop, AsyncGenerator[Client, None]] = {}

    async def get(self) -> Client:
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._keepers[loop] = self._keep(loop)
            self._clients[loop] = await anext(self._keepers[loop])
        return self._clients[loop]

    async def close(self) -> None:
        """Closes this loop's client, if it has one."""
        if keeper := self._keepers.get(asyncio.get_running_loop()):
            await keeper.aclose()

    async def _keep(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[Client, None]:
        # A generator, because `asyncio.run` closes open generators at its end. So connections are also closed if the
        # loop ends without a call to `close`.
        try:
            async with self._open_client() as client:
                yield client
        finally:
            self._clients.pop(loop, None)
            self._keepers.pop(loop, None)
