"""Measures a chat room with many members, each with their own account: how soon has every member received a message?"""

from benchmarks.clients import Client, Place
from benchmarks.load import Result, Sizes, Target
from benchmarks.room import Listeners, measure_listeners


class Members(Listeners):
    words = "content"
    is_rewritten = False

    async def trigger(self, client: Client, place: Place, words: str) -> None:
        await client.post_message(place, words)


async def measure(target: Target, sizes: Sizes) -> Result:
    async with target.client() as client:
        members = Members(target, client, await client.members_of_a_room(sizes.sockets))
        return await measure_listeners(members, target, sizes)
