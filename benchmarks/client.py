"""The load client, which runs in its own process and prints its results as JSON: `python -m benchmarks.client answers
'{"target": …, "sizes": …}'`.
"""

import gc
import json
import sys

import uvloop

from benchmarks import answers, chat, pages, room
from benchmarks.load import Sizes, Target

LOADS = {"answers": answers.measure, "room": room.measure, "chat": chat.measure, "pages": pages.measure}


def main(load: str, sent: str) -> None:
    gc.disable()  # a collection takes some 40 ms, which would count as the server's delay
    given = json.loads(sent)
    result = uvloop.run(LOADS[load](Target(**given["target"]), Sizes(**given["sizes"])))
    print(json.dumps(result.as_json()))


if __name__ == "__main__":
    main(*sys.argv[1:])
