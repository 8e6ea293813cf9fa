"""Tests the list of a signed-in user's conversations."""

import re

from playwright.sync_api import Browser, Locator, Page, WebSocketRoute, expect

from test_utils.openai_test_utils import FakeOpenAI, streams
from tests.browser.steps import be_live, register, start_conversation
from tests.servers import Server

TITLE = streams("Cooking rice")


def start_two_conversations(page: Page, model: FakeOpenAI) -> None:
    """Registers a user who asks about rice, and then about knots."""
    register(page)
    for title in ("Cooking rice", "Knots for sailors"):
        model.script(streams("Yes."), streams(title))
        start_conversation(page)
        expect(page.get_by_role("heading", level=1)).to_have_text(title)


def row(page: Page, title: str) -> Locator:
    return page.get_by_role("complementary").get_by_role("link", name=title)


def manage(page: Page, title: str) -> None:
    row(page, title).hover()
    page.get_by_role("button", name=f"Rename or delete {title}").click()


def top_of(page: Page, words: str) -> float:
    box = page.get_by_text(words, exact=True).bounding_box()
    assert box
    return box["y"]


def deletions_of(page: Page) -> list[str]:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "DELETE" else None)
    return sent


def test_other_users_find_nothing_at_the_address_of_mine(page: Page, chromium: Browser, model: FakeOpenAI) -> None:
    register(page)
    model.script(streams("Twelve minutes."), TITLE)
    start_conversation(page)
    stranger = chromium.new_context().new_page()

    stranger.goto(page.url)

    expect(stranger.get_by_text("Page not found")).to_be_visible()
    stranger.context.close()


def test_visitors_share_a_conversation_by_its_address(page: Page, chromium: Browser, model: FakeOpenAI) -> None:
    model.script(streams("Twelve minutes."), TITLE)
    start_conversation(page)
    expect(page.get_by_text("Twelve minutes.")).to_be_visible()
    friend = chromium.new_context().new_page()

    friend.goto(page.url)

    expect(friend.get_by_text("Twelve minutes.")).to_be_visible()
    friend.context.close()


def test_visitor_who_becomes_a_user_keeps_the_conversation(page: Page, model: FakeOpenAI) -> None:
    model.script(streams("Twelve minutes."), TITLE)
    start_conversation(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Cooking rice")
    still_open = page.context.new_page()
    still_open.goto(page.url)
    be_live(still_open)
    page.goto("/assistants/")
    expect(page.get_by_role("complementary").get_by_role("link", name="Cooking rice")).to_be_visible()

    register(page)

    expect(still_open.get_by_role("alert")).to_contain_text("no longer available")
    page.goto("/assistants/")
    page.get_by_role("complementary").get_by_role("link", name="Cooking rice").click()
    expect(page.get_by_text("Twelve minutes.")).to_be_visible()
    be_live(page)


def test_title_is_shown_in_the_list_as_soon_as_there_is_one(page: Page, model: FakeOpenAI) -> None:
    register(page)
    model.script(streams("Twelve minutes."), TITLE)

    start_conversation(page)

    expect(page.get_by_role("complementary").get_by_role("link", name="Cooking rice")).to_be_visible()


def test_conversation_is_renamed_in_every_tab(page: Page, model: FakeOpenAI) -> None:
    register(page)
    model.script(streams("Twelve minutes."), TITLE)
    start_conversation(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Cooking rice")
    other = page.context.new_page()
    other.goto(page.url)
    be_live(other)

    page.get_by_label("Conversation options").click()
    page.get_by_role("button", name="Rename", exact=True).click()
    page.get_by_label("Title").fill("Rice, and nothing else")
    page.get_by_label("Title").press("Enter")

    for tab in (page, other):
        expect(tab.get_by_role("heading", level=1)).to_have_text("Rice, and nothing else")
        expect(row(tab, "Rice, and nothing else")).to_be_visible()
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_deleted_conversation_can_be_brought_back(page: Page, model: FakeOpenAI) -> None:
    start_two_conversations(page, model)
    deletions = deletions_of(page)
    rows = page.get_by_role("complementary").locator(".row:visible")

    manage(page, "Cooking rice")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(rows).to_have_text(["Knots for sailors"])
    expect(page.get_by_role("status").filter(has_text="Deleted “Cooking rice”.")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")

    expect(rows).to_have_count(2)
    expect(row(page, "Cooking rice")).to_be_focused()
    page.goto("/assistants/")
    expect(rows).to_have_count(2)
    assert deletions == []


def test_deletion_is_sent_when_the_time_to_undo_it_is_over(page: Page, model: FakeOpenAI) -> None:
    page.clock.install()
    start_two_conversations(page, model)
    deletions = deletions_of(page)

    manage(page, "Cooking rice")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    assert deletions == []
    with page.expect_response(lambda response: response.request.method == "DELETE"):
        page.clock.fast_forward(10_000)

    expect(page.get_by_role("button", name="Undo")).to_be_hidden()
    page.goto("/assistants/")
    expect(row(page, "Knots for sailors")).to_be_visible()
    expect(row(page, "Cooking rice")).to_have_count(0)


def test_deletion_is_sent_when_the_page_is_left(page: Page, model: FakeOpenAI) -> None:
    start_two_conversations(page, model)
    other = page.context.new_page()

    manage(page, "Cooking rice")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.goto("/login")

    other.goto("/assistants/")
    expect(row(other, "Knots for sailors")).to_be_visible()
    other.wait_for_function(
        "async () => (await (await fetch('/api/assistants/conversations/')).json()).count === 1",
    )


def test_deletion_that_fails_brings_the_conversation_back(page: Page, model: FakeOpenAI) -> None:
    start_two_conversations(page, model)
    page.route("**/api/assistants/conversations/*/", lambda route: route.abort())

    for title in ("Cooking rice", "Knots for sailors"):  # leaving the page carries out the first deletion
        manage(page, title)
        if title == "Knots for sailors":
            page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
            page.evaluate("dispatchEvent(new Event('pagehide'))")
        else:
            page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(page.get_by_role("status").filter(has_text="Not deleted")).to_be_visible()
    expect(row(page, "Cooking rice")).to_be_visible()


def test_open_conversation_is_deleted_and_opened_again_by_undo(page: Page, model: FakeOpenAI) -> None:
    start_two_conversations(page, model)
    opened = page.url

    page.get_by_label("Conversation options").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.wait_for_url("/assistants/")
    expect(row(page, "Cooking rice")).to_be_visible()
    expect(row(page, "Knots for sailors")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()

    page.wait_for_url(opened)
    be_live(page)
    expect(page.get_by_text("Yes.")).to_be_visible()
    page.get_by_label("Conversation options").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.wait_for_url("/assistants/")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.reload()
    expect(row(page, "Cooking rice")).to_be_visible()
    expect(row(page, "Knots for sailors")).to_have_count(0)


def test_conversations_are_reached_by_keyboard_alone(page: Page, model: FakeOpenAI) -> None:
    start_two_conversations(page, model)
    page.locator("[data-log]").focus()

    page.keyboard.press("/")
    expect(page.get_by_label("Search my conversations")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(row(page, "Knots for sailors")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(row(page, "Cooking rice")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(row(page, "Cooking rice")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Cooking rice")
    be_live(page)

    page.get_by_label("Your question").press("/")
    expect(page.get_by_label("Your question")).to_have_value("/")
    page.keyboard.press("Alt+n")

    page.wait_for_url(re.compile(r"/assistants/#new$"))
    expect(page.get_by_label("Your question")).to_be_focused()


def test_conversation_is_taken_home_as_markdown(page: Page, model: FakeOpenAI) -> None:
    model.script(streams("**Twelve** minutes."), TITLE)
    start_conversation(page, "How long?")
    expect(page.get_by_role("heading", level=1)).to_have_text("Cooking rice")

    page.get_by_label("Conversation options").click()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Export as Markdown").click()

    assert downloading.value.suggested_filename == "cooking-rice.md"
    assert downloading.value.path().read_text() == (
        "# Cooking rice\n\n## Question\n\nHow long?\n\n## Answer\n\n**Twelve** minutes.\n"
    )


def test_list_and_conversation_are_two_pages_on_a_phone(page: Page, model: FakeOpenAI) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    register(page)
    model.script(streams("Twelve minutes."), TITLE)
    start_conversation(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Cooking rice")
    expect(page.get_by_role("complementary")).to_be_hidden()

    page.get_by_role("link", name="All conversations").click()
    expect(page.get_by_role("link", name="Cooking rice")).to_be_visible()
    expect(page.get_by_label("Your question")).to_be_hidden()
    page.get_by_role("link", name="New").click()
    expect(page.get_by_label("Your question")).to_be_focused()
    page.go_back()
    page.get_by_role("link", name="Cooking rice").click()

    expect(page.get_by_text("Twelve minutes.")).to_be_visible()


def test_long_conversation_opens_at_its_end_and_shows_the_beginning_on_request(page: Page, server: Server) -> None:
    page.goto(f"/assistants/{conversation_of(server, 60)}/")
    expect(page.get_by_text("Answer 59.")).to_be_in_viewport()
    expect(page.get_by_text("Question 10.", exact=True)).to_have_count(0)

    earlier = page.get_by_role("button", name="Show earlier messages")

    page.locator("[data-log]").evaluate("log => { log.scrollTop = 0; }")
    place = top_of(page, "Question 35.")
    earlier.click()
    expect(page.get_by_text("Question 10.", exact=True)).to_have_count(1)
    assert abs(top_of(page, "Question 35.") - place) < 1
    earlier.click()

    expect(earlier).to_be_hidden()
    assert numbers_in(page) == [number for number in range(60) for _ in range(2)]


def test_earlier_messages_begin_with_the_question_of_the_first_answer(page: Page, server: Server) -> None:
    made = conversation_of(server, 60, "conversation.messages.create(message_type='user', content='Unanswered.')")
    page.goto(f"/assistants/{made}/")
    # Of 121 messages the page shows the newest 50, so it begins with an answer.
    expect(page.get_by_text("Question 35.", exact=True)).to_have_count(0)
    expect(page.get_by_text("Answer 35.")).to_have_count(1)

    page.get_by_role("button", name="Show earlier messages").click()

    expect(page.get_by_text("Question 35.", exact=True)).to_have_count(1)
    assert numbers_in(page) == [10, *(number for number in range(11, 60) for _ in range(2))]


def test_page_that_missed_more_than_it_fetches_shows_the_newest_messages(page: Page, server: Server) -> None:
    made = conversation_of(server, 20)
    sockets: list[WebSocketRoute] = []

    def keep(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    page.route_web_socket(re.compile("/ws/assistants/"), keep)
    page.goto(f"/assistants/{made}/")
    be_live(page)
    conversation_of(server, 160, pk=made, first=20)

    sockets[0].send('{"action": "resync", "payload": {"seq": 99}}')

    expect(page.get_by_text("Answer 179.")).to_be_in_viewport()
    assert numbers_in(page) == [number for number in range(130, 180) for _ in range(2)]
    earlier = page.get_by_role("button", name="Show earlier messages")
    while earlier.is_visible():
        first = page.locator(".message").first.inner_text()
        earlier.click()
        expect(page.locator(".message").first).not_to_have_text(first)
    assert numbers_in(page) == [number for number in range(180) for _ in range(2)]


def conversation_of(server: Server, length: int, more: str = "", *, pk: str = "", first: int = 0) -> str:
    """Creates a conversation with `length` questions and answers, oldest first. With `pk`, adds them to that
    conversation.
    """
    made = server.manage(
        "shell",
        "--no-imports",
        "-c",
        "from assistants.models import AssistantConversation as Conversation\n"
        f"pk = '{pk}'\n"
        "conversation = Conversation.objects.get(pk=pk) if pk else Conversation.objects.create(title='Long')\n"
        f"for number in range({first}, {first + length}):\n"
        "    asked = conversation.messages.create(message_type='user', content=f'Question {number}.')\n"
        "    conversation.messages.create(\n"
        "        message_type='assistant', question=asked, content='Yes.', content_html=f'<p>Answer {number}.</p>')\n"
        f"{more}\n"
        "print(conversation.pk)",
    )
    return made.strip()


def numbers_in(page: Page) -> list[int]:
    """Returns the numbers of the questions and answers on the page, in order."""
    shown = page.locator(".message").all_text_contents()
    return [int(number) for text in shown for number in re.findall(r"(?:Question|Answer) (\d+)\.", text)]


def test_search_finds_conversations_by_their_title(page: Page, model: FakeOpenAI) -> None:
    register(page)
    for title in ("Cooking rice", "Knots for sailors"):
        model.script(streams("Yes."), streams(title))
        start_conversation(page)
        expect(page.get_by_role("heading", level=1)).to_have_text(title)

    page.get_by_label("Search my conversations").fill("knots")
    page.get_by_label("Search my conversations").press("Enter")

    expect(page.get_by_role("link", name="Knots for sailors")).to_be_visible()
    expect(page.get_by_role("link", name="Cooking rice")).to_be_hidden()
