"""Describes the API of group chat in the OpenAPI document."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction

from core.openapi import ITSELF, describe


class UserFieldExtension(OpenApiSerializerFieldExtension):
    target_class = "chat.serializers.member.UserField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        if direction == "request":
            return {"type": "string", "format": "email", "description": "The e-mail of a user."}
        description = "To oneself and to those who manage the room their e-mail, to others their name."
        return {"type": "string", "description": description}


SENDER = {"id": 12, "user": "Bob", "displayName": "Bob", "chatRole": 2003, "userId": 8}
MEMBER = {**SENDER, "lastReadMessageId": 311}
MESSAGE = {
    "id": 312,
    "number": 41,
    "isMine": False,
    "sender": SENDER,
    "senderName": "Bob",
    "userId": 8,
    "content": "Lunch at *one*, @Alice?",
    "contentHtml": "<p>Lunch at <em>one</em>, @Alice?</p>",
    "mentions": [7],
    "createdAt": "2026-11-20T09:30:00Z",
    "formattedTime": "20 Nov 2026, 09:30",
    "updatedAt": "2026-11-20T09:30:00Z",
    "isEdited": False,
    "isDeleted": False,
}
ROOM = {
    "id": 3,
    "title": "Lunch",
    "description": "Where, and when.",
    "memberCount": 2,
    "unreadCount": 1,
    "lastReadMessageId": 311,
    "lastNumber": 41,
    "lastReadNumber": 40,
    "lastMessage": {"userId": 8, "senderName": "Bob", "words": "Lunch at one, @Alice?", "isDeleted": False},
    "updatedAt": "2026-11-20T09:30:00Z",
}


describe(
    {
        "Room": ROOM,
        "createRoom.Room": {
            **ROOM,
            "memberCount": 1,
            "unreadCount": 0,
            "lastReadMessageId": 0,
            "lastNumber": 0,
            "lastReadNumber": 0,
            "lastMessage": None,
        },
        "RoomRequest": {"title": "Lunch", "description": "Where, and when."},
        "PatchedRoomRequest": {"description": "Where, when, and who pays."},
        "LastRead": {"messageId": 312},
        "LastReadRequest": {"messageId": 312},
        "ChatMessage": MESSAGE,
        "sendRoomMessage.ChatMessage": {**MESSAGE, "isMine": True},
        "ChatMessageRequest": {"content": "Lunch at *one*, @Alice?"},
        "PatchedChatMessageRequest": {"content": "Lunch at *two*, @Alice?"},
        "Member": MEMBER,
        "addRoomMember.Member": {**MEMBER, "user": "bob@example.com", "lastReadMessageId": 0},
        "MemberRequest": {"user": "bob@example.com", "chatRole": 2003},
        "RoleRequest": {"chatRole": 2002},
        "PatchedRoleRequest": {"chatRole": 2002},
    },
    {
        "ChatMessage": {
            "number": "Its number within the room: 1, 2, 3 …, without gaps.",
            "isMine": "Whether the current user wrote it.",
            "userId": "The author's user id; null if the account was deleted.",
            "content": "The text, as Markdown; empty if the message was deleted.",
            "mentions": "User ids of the members whom it mentions.",
            "formattedTime": "`createdAt` as the pages show it.",
            "updatedAt": "When it was last edited or deleted.",
            "isDeleted": "Whether it was deleted; its row stays in the list.",
        },
        "LastMessage": {
            "userId": "The author's user id; null if the account was deleted.",
            "words": "The start of the text, without markup.",
            "isDeleted": "Whether it was deleted.",
        },
        "LastRead": {
            ITSELF: "the last message that you have read",
            "messageId": "The id of the last message that you have read.",
        },
        "Member": {
            "id": "The membership's id.",
            "displayName": "The user's name.",
            "chatRole": "The member's role.",
            "userId": "The user's id.",
            "lastReadMessageId": "The last message that the member has read; 0 for none.",
        },
        "Role": {"chatRole": "The member's new role."},
        "Sender": {
            "id": "The membership's id.",
            "displayName": "The user's name.",
            "chatRole": "The member's role.",
            "userId": "The user's id.",
        },
        "Room": {
            "title": "The room's name.",
            "description": "The room's description.",
            "memberCount": "How many members it has.",
            "lastMessage": "The newest message; null if there is none.",
            "updatedAt": "When something last happened in the room.",
        },
    },
)
