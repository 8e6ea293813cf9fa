from discussion.factories.discussion_reply import DiscussionReplyFactory
from discussion.factories.discussion_topic import DiscussionTopicFactory

__all__ = ["DiscussionReplyFactory", "DiscussionTopicFactory"]
