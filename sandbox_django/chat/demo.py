"""A room that the demo people have talked in."""

from accounts.demo import DemoPeople
from chat.models.room import ChatRole
from chat.services.members import add_member
from chat.services.messages import post_message
from chat.services.rooms import create_room


def create(people: DemoPeople) -> None:
    room = create_room(people.alice, title="Tea corner", description="What we drink, and when.")
    add_member(room, user=people.bob, by=people.alice)
    add_member(room, user=people.admin, by=people.alice, chat_role=ChatRole.ADMIN)
    post_message(room, content="Green or black today?", by=people.alice)
    post_message(room, content="Green. The **new box** is open, @Alice.", by=people.bob)
    post_message(room, content="Then four minutes, not six:\n\n- boil\n- wait a little\n- pour", by=people.alice)
