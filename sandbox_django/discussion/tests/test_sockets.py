"""Tests who may open the forum's sockets, and which frames they receive."""

from typing import Any

from asgiref.sync import sync_to_async

from accounts.models import User
from discussion.consumers.list_consumer import TopicListConsumer
from discussion.tests.cases import LIST_URL, Forum, replies_url, reply_url, topic_url
from test_utils.testing import Page, SocketTestCase

HINTS = {"vote_updated", "topic_activity"}


class ForumSocketCase(Forum, SocketTestCase):
    consumer = TopicListConsumer

    def setUp(self) -> None:
        super().setUp()
        self.create_users()

    async def send(self, method: str, url: str, data: Any = None, *, by: User, status: int = 200) -> Any:
        response = await self.request(method, url, data, by=by)
        assert response.status_code == status, response.content
        return response.json() if response.content else None

    async def ask(self, title: str = "Which tea?", **fields: Any) -> Any:
        body = {"title": title, "content": "Green or black?", **fields}
        return await self.send("post", LIST_URL, body, by=self.alice, status=201)

    async def answer(self, topic: Any, content: str = "Green.", *, by: User | None = None) -> Any:
        return await self.send("post", replies_url(topic), {"content": content}, by=by or self.bob, status=201)

    async def open_list(self, by: User | None = None, query: str = "") -> Page:
        return await self.open_page(f"/ws/discussion/{query}", by=by or self.bob)

    async def open_topic(self, topic: Any, by: User | None = None, query: str = "") -> Page:
        return await self.open_page(f"/ws/discussion/{topic['id']}/{query}", by=by or self.bob)

    async def event(self, page: Page) -> dict[str, Any]:
        """Returns the next event, and skips hints."""
        while (frame := await page.receive())["action"] in HINTS:
            pass
        return frame


class WhoMayListenTests(ForumSocketCase):
    async def refusal(self, path: str, by: User | None) -> tuple[int, int]:
        page = await self.open_socket(path, by=by)
        first = await page.receive()
        return first["payload"]["statusCode"], await page.close_code()

    async def test_visitors_are_refused_and_what_is_not_there_is_not_found(self) -> None:
        topic = await self.ask()

        for path in ("", "inbox/", f"{topic['id']}/"):
            assert await self.refusal(f"/ws/discussion/{path}", None) == (401, 4401)
        for nowhere in (topic["id"] + 1, 2**63, 10**30):
            assert await self.refusal(f"/ws/discussion/{nowhere}/", self.alice) == (404, 4404)


class ReceivedEventTests(ForumSocketCase):
    async def test_all_subscribers_receive_the_same_without_addresses(self) -> None:
        pages = [await self.open_list(user) for user in (self.alice, self.mallory)]

        topic = await self.ask(tags=["tea"])

        received = [await self.event(page) for page in pages]
        assert received[0] == received[1]
        assert "@" not in str(received[0])
        payload = {key: value for key, value in topic.items() if key not in ("myVote", "canEdit")}
        assert received[0] == {"action": "topic_created", "payload": payload, "seq": 1}

    async def test_an_accepted_answer_is_told_to_the_list_and_to_the_topic(self) -> None:
        topic = await self.ask()
        reply = await self.answer(topic)
        pages = [await self.open_list(), await self.open_topic(topic)]

        await self.send("post", topic_url(topic, "accept-answer"), {"replyId": reply["id"]}, by=self.alice)
        await self.send("post", topic_url(topic, "unaccept-answer"), by=self.alice)

        expected = {"topicId": topic["id"], "topicTitle": "Which tea?", "replyId": reply["id"], "replyAuthor": "Bob"}
        for page in pages:
            for action in ("answer_accepted", "answer_unaccepted"):
                frame = await self.event(page)
                assert (frame["action"], frame["payload"]) == (action, expected)

    async def test_posts_of_accounts_that_are_gone_have_no_author(self) -> None:
        topic = await self.ask()
        reply = await self.answer(topic)
        page = await self.open_topic(topic, by=self.staff)
        await self.alice.adelete()
        await self.bob.adelete()

        for url in (topic_url(topic), reply_url(reply)):
            await self.send("patch", url, {"content": "In other words."}, by=self.staff)
            assert (await self.event(page))["payload"]["author"] is None

    async def test_a_reconnecting_client_receives_the_missed_events_in_order(self) -> None:
        topic = await self.ask()
        replies = [await self.answer(topic, str(number)) for number in range(5)]

        page = await self.open_topic(topic, query="?since=2")

        assert [(await self.event(page))["payload"]["id"] for _ in range(3)] == [reply["id"] for reply in replies[2:]]

    async def test_deleting_a_topic_is_published_and_closes_its_sockets(self) -> None:
        topic = await self.ask()
        in_list, in_topic = await self.open_list(), await self.open_topic(topic)

        await self.send("delete", topic_url(topic), by=self.alice, status=204)

        for page in (in_list, in_topic):
            frame = await self.event(page)
            assert (frame["action"], frame["payload"]) == ("topic_deleted", {"id": topic["id"], "title": "Which tea?"})
        assert await in_topic.close_code() == 4404


class HintTests(ForumSocketCase):
    async def test_the_last_number_of_votes_is_sent(self) -> None:
        topic = await self.ask()
        reply = await self.answer(topic)
        page = await self.open_topic(topic)

        for url, by in ((topic_url(topic, "vote"), self.bob), (reply_url(reply, "vote"), self.alice)):
            for vote in (1, -1, 0, -1):
                await self.send("post", url, {"vote": vote}, by=by)

        last: dict[str, Any] = {}
        while last != {"topic": -1, "reply": -1}:
            frame = await page.receive()
            assert frame["action"] == "vote_updated"
            assert "seq" not in frame
            last[frame["payload"]["targetType"]] = frame["payload"]["voteCount"]

    async def test_lists_receive_of_replies_and_of_the_votes_of_topics(self) -> None:
        topic = await self.ask()
        page = await self.open_list()

        reply = await self.answer(topic)
        await self.send("post", reply_url(reply, "vote"), {"vote": 1}, by=self.alice)
        await self.send("post", topic_url(topic, "vote"), {"vote": 1}, by=self.bob)

        assert await page.receive() == {
            "action": "topic_activity",
            "payload": {"topicId": topic["id"], "replyCount": 1, "lastActivityAt": reply["createdAt"]},
        }
        assert await page.receive() == {
            "action": "vote_updated",
            "payload": {"targetType": "topic", "targetId": topic["id"], "voteCount": 1},
        }

    async def test_a_list_that_says_what_it_shows_receives_of_nothing_else(self) -> None:
        shown, other = await self.ask("Shown"), await self.ask("Other")
        page = await self.open_list()
        await page.send(f'{{"action": "show_topics", "payload": {{"topicIds": [{shown["id"]}]}}}}')
        await page.send('{"action": "ping"}')
        await page.receive_until("pong")

        await self.answer(other)
        await self.send("post", topic_url(other, "vote"), {"vote": 1}, by=self.bob)
        await self.answer(shown)

        received = [frame for frame in await page.receive_until("topic_activity") if frame["action"] in HINTS]
        assert [frame["payload"]["topicId"] for frame in received] == [shown["id"]]

    async def test_lists_are_bounded(self) -> None:
        page = await self.open_list()

        await page.send(f'{{"action": "show_topics", "payload": {{"topicIds": {list(range(101))}}}}}')

        assert (await page.receive())["action"] == "error"


State = dict[str, Any]


def with_event(state: State, frame: dict[str, Any]) -> State:
    """Returns the state of a topic's page after this frame."""
    topic, replies = dict(state["topic"]), dict(state["replies"])
    event = frame["payload"]
    match frame["action"]:
        case "topic_updated":
            topic = {**topic, **event}
        case "reply_created":
            replies[event["id"]] = event
            topic |= {"replyCount": topic["replyCount"] + 1, "lastActivityAt": event["createdAt"]}
        case "reply_updated":
            replies[event["id"]] = event
        case "reply_deleted":
            del replies[event["id"]]
            topic |= {"replyCount": event["replyCount"], "lastActivityAt": event["lastActivityAt"]}
        case "answer_accepted" | "answer_unaccepted":
            is_accepted = frame["action"] == "answer_accepted"
            topic["hasAcceptedAnswer"] = is_accepted
            replies[event["replyId"]] = {**replies[event["replyId"]], "isAccepted": is_accepted}
        case "vote_updated":
            if event["targetType"] == "topic":
                topic["voteCount"] = event["voteCount"]
            else:
                replies[event["targetId"]] = {**replies[event["targetId"]], "voteCount": event["voteCount"]}
    return {"topic": topic, "replies": replies}


def for_everybody(state: State) -> State:
    return {key: value for key, value in state.items() if key not in ("myVote", "canEdit", "canAccept", "viewCount")}


class StateTests(ForumSocketCase):
    """Checks that applying frames to a page's state gives the same result as fetching the state again."""

    async def fetch(self, topic: Any) -> State:
        detail = await self.send("get", topic_url(topic), by=self.mallory)
        replies = {reply["id"]: for_everybody(reply) for reply in detail.pop("replies")}
        accepted = detail.pop("acceptedAnswer")
        assert (accepted and for_everybody(accepted)) == next((r for r in replies.values() if r["isAccepted"]), None)
        return {"topic": for_everybody(detail), "replies": replies}

    async def check(self, page: Page, state: State, *actions: str) -> State:
        for action in actions:
            frame = await page.receive()
            assert frame["action"] == action
            frame["payload"].pop("viewCount", None)
            state = with_event(state, frame)
        assert state == await self.fetch({"id": state["topic"]["id"]})
        return state

    async def test_every_frame_of_a_topic_makes_the_old_state_the_new_one(self) -> None:
        topic = await self.ask(tags=["tea"])
        page, state = await self.open_topic(topic), await self.fetch(topic)

        first = await self.answer(topic, "**Green**, @Alice")
        state = await self.check(page, state, "reply_created")
        second = await self.answer(topic, "Black", by=self.mallory)
        state = await self.check(page, state, "reply_created")
        await self.send("post", reply_url(second, "vote"), {"vote": 1}, by=self.bob)
        state = await self.check(page, state, "vote_updated")
        await self.send("post", topic_url(topic, "vote"), {"vote": -1}, by=self.bob)
        state = await self.check(page, state, "vote_updated")
        await self.send("post", topic_url(topic, "accept-answer"), {"replyId": first["id"]}, by=self.alice)
        state = await self.check(page, state, "answer_accepted")
        await self.send("post", topic_url(topic, "accept-answer"), {"replyId": second["id"]}, by=self.alice)
        state = await self.check(page, state, "answer_unaccepted", "answer_accepted")
        await self.send("patch", reply_url(second), {"content": "White"}, by=self.mallory)
        state = await self.check(page, state, "reply_updated")
        await self.send("patch", topic_url(topic), {"title": "And?", "tags": ["rice"]}, by=self.alice)
        state = await self.check(page, state, "topic_updated")
        for action in ("pin", "close"):
            await self.send("post", topic_url(topic, action), by=self.staff)
            state = await self.check(page, state, "topic_updated")
        await self.send("delete", reply_url(second), by=self.mallory, status=204)
        state = await self.check(page, state, "answer_unaccepted", "reply_deleted")
        await self.send("delete", reply_url(first), by=self.bob, status=204)
        state = await self.check(page, state, "reply_deleted")
        assert state["replies"] == {}

    async def test_every_frame_of_the_list_makes_the_old_list_the_new_one(self) -> None:
        state: State = {}
        page = await self.open_list()

        async def check(*actions: str) -> None:
            for action in actions:
                frame = await page.receive()
                assert frame["action"] == action
                event = frame["payload"]
                match action:
                    case "topic_created" | "topic_updated":
                        state[event["id"]] = for_everybody(event)
                    case "topic_deleted":
                        del state[event["id"]]
                    case "answer_accepted" | "answer_unaccepted":
                        state[event["topicId"]]["hasAcceptedAnswer"] = action == "answer_accepted"
                    case "topic_activity":
                        state[event.pop("topicId")] |= event
                    case "vote_updated":
                        state[event["targetId"]]["voteCount"] = event["voteCount"]
            fetched = (await self.send("get", LIST_URL, by=self.mallory))["results"]
            assert state == {topic["id"]: for_everybody(topic) for topic in fetched}

        topic = await self.ask(tags=["tea"])
        await check("topic_created")
        reply = await self.answer(topic)
        await check("topic_activity")
        await self.send("post", topic_url(topic, "accept-answer"), {"replyId": reply["id"]}, by=self.alice)
        await check("answer_accepted")
        await self.send("post", topic_url(topic, "vote"), {"vote": 1}, by=self.bob)
        await check("vote_updated")
        await self.send("patch", topic_url(topic), {"content": "*Or* white?"}, by=self.alice)
        await check("topic_updated")
        await self.send("delete", reply_url(reply), by=self.bob, status=204)
        frames = sorted([(await page.receive())["action"], (await page.receive())["action"]])
        assert frames == ["answer_unaccepted", "topic_activity"]
        state[topic["id"]] |= {"hasAcceptedAnswer": False, "replyCount": 0, "lastActivityAt": topic["createdAt"]}
        await self.send("post", topic_url(topic, "pin"), by=self.staff)
        await check("topic_updated")
        await self.send("delete", topic_url(topic), by=self.alice, status=204)
        await check("topic_deleted")


class InboxTests(ForumSocketCase):
    async def open_inbox(self, by: User, query: str = "") -> Page:
        return await self.open_page(f"/ws/discussion/inbox/{query}", by=by)

    async def inbox(self, by: User) -> dict[int, Any]:
        page = await self.send("get", f"{LIST_URL}inbox/", by=by)
        return {notification["id"]: notification for notification in page["results"]}

    async def test_every_frame_of_an_inbox_makes_the_old_one_the_new_one(self) -> None:
        page, state = await self.open_inbox(self.alice), await self.inbox(self.alice)
        stranger = await self.open_inbox(self.mallory)

        async def check(action: str) -> None:
            frame = await page.receive()
            assert frame["action"] == action
            event = frame["payload"]
            unread = event.pop("unreadCount")
            match action:
                case "notification_created":
                    state[event["id"]] = event
                case "notifications_read":
                    for pk in state if event["ids"] is None else event["ids"]:
                        state[pk]["isRead"] = True
                case "notifications_deleted":
                    for pk in event["ids"]:
                        del state[pk]
            assert state == await self.inbox(self.alice)
            assert unread == len([1 for notification in state.values() if not notification["isRead"]])
            assert await self.send("get", f"{LIST_URL}inbox/unread/", by=self.alice) == {"unreadCount": unread}

        topic = await self.ask()
        replies = []
        for number in range(3):
            replies.append(await self.answer(topic, str(number)))
            await check("notification_created")
        await self.send("post", f"{LIST_URL}inbox/read/", {"ids": [min(state)]}, by=self.alice)
        await check("notifications_read")
        await self.send("delete", reply_url(replies[1]), by=self.bob, status=204)
        await check("notifications_deleted")
        await self.send("post", f"{LIST_URL}inbox/read/", {}, by=self.alice)
        await check("notifications_read")
        await self.send("delete", topic_url(topic), by=self.staff, status=204)
        await check("notifications_deleted")
        assert state == {}
        assert await stranger.receives_nothing()

    async def test_an_inbox_receives_why(self) -> None:
        inbox = await self.open_page("/ws/discussion/inbox/", by=self.bob)

        topic = await self.ask(content="What do you say, @Bob?")
        reply = await self.answer(topic)
        await self.send("post", topic_url(topic, "accept-answer"), {"replyId": reply["id"]}, by=self.alice)

        received = [(await self.event(inbox))["payload"] for _ in range(2)]
        assert [(payload["kind"], payload["replyId"]) for payload in received] == [
            ("mention", None),
            ("accepted", reply["id"]),
        ]
        assert {payload["actor"]["displayName"] for payload in received} == {"Alice"}

    async def test_an_inbox_that_was_away_receives_what_it_missed(self) -> None:
        topic = await self.ask()
        for number in range(3):
            await self.answer(topic, str(number))

        page = await self.open_inbox(self.alice, "?since=1")

        assert [(await page.receive())["seq"] for _ in range(2)] == [2, 3]
        assert await sync_to_async(self.alice.notifications.count)() == 3
