from django.urls import path

from chat.views import page_views as pages

ROOM = "<int:pk>/"

urlpatterns = [
    path("", pages.home, name="chat-home"),
    path("search/", pages.search, name="chat-search"),
    path(ROOM, pages.room, name="chat-group-detail"),
    path(f"{ROOM}settings/", pages.settings, name="room_settings"),
    path(f"{ROOM}delete/", pages.delete, name="delete_room"),
    path(f"{ROOM}leave/", pages.leave, name="leave_room"),
    path(f"{ROOM}members/", pages.members, name="group_members"),
    path(f"{ROOM}members/<int:member_id>/", pages.change, name="change_member"),
    path(f"{ROOM}members/<int:member_id>/remove/", pages.remove, name="remove_member"),
]
