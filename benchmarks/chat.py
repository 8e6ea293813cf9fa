"""A chat room with many members, each of them a person of their own: how soon does the last one have a message?"""

from benchmarks.doors import Door, Place
from benchmarks.load import Result, Sizes, Target
from benchmarks.room import Listeners, measure_listeners


class Members(Listeners):
    words = "content"
    is_rewritten = False

    async def cause(self, door: Door, place: Place, words: str) -> None:
        await door.say(place, words)


async def measure(target: Target, sizes: Sizes) -> Result:
    async with target.door() as door:
        members = Members(target, door, await door.members_of_a_room(sizes.sockets))
        return await measure_listeners(members, target, sizes)
