from django.urls import path

from discussion.views import inbox_views as inbox
from discussion.views import reply_views as replies
from discussion.views import topic_views as topics

REPLY = "<int:topic_pk>/replies/<int:pk>"

urlpatterns = [
    path("", topics.TopicListView.as_view(), name="discussion-topic-list"),
    path("tags/", topics.TagListView.as_view(), name="discussion-tag-list"),
    path("similar/", topics.SimilarView.as_view(), name="discussion-similar"),
    path("preview/", topics.PreviewView.as_view(), name="discussion-preview"),
    path("inbox/", inbox.NotificationListView.as_view(), name="discussion-inbox"),
    path("inbox/unread/", inbox.UnreadView.as_view(), name="discussion-inbox-unread"),
    path("inbox/read/", inbox.MarkReadView.as_view(), name="discussion-inbox-read"),
    path("<int:pk>/", topics.TopicDetailView.as_view(), name="discussion-topic-detail"),
    path("<int:pk>/vote/", topics.TopicVoteView.as_view(), name="discussion-topic-vote-on-topic"),
    path("<int:pk>/accept-answer/", topics.AcceptAnswerView.as_view(), name="discussion-topic-accept-answer"),
    path("<int:pk>/unaccept-answer/", topics.UnacceptAnswerView.as_view(), name="discussion-topic-unaccept-answer"),
    path("<int:pk>/close/", topics.CloseView.as_view(), name="discussion-topic-close"),
    path("<int:pk>/reopen/", topics.ReopenView.as_view(), name="discussion-topic-reopen"),
    path("<int:pk>/pin/", topics.PinView.as_view(), name="discussion-topic-pin"),
    path("<int:pk>/unpin/", topics.UnpinView.as_view(), name="discussion-topic-unpin"),
    path("<int:pk>/edits/", topics.TopicEditsView.as_view(), name="discussion-topic-edits"),
    path("<int:topic_pk>/replies/", replies.ReplyListView.as_view(), name="discussion-reply-list"),
    path(f"{REPLY}/", replies.ReplyDetailView.as_view(), name="discussion-reply-detail"),
    path(f"{REPLY}/vote/", replies.ReplyVoteView.as_view(), name="discussion-reply-vote-on-reply"),
    path(f"{REPLY}/edits/", replies.ReplyEditsView.as_view(), name="discussion-reply-edits"),
]
