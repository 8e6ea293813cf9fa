from importlib import import_module

from core.features import Feature, HomeItem, NavigationItem, SocketDocs


class DiscussionConfig(Feature):
    name = "discussion"
    verbose_name = "Discussion"
    prefix = "discussion"
    navigation = NavigationItem(
        label="Discussion",
        url_name="discussion-home",
        icon="core/icons/discuss.html",
        position=3,
        badge="discussion/_unread_count.html",
    )
    home = HomeItem(
        title="A forum", text="Ask questions, vote for the best answers. Votes and replies appear while you read."
    )
    api_tags = {
        "Topics": "The forum's questions and discussions.",
        "Replies": "Replies to a topic.",
        "Inbox": "Replies to my topics, mentions, accepted answers.",
    }
    path_parameters = {
        "discussion": ("topicId", "A topic."),
        "replies": ("replyId", "A reply to this topic."),
    }
    enum_names = {
        "NotificationKind": "discussion.models.notification.Kind",
        "VoteEnum": "discussion.serializers.topic.VoteValue",
    }
    sockets = {
        "topic": SocketDocs(
            id_description="Id of the topic, a number.", id_example="42", closing_codes=frozenset({4404})
        )
    }

    def ready(self) -> None:
        super().ready()
        for module in ("discussion.openapi", "discussion.receivers"):
            import_module(module)
