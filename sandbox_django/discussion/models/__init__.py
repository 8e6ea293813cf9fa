from discussion.models.edits import ReplyEdit, TopicEdit
from discussion.models.notification import Notification
from discussion.models.reply import DiscussionReply
from discussion.models.topic import DiscussionTopic, Tag
from discussion.models.views import TopicView
from discussion.models.votes import ReplyVote, TopicVote

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
