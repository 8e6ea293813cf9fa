from django.urls import path

from chat.views import member_views as members
from chat.views import message_views as messages
from chat.views import room_views as rooms

ROOM = "<int:group_chat_pk>"

urlpatterns = [
    path("", rooms.RoomListView.as_view(), name="groupchat-list"),
    path("<int:pk>/", rooms.RoomDetailView.as_view(), name="groupchat-detail"),
    path("<int:pk>/read/", rooms.ReadView.as_view(), name="groupchat-read"),
    path(f"{ROOM}/messages/", messages.MessageListView.as_view(), name="chat-messages-list"),
    path(f"{ROOM}/messages/<int:pk>/", messages.MessageDetailView.as_view(), name="chat-messages-detail"),
    path(f"{ROOM}/members/", members.MemberListView.as_view(), name="chat-members-list"),
    path(f"{ROOM}/members/<int:pk>/", members.MemberDetailView.as_view(), name="chat-members-detail"),
    path(f"{ROOM}/members/<int:pk>/hand-over/", members.TransferOwnershipView.as_view(), name="chat-members-hand-over"),
]
