"""Creates a chat room with many members: `python -m benchmarks.members 1000` prints its id and their tokens as JSON.

This runs in its own Django process. Registering a thousand users through the API would take minutes, since hashing
passwords is slow on purpose.
"""

import json
import secrets
import sys

import django

django.setup()

from accounts.models import SignIn, User
from accounts.tokens import issue_tokens
from chat.models import ChatMember
from chat.services.rooms import create_room


def main(count: int) -> None:
    run = secrets.token_hex(4)
    users = User.objects.bulk_create(
        User(email=f"member{number}.{run}@example.com", display_name=f"Member {number}") for number in range(count)
    )
    room = create_room(users[0], title="All members")
    ChatMember.objects.bulk_create(ChatMember(group_chat=room, user=user) for user in users[1:])
    tokens = [str(issue_tokens(SignIn.objects.create(user=user)).access_token) for user in users]
    print(json.dumps({"room": room.pk, "tokens": tokens}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
