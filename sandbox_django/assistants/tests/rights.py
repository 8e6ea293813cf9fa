"""Access rules of conversations, for the tests."""

from assistants.factories import AnswerFactory, AssistantConversationFactory
from assistants.models import AssistantMessage
from assistants.models.assistant_message import Status
from test_utils.rights import ANYONE_WITHOUT_A_BAD_TOKEN, OWNER, SIGNED_IN, Rights, Rule, Users

OWNED = "api/assistants/conversations/<uuid:conversation_pk>/"
ANONYMOUS = "api/assistants/anonymous/<uuid:conversation_pk>/"


def message_routes(conversation: str, rule: Rule) -> dict[str, dict[str, Rule]]:
    return {
        f"{conversation}messages/": {"GET": rule, "POST": rule},
        f"{conversation}messages/<int:pk>/": {"GET": rule},
        f"{conversation}messages/<int:pk>/stop/": {"POST": rule},
        f"{conversation}messages/<int:pk>/retry/": {"POST": rule},
        f"{conversation}messages/<int:pk>/regenerate/": {"POST": rule},
    }


class AssistantsRights(Rights):
    routes = {
        "api/assistants/models/": {"GET": ANYONE_WITHOUT_A_BAD_TOKEN},
        "api/assistants/anonymous/": {"POST": ANYONE_WITHOUT_A_BAD_TOKEN},
        "api/assistants/conversations/": {"GET": SIGNED_IN, "POST": SIGNED_IN},
        OWNED: {"GET": OWNER, "PUT": OWNER, "PATCH": OWNER, "DELETE": OWNER},
        **message_routes(OWNED, OWNER),
        # A visitor's conversation is open to everyone who has its id.
        **message_routes(ANONYMOUS, ANYONE_WITHOUT_A_BAD_TOKEN),
    }
    sockets = {"ws/assistants/<uuid:pk>/": {"owned": OWNER, "anonymous": ANYONE_WITHOUT_A_BAD_TOKEN}}

    def __init__(self, users: Users) -> None:
        owners = {role: users.by_role[role] for role in ("owner", "deactivated")}
        # Failed answers, because only these can be retried.
        self.owned = {role: failed_answer(user=user) for role, user in owners.items()}
        self.anonymous = failed_answer(user=None)

    def ids(self, route: str, role: str, kind: str = "") -> dict[str, object]:
        is_anonymous = "anonymous/" in route or kind == "anonymous"
        answer = self.anonymous if is_anonymous else self.owned.get(role, self.owned["owner"])
        return {
            "<uuid:conversation_pk>": answer.conversation_id,
            "<uuid:pk>": answer.conversation_id,
            "<int:pk>": answer.pk,
        }


def failed_answer(**conversation: object) -> AssistantMessage:
    conversation_row = AssistantConversationFactory.create(**conversation)
    answer: AssistantMessage = AnswerFactory.create(question__conversation=conversation_row, status=Status.FAILED)
    return answer
