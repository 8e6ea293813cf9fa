"""Search finds the words of a text in any script. The results are the same on every database."""

# ruff: noqa: RUF001  # texts in all scripts, some letters of which look like Latin ones

import time

import pytest
from django.test import TestCase, override_settings
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import User
from assistants.factories import AssistantConversationFactory
from assistants.models import AssistantConversation
from chat.factories import ChatMemberFactory, ChatMessageFactory, GroupChatFactory
from chat.models import ChatMember, ChatMessage, GroupChat
from chat.services.messages import delete_message, edit_message, post_message
from chat.services.search import messages_matching
from core.search_text import MAX_LENGTH, MAX_WORDS, SearchQuery, matches_in, searchable
from discussion.factories import DiscussionTopicFactory
from discussion.models import DiscussionTopic
from discussion.services.search import search_topics
from discussion.services.topics import create_topic, edit_topic
from test_utils.auth_api_test_case import auth_headers
from test_utils.users import alice

# Each entry has a text, the queries that find it, and the queries that don't.
CASES: list[tuple[str, list[str], list[str]]] = [
    ("Upgrade to 2.10.3 today", ["2.10.3", "2.10", "10.3", "upgrade", "UPGRADE 2.10.3"], ["2.10.4", "2.103"]),
    ("See main.py please", ["main.py", "main", ".py", "ain.p"], ["main.pyc", "mainpy"]),
    ("Ask bob@example.com", ["bob@example.com", "bob", "@example", "example.com"], ["rob@example.com"]),
    (
        "Read https://example.org/a-b/c?d=1&e=%20#f",
        ["https://example.org/a-b/c?d=1", "example.org/a-b", "c?d=1", "%20#f", "d=1&e"],
        ["https://example.org/a_b", "d=2"],
    ),
    ("Patch CVE-2024-3094 now", ["CVE-2024-3094", "cve-2024", "3094", "2024-3094"], ["CVE-2024-3095"]),
    ("Due on 2026-11-29", ["2026-11-29", "2026-11", "11-29"], ["2026-11-30"]),
    ("Database of node.js", ["data", "base", "database", "node", "node.js", "js"], ["databases"]),
    ("We write C++ and C# in .NET", ["C++", "c++", "C#", ".net", "++"], ["C+++", "c##"]),
    ("It is 100% of a_b", ["100%", "%", "a_b", "_"], ["100_", "a%b", "a b c"]),
    (r"In C:\temp\new", [r"C:\temp", r"\temp\new", "\\"], [r"C:\tmp", r"\\temp"]),
    ("It's the \"best\" `code` of 'them'", ["it's", "`code`", "'them'", '"best', "best"], ['"it\'s the code"']),
    ("Say “hello” — don’t", ["hello", "don't", "don’t", '"say "', "“hello”"], ["dont"]),
    ("-la --no-cache -x", ["-la", "--no-cache", "-x", "no-cache"], ["--cache"]),
    ("snake_case and camelCase", ["snake", "case", "snake_case", "camelcase", "lcas"], ["snake-case"]),
    ("हिन्दी में लिखो", ["हिन्दी", "हिन्", "हिन्दी लिखो", "में"], ["हन्द", "हिन्दू"]),
    ("这是一个测试消息", ["测试", "测", "测试消息", "一个", "测试 消息"], ["试测"]),
    ("日本語のテストがあります", ["テスト", "日本", "が", "日本語 テスト", "ﾃｽﾄ"], ["テスド", "てすと"]),
    ("か\u3099き ｶﾞｷ", ["がき", "ガキ"], ["かき"]),
    ("한국어 메시지입니다", ["한국어", "메시지", "국어", "\u1112\u1161\u11ab국"], ["한글"]),
    ("ภาษาไทยไม่มีช่องว่าง", ["ภาษา", "ไทย", "ไม่มี", "ช่องว่าง"], ["ไมมี"]),
    ("اَلْعَرَبِيَّةُ لُغَةٌ", ["العربية", "العَرَبِيَّة", "لغة", "عرب"], ["العبرية"]),
    ("العربية بدون حركات", ["اَلْعَرَبِيَّةُ", "حركات"], ["العبرية"]),
    ("أحمد وإبراهيم", ["احمد", "أحمد", "ابراهيم"], ["محمد"]),
    ("שָׁלוֹם עולם", ["שלום", "שָׁלוֹם", "עולם"], ["שלם"]),
    ("می\u200cخواهم کتاب", ["می\u200cخواهم", "میخواهم", "کتاب", "كتاب"], ["نمی"]),
    ("Straße im Süden", ["straße", "STRASSE", "strasse", "süden", "suden"], ["strase"]),
    ("Ein Kuß, GROẞE Füße", ["kuss", "große", "GROSSE", "fusse", "füße"], ["kus,"]),
    ("Café déjà vu, naïve, Ångström", ["cafe", "café", "CAFÉ", "deja", "naive", "angstrom", "ångström"], ["cafes"]),
    ("Cafe de\u0301ja\u0300", ["café", "déjà", "deja"], ["dejá vu"]),
    ("Tiếng Việt đẹp", ["tieng", "Tiếng", "viet", "đẹp", "dep"], ["tiengs"]),
    ("Łódź, Smørrebrød, Œuvre, Æther", ["lodz", "Łódź", "smorrebrod", "oeuvre", "œuvre", "aether"], ["lodzy"]),
    ("İSTANBUL ve Isparta, ılık", ["istanbul", "İstanbul", "isparta", "ISPARTA", "ılık", "ilik"], ["estanbul"]),
    ("ΑΘΗΝΑ και Ὀδυσσεύς", ["αθήνα", "Αθηνα", "οδυσσευς", "ὈΔΥΣΣΕΎΣ"], ["σπαρτη"]),
    ("ПРИВЕТ, Ёлка", ["привет", "Привет", "ёлка", "елка", "ёл"], ["приветы"]),
    ("ﬁne ﬂow of Ⅻ ｆｕｌｌ ｗｉｄｔｈ １２３", ["fine", "flow", "ﬁne", "xii", "full width", "123", "１２"], ["124"]),
    ("Price: ５００円 ①", ["500", "500円", "1"], ["600"]),
    ("Great 👍🏽 job 👩‍👩‍👧 ❤️ 🎉", ["👍", "👍🏽", "👩‍👩‍👧", "❤", "❤️", "🎉 great"], ["👎"]),
    ("Հայերեն և ქართული", ["հայերեն", "ՀԱՅԵՐԵՆ", "ქართული"], ["ռուսերեն"]),
    ("தமிழ் மொழி", ["தமிழ்", "மொழி", "தமி"], ["தமழ"]),
    ("so\u00adft hy\u200bphen", ["soft", "hyphen", "so\u00adft"], ["sofft"]),
    ("Two words, here", ['"two words"', '"words, here"', "here two"], ['"words two"', "two three"]),
]
ODD = ["", " ", "\u200b", "\u3000", '""', "-", '-"two words"']


class EveryScriptTests(TestCase):
    """Checks each search with the texts and queries of CASES."""

    alice: User
    member: ChatMember
    room: GroupChat

    @classmethod
    def setUpTestData(cls) -> None:
        cls.alice = alice()
        cls.member = ChatMemberFactory.create(user=cls.alice)
        cls.room = cls.member.group_chat
        for number, (text, _, _) in enumerate(CASES):
            ChatMessageFactory.create(group_chat=cls.room, content=text, content_html=f"<p>{number}|</p>")
            DiscussionTopicFactory.create(title=f"{number}|", content=text)
            AssistantConversationFactory.create(user=cls.alice, title=f"{text} №{number}|")
            ChatMemberFactory.create(user=cls.alice, group_chat=GroupChatFactory.create(title=f"{text} №{number}|"))

    def setUp(self) -> None:
        self.api = APIClient()
        self.headers = auth_headers(self.alice)

    def get(self, url: str, query: str) -> list[dict[str, object]]:
        response = self.api.get(url, {"search": query, "limit": "100"}, headers=self.headers)
        assert response.status_code == 200, response.content
        results: list[dict[str, object]] = response.json()["results"]
        return results

    def found_in_room(self, query: str) -> set[int]:
        messages = messages_matching(self.room.messages.all(), SearchQuery.parse(query))
        return {int(html[3:-5]) for html in messages.values_list("content_html", flat=True)}

    def found_in_forum(self, query: str) -> set[int]:
        topics = search_topics(DiscussionTopic.objects.all(), query)
        return {int(title[:-1]) for title in topics.values_list("title", flat=True)}

    def test_words_are_found_in_rooms_and_in_the_forum_whatever_their_script(self) -> None:
        for number, (text, hits, misses) in enumerate(CASES):
            with self.subTest(text):
                for query in hits:
                    assert number in self.found_in_room(query), f"{query!r} is not found in the room"
                    assert number in self.found_in_forum(query), f"{query!r} is not found in the forum"
                for query in misses:
                    assert number not in self.found_in_room(query), f"{query!r} is found in the room"
                    assert number not in self.found_in_forum(query), f"{query!r} is found in the forum"

    def test_titles_of_rooms_and_conversations_are_found_in_the_same_way(self) -> None:
        for number, (text, hits, _) in enumerate(CASES):
            with self.subTest(text):
                for query in hits:
                    for rows in (GroupChat.objects.all(), AssistantConversation.objects.all()):
                        titles = SearchQuery.parse(query).filter(rows).values_list("title", flat=True)
                        assert any(title.endswith(f"№{number}|") for title in titles), query

    @override_settings(LIMITS=False)
    def test_the_api_searches_rooms_messages_conversations_and_topics(self) -> None:
        for query in ("NAIVE", "测试", "हिन्दी", "2.10.3"):
            for url in (
                reverse("chat-messages-list", args=[self.room.pk]),
                reverse("groupchat-list"),
                reverse("assistant-conversations-list"),
                reverse("discussion-topic-list"),
            ):
                with self.subTest(f"{url}?search={query}"):
                    assert len(self.get(url, query)) == 1

    @override_settings(LIMITS=False)
    def test_the_page_of_rooms_finds_the_same_and_marks_it(self) -> None:
        self.client.force_login(self.alice)
        for text, (query, *_), _ in CASES:
            message = post_message(self.room, content=text, by=self.alice)
            with self.subTest(text):
                page = self.client.get("/chat/search/", {"q": query}).content.decode()
                assert f"?at={message.pk}#" in page
                assert "<mark>" in page

    @override_settings(LIMITS=False)
    def test_pages_of_the_assistant_and_the_forum_find_the_same(self) -> None:
        self.client.force_login(self.alice)
        for query in ("NAIVE", "测试", "हिन्दी", "2.10.3"):
            with self.subTest(query):
                assert len(self.client.get("/assistants/", {"search": query}).context["conversations"]) == 1
                assert len(self.client.get("/discussion/", {"search": query}).context["rows"]) == 1

    @override_settings(LIMITS=False)
    def test_empty_and_odd_queries_break_nothing(self) -> None:
        self.client.force_login(self.alice)
        for query in (*ODD, "x" * 20_000, "e " * 5_000, "".join(map(chr, range(1, 0x250)))):
            with self.subTest(query[:20]):
                for page, name in (("/chat/search/", "q"), ("/discussion/", "search"), ("/assistants/", "search")):
                    assert self.client.get(page, {name: query}).status_code == 200
                self.get(reverse("chat-messages-list", args=[self.room.pk]), query)
                self.get(reverse("discussion-topic-list"), query)

    @override_settings(LIMITS=False)
    def test_two_hundred_words_are_found_together(self) -> None:
        words = [f"word{number}" for number in range(200)]
        message = post_message(self.room, content=" ".join(words), by=self.alice)

        url = reverse("chat-messages-list", args=[self.room.pk])
        assert [row["id"] for row in self.get(url, " ".join(words))] == [message.pk]
        assert self.get(url, " ".join([*words[:20], "other"])) == []
        assert len(SearchQuery.parse(" ".join(words)).words) == MAX_WORDS

    @override_settings(LIMITS=False)
    def test_texts_and_queries_that_nearly_match_everywhere_take_little_time(self) -> None:
        grows = "\ufdfa"  # normalization turns this into 18 characters
        for number in range(5):
            create_topic(self.alice, title=f"{number}", content=grows * 10_000)
            create_topic(self.alice, title=f"{number}", content="a" * 10_000)
        for query in (f'"{grows * 12}x"', f'"{grows * 900}x"', "a" * 249 + "b", f'0 -"{grows * 900}x"'):
            started_at = time.thread_time()
            self.get(reverse("discussion-topic-list"), query)
            assert time.thread_time() - started_at < 1, query[:20]
        assert len(searchable(grows * 10_000)) < 30_000
        assert len("".join(SearchQuery.parse(grows * 1_000).words)) <= MAX_LENGTH


class WhatChangesTests(TestCase):
    def setUp(self) -> None:
        self.alice = alice()
        self.room = ChatMemberFactory.create(user=self.alice, chat_role=2001).group_chat
        self.client.force_login(self.alice)

    def is_found(self, query: str, page: str = "/chat/search/", name: str = "q") -> bool:
        return b"<mark>" in self.client.get(page, {name: query}).content

    def test_a_deleted_message_leaves_nothing_to_search(self) -> None:
        message = post_message(self.room, content="A bowline", by=self.alice)
        assert self.is_found("bowline")

        delete_message(message, by=self.alice)

        assert not self.is_found("bowline")
        assert ChatMessage.objects.values_list("search_text", flat=True).get(pk=message.pk) == ""

    def test_an_edited_message_is_found_by_its_new_words_only(self) -> None:
        message = post_message(self.room, content="A bowline", by=self.alice)

        edit_message(message, content="A reef knot", by=self.alice)

        assert not self.is_found("bowline")
        assert self.is_found("reef")

    def test_an_edited_topic_is_found_by_its_new_words_only(self) -> None:
        topic = create_topic(self.alice, title="Bowline", content="How?")

        edit_topic(topic, by=self.alice, title="Reef", content="Which knot?")

        for query, count in (("bowline", 0), ("how", 0), ("REEF knot", 1)):
            page = self.client.get("/discussion/", {"search": query})
            assert len(page.context["rows"]) == count, query


@pytest.mark.parametrize(("text", "hits", "misses"), CASES)
def test_matches_are_marked(text: str, hits: list[str], misses: list[str]) -> None:
    for query in hits:
        words = SearchQuery.parse(query).words
        marked = [searchable(text[start:end]) for start, end in matches_in(text, words)]
        assert marked
        assert all(any(word in part for part in marked) for word in words if "\u1112" not in query), (query, marked)


@given(st.text(max_size=60))
def test_a_text_is_found_by_itself_in_any_case_and_form(text: str) -> None:
    text = text.replace("\x00", "")
    assert searchable(searchable(text)) == searchable(text)
    assert all(word in searchable(text) for word in searchable(text).split())
    for start, end in matches_in(text, searchable(text).split()):
        assert 0 <= start < end <= len(text)
