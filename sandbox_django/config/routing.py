from channels.routing import URLRouter
from chanx.channels.routing import include, path

router = URLRouter(
    [
        path("ws/assistants/", include("assistants.routing")),
        path("ws/chat/", include("chat.routing")),
        path("ws/discussion/", include("discussion.routing")),
    ]
)
