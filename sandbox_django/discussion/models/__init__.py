from discussion.models.notification import Notification
from discussion.models.reply import DiscussionReply
from discussion.models.topic import DiscussionTopic, Tag
from discussion.models.traces import ReplyEdit, ReplyVote, TopicEdit, TopicView, TopicVote

__all__ = [
    "DiscussionReply",
    "DiscussionTopic",
    "Notification",
    "ReplyEdit",
    "ReplyVote",
    "Tag",
    "TopicEdit",
    "TopicView",
    "TopicVote",
]
