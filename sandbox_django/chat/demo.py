"""Creates demo rooms whose conversations took place over some days."""

from datetime import timedelta

from django.utils import timezone

from accounts.demo import DemoUsers
from accounts.models import User
from chat.models import ChatMember, GroupChat
from chat.models.room import ChatRole
from chat.services.members import add_member
from chat.services.mentions import render_message
from chat.services.rooms import create_room

# For each message: its author, its age in minutes, and its text.
Talk = list[tuple[str, int, str]]

DAY = 24 * 60


def create(users: DemoUsers) -> None:
    lea = companion("lea@example.com", "Léa Martin")
    omar = companion("omar@example.com", "عمر حداد")
    cast = {"alice": users.alice, "bob": users.bob, "admin": users.admin, "lea": lea, "omar": omar}

    launch = create_room(users.alice, title="Launch week", description="Everything for the big day, and nothing else.")
    add_members(launch, users.alice, users.bob, lea, omar, users.admin)
    tea = create_room(users.alice, title="Tea corner", description="What we drink, and when.")
    add_members(tea, users.alice, users.bob, users.admin)
    books = create_room(users.bob, title="Book swap 📚")
    add_members(books, users.bob, users.alice, lea)

    talk(books, BOOKS, cast)
    talk(tea, TEA, cast)
    talk(launch, LAUNCH, cast)
    # Leaves the last messages unread for Alice.
    read = launch.messages.order_by("-pk")[3]
    ChatMember.objects.filter(group_chat=launch, user=users.alice).update(
        last_read_message_id=read.pk, last_read_number=read.number
    )


def companion(email: str, name: str) -> User:
    """Creates a user who has written messages but can't sign in, since the account has no password."""
    return User.objects.create_user(email, None, display_name=name)


def add_members(room: GroupChat, owner: User, *others: User) -> None:
    for user in others:
        role = ChatRole.ADMIN if user.is_staff else ChatRole.MEMBER
        add_member(room, user=user, by=owner, chat_role=role)


def talk(room: GroupChat, sent: Talk, cast: dict[str, User]) -> None:
    now = timezone.now()
    for number, (who, minutes, content) in enumerate(sent, start=1):
        then = now - timedelta(minutes=minutes)
        rendered = render_message(content, room)
        last = room.messages.create(
            author=cast[who],
            number=number,
            content=content,
            content_html=rendered.html,
            mentions=rendered.mentions,
            created_at=then,
            updated_at=then,
        )
    GroupChat.objects.filter(pk=room.pk).update(updated_at=then, last_number=last.number)
    room.members.update(last_read_message_id=last.pk, last_read_number=last.number)


BOOKS: Talk = [
    ("bob", 3 * DAY + 40, "I have *The Left Hand of Darkness* back. Who is next?"),
    ("lea", 3 * DAY + 35, "Me! I will bring you **Stoner** for it."),
    ("bob", 3 * DAY + 34, "Deal. It's on my desk."),
]

TEA: Talk = [
    ("alice", DAY + 95, "Green or black today?"),
    ("bob", DAY + 93, "Green. The **new box** is open, @Alice."),
    ("alice", DAY + 91, "Then four minutes, not six:\n\n- boil\n- wait a little\n- pour"),
    ("bob", DAY + 90, "🍵🍵🍵"),
    ("admin", 190, "The kettle is descaled. You are welcome."),
    ("alice", 185, "You are a hero ❤️"),
]

ONE_QUERY = """\
```python
# before: one query for each invitation
for invitation in invitations:
    notify(invitation.room.owner)

# after: one for all
for invitation in invitations.select_related("room__owner"):
    notify(invitation.room.owner)
```
"""

LAUNCH: Talk = [
    ("alice", DAY + 310, "Good morning, everybody. One week to go, so let us keep everything in here."),
    ("lea", DAY + 305, "The new front page is on staging. I would love your eyes on it, most of all on a phone."),
    ("lea", DAY + 304, "Known so far:\n\n1. The logo jumps on slow connections\n2. The footer is too proud of itself"),
    ("bob", DAY + 290, "Looks great on mine. The footer made me laugh, though 😄"),
    ("omar", DAY + 275, "صباح الخير! راجعتُ الترجمة العربية، وكل شيء يبدو ممتازًا الآن."),
    ("omar", DAY + 274, "In short: the Arabic texts are final."),
    ("alice", DAY + 270, "شكرًا @عمر حداد! One thing less."),
    ("bob", 140, "The sign-up took 900 ms yesterday. Found it: one query for each invitation."),
    ("bob", 139, ONE_QUERY),
    ("bob", 138, "Now it is 45 ms. Review, anybody?"),
    ("alice", 131, "On it. That is a lovely diff."),
    ("alice", 118, "Merged 🎉"),
    ("lea", 52, "Logo fixed: it has its size in the page now, so nothing jumps any more."),
    ("admin", 31, "Reminder: the certificate is renewed, backups were restored once *for real*. It took 11 minutes."),
    ("bob", 9, "@Alice, do you open the doors on Monday, or shall I?"),
    ("lea", 7, "I vote for Alice. With a gong."),
    ("bob", 6, "🥁"),
]
