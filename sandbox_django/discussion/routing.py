from channels.routing import URLRouter
from chanx.channels.routing import path

from discussion.consumers.inbox_consumer import InboxConsumer
from discussion.consumers.list_consumer import TopicListConsumer
from discussion.consumers.topic_consumer import TopicConsumer

router = URLRouter(
    [
        path("", TopicListConsumer.as_asgi()),
        path("inbox/", InboxConsumer.as_asgi()),
        path("<int:pk>/", TopicConsumer.as_asgi()),
    ]
)
