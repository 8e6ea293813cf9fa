"""Access rules of rooms, for the tests."""

from chat.factories import ChatMemberFactory, ChatMessageFactory, GroupChatFactory
from chat.models.room import ChatRole
from test_utils.rights import SIGNED_IN, Rights, Rule, Users

MEMBERS: Rule = SIGNED_IN | {"stranger": 404, "staff": 404}
MANAGERS: Rule = MEMBERS | {"member": 403}
ROOM_OWNERS: Rule = MANAGERS | {"admin": 403}

ROOM = "api/chat/<int:group_chat_pk>/"


class ChatRights(Rights):
    routes = {
        "api/chat/": {"GET": SIGNED_IN, "POST": SIGNED_IN},
        "api/chat/<int:pk>/": {"GET": MEMBERS, "PUT": ROOM_OWNERS, "PATCH": ROOM_OWNERS, "DELETE": ROOM_OWNERS},
        "api/chat/<int:pk>/read/": {"POST": MEMBERS},
        f"{ROOM}messages/": {"GET": MEMBERS, "POST": MEMBERS},
        # The message in this route was written by the owner.
        f"{ROOM}messages/<int:pk>/": {"GET": MEMBERS, "PUT": ROOM_OWNERS, "PATCH": ROOM_OWNERS, "DELETE": MANAGERS},
        f"{ROOM}members/": {"GET": MEMBERS, "POST": MANAGERS},
        # The member in this route has no special role.
        f"{ROOM}members/<int:pk>/": {"GET": MEMBERS, "PUT": MANAGERS, "PATCH": MANAGERS, "DELETE": MANAGERS},
        f"{ROOM}members/<int:pk>/hand-over/": {"POST": ROOM_OWNERS},
    }
    sockets = {
        "ws/chat/group/": {"my rooms": SIGNED_IN},
        "ws/chat/<int:pk>/": {"room": MEMBERS},
    }

    def __init__(self, users: Users) -> None:
        self.room = GroupChatFactory.create()
        for role, chat_role in {"owner": ChatRole.OWNER, "admin": ChatRole.ADMIN, "member": ChatRole.MEMBER}.items():
            ChatMemberFactory.create(group_chat=self.room, user=users.by_role[role], chat_role=chat_role)
        self.other_member = ChatMemberFactory.create(group_chat=self.room)
        self.message = ChatMessageFactory.create(group_chat=self.room, author=users.by_role["owner"])

    def ids(self, route: str, role: str, kind: str = "") -> dict[str, object]:
        pk = self.room.pk
        if "messages/" in route:
            pk = self.message.pk
        elif "members/" in route:
            pk = self.other_member.pk
        return {"<int:group_chat_pk>": self.room.pk, "<int:pk>": pk}
