from channels.routing import URLRouter
from chanx.channels.routing import path

from chat.consumers.chat_detail import ChatDetailConsumer
from chat.consumers.group import GroupChatConsumer

router = URLRouter(
    [
        path("group/", GroupChatConsumer.as_asgi()),
        path("<int:pk>/", ChatDetailConsumer.as_asgi()),
    ]
)
