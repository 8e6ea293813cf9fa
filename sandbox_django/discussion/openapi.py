"""The OpenAPI descriptions of the forum."""

from django.conf import settings

from core.openapi import ITSELF, Operation, describe
from discussion.permissions import NotAuthor, NotStaff, NotTopicAuthor, OwnPost
from discussion.services.answers import OwnReply
from discussion.services.replies import TopicClosed
from discussion.services.topics import HasReplies

POSTS = f"{settings.DISCUSSION_POSTS_PER_HOUR} topics and replies in an hour"
VOTES = f"{settings.DISCUSSION_VOTES_PER_MINUTE} votes in a minute"
CHANGES = "120 changes in an hour"
VOTING = "One vote per user, which can be changed; 0 takes it back."

TOPIC = {
    "id": 5,
    "title": "How do I keep bread fresh?",
    "content": "Mine is hard after a **day**.",
    "contentHtml": "<p>Mine is hard after a <strong>day</strong>.</p>",
    "mentions": [],
    "author": {"id": 7, "displayName": "Alice"},
    "tags": ["bread", "kitchen"],
    "voteCount": 2,
    "replyCount": 1,
    "viewCount": 31,
    "hasAcceptedAnswer": True,
    "isClosed": False,
    "isPinned": False,
    "createdAt": "2026-11-20T09:30:00Z",
    "formattedCreatedAt": "20 Nov 2026, 09:30",
    "lastActivityAt": "2026-11-20T10:02:00Z",
    "isEdited": False,
    "editedAt": None,
    "myVote": 0,
    "canEdit": False,
}
REPLY = {
    "id": 9,
    "topicId": 5,
    "content": "In a bag of cloth, cut side down.",
    "contentHtml": "<p>In a bag of cloth, cut side down.</p>",
    "mentions": [],
    "author": {"id": 8, "displayName": "Bob"},
    "voteCount": 3,
    "isAccepted": True,
    "createdAt": "2026-11-20T10:02:00Z",
    "formattedCreatedAt": "20 Nov 2026, 10:02",
    "isEdited": False,
    "editedAt": None,
    "myVote": 1,
    "canEdit": False,
    "canAccept": False,
}
NOTIFICATION = {
    "id": 77,
    "kind": "reply",
    "topicId": 5,
    "topicTitle": TOPIC["title"],
    "replyId": 9,
    "actor": {"id": 8, "displayName": "Bob"},
    "isRead": False,
    "createdAt": "2026-11-20T10:02:00Z",
    "formattedCreatedAt": "20 Nov 2026, 10:02",
}
EDIT = {
    "id": 2,
    "editor": {"id": 7, "displayName": "Alice"},
    "content": "Mine is hard after an hour.",
    "createdAt": "2026-11-20T09:35:00Z",
    "formattedCreatedAt": "20 Nov 2026, 09:35",
}
TOPIC_REQUEST = {"title": TOPIC["title"], "content": TOPIC["content"], "tags": ["bread", "kitchen"]}


def moderate(verb: str, summary: str) -> dict[str, Operation]:
    path = f"POST /api/discussion/{{topicId}}/{verb}/"
    return {path: Operation(id=f"{verb}Topic", tag="Topics", summary=summary, refusals=(NotStaff,))}


describe(
    {
        "GET /api/discussion/": Operation(
            id="listTopics",
            tag="Topics",
            summary="List topics",
            description="Pinned topics come first, unless something is searched for. `count` is exact up to 10,000.",
            limit="120 searches in a minute",
        ),
        "POST /api/discussion/": Operation(
            id="createTopic", tag="Topics", summary="Ask, or begin a discussion", description="Markdown.", limit=POSTS
        ),
        "GET /api/discussion/{topicId}/": Operation(
            id="getTopic",
            tag="Topics",
            summary="A topic and its first hundred replies",
            description="`listReplies` has all of them. Reading counts as a view, once per user and day.",
        ),
        "PUT /api/discussion/{topicId}/": Operation(
            id="replaceTopic",
            tag="Topics",
            summary="Edit a topic",
            description="The earlier version stays readable. Without `tags` they are not changed.",
            refusals=(NotAuthor,),
            limit=CHANGES,
        ),
        "PATCH /api/discussion/{topicId}/": Operation(
            id="updateTopic",
            tag="Topics",
            summary="Edit some of a topic",
            description="The earlier version stays readable.",
            refusals=(NotAuthor,),
            limit=CHANGES,
        ),
        "DELETE /api/discussion/{topicId}/": Operation(
            id="deleteTopic",
            tag="Topics",
            summary="Delete a topic",
            description="Allowed for its author while no other user has replied, and for staff.",
            refusals=(NotAuthor, HasReplies),
            limit=CHANGES,
        ),
        "GET /api/discussion/{topicId}/edits/": Operation(
            id="listTopicEdits",
            tag="Topics",
            summary="List earlier versions of a topic",
            description="The newest first.",
        ),
        "POST /api/discussion/{topicId}/vote/": Operation(
            id="voteOnTopic",
            tag="Topics",
            summary="Vote on a topic",
            description=VOTING,
            refusals=(OwnPost,),
            limit=VOTES,
        ),
        "POST /api/discussion/{topicId}/accept-answer/": Operation(
            id="acceptAnswer",
            tag="Topics",
            summary="Take a reply for the answer",
            description="In place of the one that was, if there was one.",
            refusals=(NotTopicAuthor, OwnReply),
            limit=CHANGES,
        ),
        "POST /api/discussion/{topicId}/unaccept-answer/": Operation(
            id="unacceptAnswer",
            tag="Topics",
            summary="Take none of the replies for the answer",
            refusals=(NotTopicAuthor,),
            limit=CHANGES,
        ),
        **moderate("close", "Take no more replies to a topic"),
        **moderate("reopen", "Take replies to a topic again"),
        **moderate("pin", "Put a topic on top of the list"),
        **moderate("unpin", "Put a topic back where it belongs"),
        "GET /api/discussion/tags/": Operation(
            id="listTags",
            tag="Topics",
            summary="Tags that topics have",
            description="Those of most topics first.",
        ),
        "GET /api/discussion/similar/": Operation(
            id="findSimilarTopics",
            tag="Topics",
            summary="Topics that may be about the same",
            description="For a title that is being typed.",
            limit="120 searches in a minute",
        ),
        "POST /api/discussion/preview/": Operation(
            id="previewMarkdown", tag="Topics", summary="See Markdown as it will look", limit="60 in a minute"
        ),
        "GET /api/discussion/{topicId}/replies/": Operation(
            id="listReplies",
            tag="Replies",
            summary="List replies",
            description="By votes, then age.",
        ),
        "POST /api/discussion/{topicId}/replies/": Operation(
            id="createReply",
            tag="Replies",
            summary="Reply to a topic",
            description="Markdown.",
            refusals=(TopicClosed,),
            limit=POSTS,
        ),
        "GET /api/discussion/{topicId}/replies/{replyId}/": Operation(
            id="getReply", tag="Replies", summary="One reply"
        ),
        "PUT /api/discussion/{topicId}/replies/{replyId}/": Operation(
            id="replaceReply", tag="Replies", summary="Edit a reply", refusals=(NotAuthor,), limit=CHANGES
        ),
        "PATCH /api/discussion/{topicId}/replies/{replyId}/": Operation(
            id="updateReply", tag="Replies", summary="Edit a reply", refusals=(NotAuthor,), limit=CHANGES
        ),
        "DELETE /api/discussion/{topicId}/replies/{replyId}/": Operation(
            id="deleteReply", tag="Replies", summary="Delete a reply", refusals=(NotAuthor,), limit=CHANGES
        ),
        "GET /api/discussion/{topicId}/replies/{replyId}/edits/": Operation(
            id="listReplyEdits",
            tag="Replies",
            summary="List earlier versions of a reply",
            description="The newest first.",
        ),
        "POST /api/discussion/{topicId}/replies/{replyId}/vote/": Operation(
            id="voteOnReply",
            tag="Replies",
            summary="Vote on a reply",
            description=VOTING,
            refusals=(OwnPost,),
            limit=VOTES,
        ),
        "GET /api/discussion/inbox/": Operation(
            id="listNotifications", tag="Inbox", summary="List notifications", description="The newest first."
        ),
        "GET /api/discussion/inbox/unread/": Operation(
            id="countUnreadNotifications", tag="Inbox", summary="How much of it I have not read"
        ),
        "POST /api/discussion/inbox/read/": Operation(
            id="markNotificationsRead",
            tag="Inbox",
            summary="Say what I have read",
            description="These, or all without `ids`. The answer is how many are left.",
        ),
    },
    {
        "Topic": TOPIC,
        "TopicDetail": {**TOPIC, "acceptedAnswer": REPLY, "replies": [REPLY]},
        "TopicRequest": TOPIC_REQUEST,
        "PatchedTopicRequest": {"tags": ["bread"]},
        "TopicEdit": {**EDIT, "title": TOPIC["title"], "tags": ["bread"]},
        "Reply": REPLY,
        "ReplyRequest": {"content": REPLY["content"]},
        "PatchedReplyRequest": {"content": REPLY["content"]},
        "ReplyEdit": EDIT,
        "Vote": {"vote": 1, "voteCount": 3},
        "VoteRequest": {"vote": 1},
        "AcceptAnswerRequest": {"replyId": 9},
        "Tag": {"name": "bread", "topicCount": 12},
        "SimilarTopic": {
            "id": 5,
            "title": TOPIC["title"],
            "voteCount": 2,
            "replyCount": 1,
            "hasAcceptedAnswer": True,
        },
        "PreviewRequest": {"content": "Mine is hard after a **day**."},
        "Preview": {"contentHtml": "<p>Mine is hard after a <strong>day</strong>.</p>"},
        "Notification": NOTIFICATION,
        "Unread": {"unreadCount": 3},
        "MarkReadRequest": {"ids": [77, 78]},
    },
    {
        "AcceptAnswer": {
            "replyId": "The reply to accept.",
        },
        "Author": {
            "id": "The user's id.",
        },
        "Topic": {
            "title": "The question or subject.",
            "content": "The text, as Markdown.",
            "tags": "Up to 5 tags.",
            "voteCount": "Votes up minus votes down.",
            "replyCount": "How many replies it has.",
            "viewCount": "How many readers opened it.",
            "hasAcceptedAnswer": "Whether a reply was accepted as the answer.",
            "isClosed": "Whether it is closed to new replies.",
            "isPinned": "Whether it stays at the top of the list.",
            "lastActivityAt": "When it was created or last replied to.",
        },
        "TopicDetail": {
            ITSELF: "the topic with its replies",
            "title": "The question or subject.",
            "content": "The text, as Markdown.",
            "tags": "Up to 5 tags.",
            "voteCount": "Votes up minus votes down.",
            "replyCount": "How many replies it has.",
            "viewCount": "How many readers opened it.",
            "hasAcceptedAnswer": "Whether a reply was accepted as the answer.",
            "isClosed": "Whether it is closed to new replies.",
            "isPinned": "Whether it stays at the top of the list.",
            "lastActivityAt": "When it was created or last replied to.",
            "acceptedAnswer": "The accepted reply; null if there is none.",
            "replies": "The first replies, by votes and age.",
        },
        "TopicEdit": {
            ITSELF: "an earlier version of the topic",
            "editor": "The user who made the edit.",
            "title": "The title before the edit.",
            "content": "The text before the edit.",
            "tags": "The tags before the edit.",
            "createdAt": "When the edit was made.",
        },
        "Reply": {
            "topicId": "The topic that it replies to.",
            "content": "The text, as Markdown.",
            "voteCount": "Votes up minus votes down.",
            "isAccepted": "Whether it was accepted as the answer.",
        },
        "ReplyEdit": {
            ITSELF: "an earlier version of the reply",
            "editor": "The user who made the edit.",
            "content": "The text before the edit.",
            "createdAt": "When the edit was made.",
        },
        "Vote": {
            "vote": "Your vote: 1 up, -1 down, 0 none.",
            ITSELF: "your vote and the new count",
            "voteCount": "Votes up minus votes down, now.",
        },
        "Tag": {
            "name": "The tag.",
            "topicCount": "How many topics have it.",
        },
        "SimilarTopic": {
            "title": "The topic's title.",
            "voteCount": "Votes up minus votes down.",
            "replyCount": "How many replies it has.",
            "hasAcceptedAnswer": "Whether a reply was accepted as the answer.",
        },
        "Preview": {
            ITSELF: "the rendered text",
            "content": "Markdown to render.",
            "contentHtml": "The Markdown rendered to safe HTML.",
        },
        "Notification": {
            "kind": "What happened.",
            "topicId": "The topic that it is about.",
            "topicTitle": "That topic's title.",
            "replyId": "The reply that it is about; null if it is about the topic.",
            "actor": "The user who did it; null if the account was deleted.",
            "isRead": "Whether the user has read it.",
        },
        "Unread": {
            ITSELF: "the number of unread notifications",
            "unreadCount": "How many notifications are unread.",
        },
    },
)
