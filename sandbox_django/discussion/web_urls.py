from django.urls import path

from discussion.views import page_views as pages

TOPIC = "<int:pk>/"
REPLY = f"{TOPIC}replies/<int:reply_id>/"

urlpatterns = [
    path("", pages.home, name="discussion-home"),
    path("new/", pages.new, name="discussion-new"),
    path("mine/", pages.mine, name="discussion-mine"),
    path("inbox/", pages.inbox, name="discussion-my-inbox"),
    path("inbox/read/", pages.read_all, name="discussion-read-all"),
    path(TOPIC, pages.topic, name="discussion-detail"),
    path(f"{TOPIC}vote/", pages.vote, name="discussion-vote"),
    path(f"{TOPIC}accept/", pages.accept, name="discussion-accept"),
    path(f"{TOPIC}moderate/", pages.moderate, name="discussion-moderate"),
    path(f"{TOPIC}edit/", pages.edit, name="discussion-edit"),
    path(f"{TOPIC}delete/", pages.delete, name="discussion-delete"),
    path(f"{TOPIC}history/", pages.history, name="discussion-history"),
    path(REPLY, pages.reply, name="discussion-reply"),
    path(f"{REPLY}vote/", pages.vote, name="discussion-vote"),
    path(f"{REPLY}edit/", pages.edit, name="discussion-edit"),
    path(f"{REPLY}delete/", pages.delete, name="discussion-delete"),
    path(f"{REPLY}history/", pages.history, name="discussion-history"),
]
