"""Steps that many browser tests share."""

import itertools
import re

from playwright.sync_api import Page, expect

QUESTION = "How long do I cook rice?"
PASSWORD = "open-sesame-1001"

user_numbers = itertools.count(1)


def ask(page: Page, question: str = QUESTION) -> None:
    page.get_by_label("Your question").fill(question)
    page.get_by_label("Your question").press("Enter")


def start_conversation(page: Page, question: str = QUESTION) -> None:
    """Asks a question on the start page, which opens the page of the new conversation."""
    page.goto("/assistants/")
    ask(page, question)
    page.wait_for_url(re.compile(r"/assistants/[0-9a-f-]{36}/$"))
    be_live(page)


def be_live(page: Page) -> None:
    expect(page.locator("[data-state]")).to_have_attribute("data-state", "live")


def register(page: Page, name: str = "Alice Kim") -> str:
    """Registers a new user and returns the user's e-mail."""
    email = f"person{next(user_numbers)}@example.com"
    page.goto("/register")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password confirmation").fill(PASSWORD)
    page.get_by_role("button", name="Create my account").click()
    page.wait_for_url("/chat/")
    return email
