"""The load, in a process of its own: `python -m benchmarks.client answers '{"target": …, "sizes": …}'` prints JSON."""

import json
import sys

import uvloop

from benchmarks import answers, chat, room
from benchmarks.load import Sizes, Target

LOADS = {"answers": answers.measure, "room": room.measure, "chat": chat.measure}


def main(load: str, told: str) -> None:
    given = json.loads(told)
    result = uvloop.run(LOADS[load](Target(**given["target"]), Sizes(**given["sizes"])))
    print(json.dumps(result.as_json()))


if __name__ == "__main__":
    main(*sys.argv[1:])
