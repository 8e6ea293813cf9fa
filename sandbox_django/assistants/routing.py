from channels.routing import URLRouter
from chanx.channels.routing import path

from assistants.consumers.conversation_consumer import ConversationAssistantConsumer

router = URLRouter([path("<uuid:pk>/", ConversationAssistantConsumer.as_asgi())])
