"""The OpenAPI descriptions of group chat."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction

from chat.permissions import MayNotAddMembers, MayNotDelete, NotAuthor, NotManager, NotOwner, OwnerProtected
from chat.services.members import LastOwner, MayNotTransfer
from core.openapi import ITSELF, Operation, describe


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

MESSAGES = f"{settings.CHAT_MESSAGES_PER_MINUTE} messages, edits and deletions in a minute, in all rooms"
ROOM_CHANGES = "120 in an hour"
MEMBER_CHANGES = "200 in an hour"

describe(
    {
        "GET /api/chat/": Operation(
            id="listRooms",
            tag="Rooms",
            summary="The rooms I am in",
            description="Most recently active first.",
        ),
        "POST /api/chat/": Operation(
            id="createRoom", tag="Rooms", summary="Open a room", description="Its owner is me.", limit="100 in an hour"
        ),
        "GET /api/chat/{roomId}/": Operation(id="getRoom", tag="Rooms", summary="One of my rooms"),
        "PUT /api/chat/{roomId}/": Operation(
            id="replaceRoom",
            tag="Rooms",
            summary="Change a room's title and description",
            refusals=(NotOwner,),
            limit=ROOM_CHANGES,
        ),
        "PATCH /api/chat/{roomId}/": Operation(
            id="updateRoom",
            tag="Rooms",
            summary="Change a room's title or description",
            refusals=(NotOwner,),
            limit=ROOM_CHANGES,
        ),
        "DELETE /api/chat/{roomId}/": Operation(
            id="deleteRoom",
            tag="Rooms",
            summary="Delete a room with its messages",
            description="Its sockets are closed with 4404.",
            refusals=(NotOwner,),
            limit=ROOM_CHANGES,
        ),
        "POST /api/chat/{roomId}/read/": Operation(
            id="markRoomRead",
            tag="Rooms",
            summary="Say how far I have read",
            description="Returns the last read message: the position never moves backward.",
        ),
        "GET /api/chat/{roomId}/messages/": Operation(
            id="listRoomMessages",
            tag="Room messages",
            summary="List messages",
            description="Newest first, and with `after` ascending. Deleted messages are included without text. "
            "Use only one of `before`, `after` and `offset`. Without a trigram index `search` "
            "compares the newest 50,000 messages, or those before `before`.",
            limit="120 searches in a minute",
        ),
        "POST /api/chat/{roomId}/messages/": Operation(
            id="sendRoomMessage",
            tag="Room messages",
            summary="Say something",
            description="Markdown. An @ and a member's name mentions them.",
            limit=MESSAGES,
        ),
        "GET /api/chat/{roomId}/messages/{messageId}/": Operation(
            id="getRoomMessage", tag="Room messages", summary="One message"
        ),
        "PUT /api/chat/{roomId}/messages/{messageId}/": Operation(
            id="replaceRoomMessage",
            tag="Room messages",
            summary="Edit one of my messages",
            refusals=(NotAuthor,),
            limit=MESSAGES,
        ),
        "PATCH /api/chat/{roomId}/messages/{messageId}/": Operation(
            id="updateRoomMessage",
            tag="Room messages",
            summary="Edit one of my messages",
            refusals=(NotAuthor,),
            limit=MESSAGES,
        ),
        "DELETE /api/chat/{roomId}/messages/{messageId}/": Operation(
            id="deleteRoomMessage",
            tag="Room messages",
            summary="Delete a message",
            description="Mine, or any if I am an owner or admin.",
            refusals=(MayNotDelete,),
            limit=MESSAGES,
        ),
        "GET /api/chat/{roomId}/members/": Operation(
            id="listRoomMembers", tag="Room members", summary="List members", description="The owners first."
        ),
        "POST /api/chat/{roomId}/members/": Operation(
            id="addRoomMember",
            tag="Room members",
            summary="Add a member by e-mail",
            description="`chatRole` is a member's by default. Users can't give a role above their own.",
            refusals=(MayNotAddMembers,),
            limit="200 in an hour",
        ),
        "GET /api/chat/{roomId}/members/{memberId}/": Operation(
            id="getRoomMember", tag="Room members", summary="Get a member"
        ),
        "PUT /api/chat/{roomId}/members/{memberId}/": Operation(
            id="replaceRoomMember",
            tag="Room members",
            summary="Change a member's role",
            refusals=(NotManager, OwnerProtected, LastOwner),
            limit=MEMBER_CHANGES,
        ),
        "PATCH /api/chat/{roomId}/members/{memberId}/": Operation(
            id="updateRoomMember",
            tag="Room members",
            summary="Change a member's role",
            refusals=(NotManager, OwnerProtected, LastOwner),
            limit=MEMBER_CHANGES,
        ),
        "DELETE /api/chat/{roomId}/members/{memberId}/": Operation(
            id="removeRoomMember",
            tag="Room members",
            summary="Remove a member, or leave",
            description="Removing oneself is leaving. The messages stay.",
            refusals=(NotManager, OwnerProtected, LastOwner),
            limit=MEMBER_CHANGES,
        ),
        "POST /api/chat/{roomId}/members/{memberId}/hand-over/": Operation(
            id="handOverRoom",
            tag="Room members",
            summary="Transfer ownership to a member",
            description="I stay as an admin.",
            refusals=(MayNotTransfer,),
            limit=MEMBER_CHANGES,
        ),
    },
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
