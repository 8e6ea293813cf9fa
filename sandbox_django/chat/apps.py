from importlib import import_module

from core.features import Feature, HomeItem, NavigationItem, SocketDocs


class ChatConfig(Feature):
    name = "chat"
    verbose_name = "Group chat"
    prefix = "chat"
    navigation = NavigationItem(label="Chat", url_name="chat-home", icon="core/icons/chat.html", position=1)
    home = HomeItem(title="Group chat", text="Rooms for the people you invite. Catch up on everything you missed.")
    api_tags = {
        "Rooms": "Group chat: the rooms that I am in.",
        "Room messages": "The messages of a room.",
        "Room members": "The members of a room, and their roles.",
    }
    path_parameters = {
        "chat": ("roomId", "A room that I am in."),
        "messages": ("messageId", "A message."),
        "members": ("memberId", "A member, by the `id` of the membership; `userId` is the user's."),
    }
    enum_names = {"RoomRole": "chat.models.room.ChatRole"}
    sockets = {
        "room": SocketDocs(
            id_description="Id of the room, a number.", id_example="42", closing_codes=frozenset({1013, 4403, 4404})
        )
    }

    def ready(self) -> None:
        super().ready()
        for module in ("chat.openapi", "chat.receivers"):
            import_module(module)
