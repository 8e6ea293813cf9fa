"""Access rules of the forum, for the tests. The role "owner" wrote the topic, and the role "member" has replied."""

from discussion.factories import DiscussionReplyFactory, DiscussionTopicFactory
from test_utils.rights import ALLOWED, SIGNED_IN, Rights, Rule, Users

AUTHOR: Rule = SIGNED_IN | dict.fromkeys(("stranger", "member", "admin", "staff"), 403)
AUTHOR_AND_STAFF: Rule = AUTHOR | {"staff": ALLOWED}
ALL_BUT_AUTHOR: Rule = SIGNED_IN | {"owner": 403}
REPLIER_AND_STAFF: Rule = SIGNED_IN | dict.fromkeys(("stranger", "admin", "owner"), 403)
ALL_BUT_THE_REPLIER: Rule = SIGNED_IN | {"member": 403}
STAFF: Rule = AUTHOR_AND_STAFF | {"owner": 403}

TOPIC = "api/discussion/<int:pk>/"
REPLIES = "api/discussion/<int:topic_pk>/replies/"


class DiscussionRights(Rights):
    routes = {
        "api/discussion/": {"GET": SIGNED_IN, "POST": SIGNED_IN},
        "api/discussion/tags/": {"GET": SIGNED_IN},
        "api/discussion/similar/": {"GET": SIGNED_IN},
        "api/discussion/preview/": {"POST": SIGNED_IN},
        "api/discussion/inbox/": {"GET": SIGNED_IN},
        "api/discussion/inbox/unread/": {"GET": SIGNED_IN},
        "api/discussion/inbox/read/": {"POST": SIGNED_IN},
        TOPIC: {"GET": SIGNED_IN, "PUT": AUTHOR_AND_STAFF, "PATCH": AUTHOR_AND_STAFF, "DELETE": AUTHOR_AND_STAFF},
        f"{TOPIC}edits/": {"GET": SIGNED_IN},
        f"{TOPIC}vote/": {"POST": ALL_BUT_AUTHOR},
        f"{TOPIC}accept-answer/": {"POST": AUTHOR},
        f"{TOPIC}unaccept-answer/": {"POST": AUTHOR},
        **{f"{TOPIC}{action}/": {"POST": STAFF} for action in ("close", "reopen", "pin", "unpin")},
        REPLIES: {"GET": SIGNED_IN, "POST": SIGNED_IN},
        f"{REPLIES}<int:pk>/": {
            "GET": SIGNED_IN,
            "PUT": REPLIER_AND_STAFF,
            "PATCH": REPLIER_AND_STAFF,
            "DELETE": REPLIER_AND_STAFF,
        },
        f"{REPLIES}<int:pk>/edits/": {"GET": SIGNED_IN},
        f"{REPLIES}<int:pk>/vote/": {"POST": ALL_BUT_THE_REPLIER},
    }
    sockets = {
        "ws/discussion/": {"list": SIGNED_IN},
        "ws/discussion/inbox/": {"my inbox": SIGNED_IN},
        "ws/discussion/<int:pk>/": {"topic": SIGNED_IN},
    }

    def __init__(self, users: Users) -> None:
        self.topic = DiscussionTopicFactory.create(author=users.by_role["owner"], reply_count=1)
        self.reply = DiscussionReplyFactory.create(topic=self.topic, author=users.by_role["member"])

    def ids(self, route: str, role: str, kind: str = "") -> dict[str, object]:
        return {"<int:topic_pk>": self.topic.pk, "<int:pk>": (self.reply if "replies/" in route else self.topic).pk}
