"""The pages of the forum. They work without JavaScript; with it, they are live."""

import json
from collections.abc import Callable
from hashlib import sha256
from http import HTTPStatus
from secrets import token_hex
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import NON_FIELD_ERRORS
from django.db import IntegrityError, transaction
from django.db.models import Model, QuerySet
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from core.cpu_bound import renders
from core.errors import Refused
from core.models import IdempotencyKey
from core.query import parse_id
from core.throttling import RateLimited, counts_survive_rollback
from discussion.forms import ReplyForm, TextForm, TopicForm
from discussion.groups import LIST, inbox_feed, topic_feed
from discussion.models import DiscussionReply, DiscussionTopic, Notification, Tag
from discussion.permissions import require_author_or_staff
from discussion.post_presenter import PostPresenter
from discussion.services.answers import accept_answer, unaccept_answer
from discussion.services.inbox import mark_read
from discussion.services.lists import Sort, topics_for
from discussion.services.replies import TopicClosed, delete_reply, edit_reply, post_reply
from discussion.services.topics import create_topic, delete_topic, edit_topic, moderate_topic
from discussion.services.views import count_view
from discussion.services.votes import vote_on
from discussion.views.topic_views import SEARCHES
from live import feeds

RowType = TypeVar("RowType", bound=Model)

SHOWN_TOPICS = 30
SHOWN_REPLIES = 50
SHOWN_TAGS = 20
SHOWN_EDITS = 50
LAST_PAGE = 100_000


@login_required
@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Shows the list of topics."""
    me = current_user(request)
    since = feeds.head(LIST)  # read before the rows, so that the page misses no event
    query = {name: request.GET.get(name, "").strip() for name in ("sort", "tag", "search")}
    if query["sort"] not in Sort:
        query["sort"] = ""
    topics: QuerySet[DiscussionTopic] = DiscussionTopic.objects.none()
    limit = ""
    try:
        if query["search"]:
            SEARCHES.hit(me.pk)
        topics = topics_for(me, **query)
    except RateLimited as refusal:
        limit = refusal.page_text
    sort = query["sort"] or ("" if query["search"] else Sort.NEW)
    context = {
        **query,
        **page_of(request, topics, SHOWN_TOPICS),
        "limit": limit,
        "since": since,
        "sorts": [(value, label, value == sort, address(**query | {"sort": value})) for value, label in Sort.choices],
        "is_best": not sort,
        "best_address": address(**query | {"sort": ""}),
        "popular_tags": Tag.objects.filter(topic_count__gt=0)[:SHOWN_TAGS],
    }
    return show(request, "discussion/home.html", context, status=429 if limit else 200)


@renders
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Shows the form for a new topic. A `POST` creates the topic."""
    tags = request.GET.get("tag", "")
    form = TopicForm(request.POST or None, initial={"tags": tags})
    if form.is_valid():
        try:
            made = once(request, lambda: create_topic(current_user(request), **form.cleaned_data))
        except RateLimited as limit:
            form.add_error(None, limit.form_error())
        else:
            return redirect("discussion-detail", made)
    return show(request, "discussion/new.html", {"form": form, "key": token_hex(16)})


@renders
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def topic(request: HttpRequest, pk: int) -> HttpResponse:
    """Shows a topic with its replies. A `POST` posts a reply."""
    me = current_user(request)
    since = feeds.head(topic_feed(pk))
    opened = topic_of(request, pk)
    form = ReplyForm(request.POST or None)
    if form.is_valid():
        try:
            made = once(request, lambda: post_reply(opened, by=me, **form.cleaned_data))
        except Refused as refusal:
            form.add_error(None, refusal.form_error())
        else:
            return redirect("discussion-reply", pk, made)
    count_view(opened, visitor=f"user {me.pk}")
    replies = opened.replies.for_viewer(me).accepted_first()
    if (wanted := parse_id(request.GET.get("reply", ""))) is not None:
        ids = list(replies.values_list("pk", flat=True))
        place = ids.index(wanted) if wanted in ids else 0
        shown = page_of(request, replies, SHOWN_REPLIES, number=place // SHOWN_REPLIES + 1)
    else:
        shown = page_of(request, replies, SHOWN_REPLIES)
    for row in shown["rows"]:
        row.topic = opened  # saves one query per row
    context = {
        **shown,
        "topic": opened,
        "question": PostPresenter(opened, me),
        "replies": [PostPresenter(row, me) for row in shown["rows"]],
        "blank": PostPresenter(DiscussionReply(topic=opened, created_at=timezone.now()), me),
        "closed_text": TopicClosed.default_detail,
        "form": form,
        "key": token_hex(16),
        "since": since,
        "per_page": SHOWN_REPLIES,
    }
    return show(request, "discussion/topic.html", context)


@login_required
@require_safe
def reply(request: HttpRequest, pk: int, reply_id: int) -> HttpResponse:
    """Redirects to the page of the topic that shows this reply."""
    return redirect(f"{reverse('discussion-detail', args=[pk])}?reply={reply_id}#reply-{reply_id}")


@login_required
@require_POST
def vote(request: HttpRequest, pk: int, reply_id: int | None = None) -> HttpResponse:
    value = request.POST.get("vote")
    if value not in ("1", "0", "-1"):
        return HttpResponseBadRequest()
    obj = post_of(request, pk, reply_id)
    return run_and_redirect(request, obj, lambda: vote_on(obj, value=int(value), by=current_user(request)))


@login_required
@require_POST
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    """Accepts the reply with the id `reply` as the answer. Without an id, removes the accepted answer's mark."""
    opened, chosen = topic_of(request, pk), request.POST.get("reply", "")
    if not chosen:
        return run_and_redirect(request, opened, lambda: unaccept_answer(opened, by=current_user(request)))
    obj = post_of(request, pk, parse_id(chosen) or 0)
    return run_and_redirect(request, obj, lambda: accept_answer(opened, reply_id=obj.pk, by=current_user(request)))


@login_required
@require_POST
def moderate(request: HttpRequest, pk: int) -> HttpResponse:
    """Closes, reopens, pins or unpins a topic."""
    opened = topic_of(request, pk)
    wanted = {name: request.POST[name] == "1" for name in ("is_closed", "is_pinned") if name in request.POST}
    return run_and_redirect(request, opened, lambda: moderate_topic(opened, by=current_user(request), **wanted))


@renders
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int, reply_id: int | None = None) -> HttpResponse:
    """Edits a post. Pages with JavaScript fetch this page's form and show it in place."""
    post = my_post(request, pk, reply_id)
    obj = post.obj
    form: Form
    if isinstance(obj, DiscussionTopic):
        now = {"title": obj.title, "content": obj.content, "tags": " ".join(obj.tag_names)}
        form = TopicForm(request.POST or None, initial=now, auto_id="edit_%s")
    else:
        form = TextForm(request.POST or None, initial={"content": obj.content}, auto_id="edit_%s")
    if form.is_valid():
        try:
            if isinstance(obj, DiscussionTopic):
                edit_topic(obj, by=post.viewer, **form.cleaned_data)
            else:
                edit_reply(obj, by=post.viewer, **form.cleaned_data)
        except Refused as refusal:
            form.add_error(None, refusal.form_error())
        else:
            return redirect(post.page)
    return show(request, "discussion/edit.html", {"post": post, "form": form})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, pk: int, reply_id: int | None = None) -> HttpResponse:
    """Asks the user for confirmation. A `POST` deletes the post."""
    post = my_post(request, pk, reply_id)
    obj = post.obj
    if request.method == "POST":
        try:
            if isinstance(obj, DiscussionTopic):
                delete_topic(obj, by=post.viewer)
            else:
                delete_reply(obj, by=post.viewer)
        except Refused as refusal:
            messages.error(request, refusal.page_text)
            return redirect(post.page)
        messages.success(request, f"“{obj}” is deleted." if post.is_topic else "Your reply is deleted.")
        return redirect("discussion-home") if post.is_topic else redirect("discussion-detail", pk)
    return show(request, "discussion/delete.html", {"post": post})


@login_required
@never_cache
@require_safe
def history(request: HttpRequest, pk: int, reply_id: int | None = None) -> HttpResponse:
    """Shows the earlier versions of a post."""
    post = PostPresenter(post_of(request, pk, reply_id), current_user(request))
    edits = post.obj.edits.select_related("editor")[:SHOWN_EDITS]
    return show(request, "discussion/history.html", {"post": post, "edits": edits})


@login_required
@never_cache
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """Shows the user's topics or replies."""
    me = current_user(request)
    is_replies = request.GET.get("what") == "replies"
    if is_replies:
        shown = page_of(request, me.discussion_replies.select_related("topic").order_by("-pk"), SHOWN_TOPICS)
    else:
        topics = DiscussionTopic.objects.for_viewer(me).filter(author=me).order_by("-pk")
        shown = page_of(request, topics, SHOWN_TOPICS)
    return show(request, "discussion/mine.html", {**shown, "is_replies": is_replies})


@login_required
@never_cache
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """Shows the user's notifications."""
    me = current_user(request)
    since = feeds.head(inbox_feed(me.pk))  # read before the rows, as on every page
    shown = page_of(request, Notification.objects.inbox_of(me), SHOWN_TOPICS)
    return show(request, "discussion/inbox.html", {**shown, "inbox_since": since})


@login_required
@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    mark_read(current_user(request))
    return redirect("discussion-my-inbox")


def current_user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # ensured by login_required
    return request.user


def topic_of(request: HttpRequest, pk: int) -> DiscussionTopic:
    topics: QuerySet[DiscussionTopic] = DiscussionTopic.objects.for_viewer(current_user(request))
    return get_object_or_404(topics, pk=pk)


def post_of(request: HttpRequest, pk: int, reply_id: int | None) -> DiscussionTopic | DiscussionReply:
    if reply_id is None:
        return topic_of(request, pk)
    replies: QuerySet[DiscussionReply] = DiscussionReply.objects.for_viewer(current_user(request))
    return get_object_or_404(replies, topic=pk, pk=reply_id)


def my_post(request: HttpRequest, pk: int, reply_id: int | None) -> PostPresenter:
    """Returns a post of the current user; staff may get any post."""
    post = PostPresenter(post_of(request, pk, reply_id), current_user(request))
    require_author_or_staff(post.obj, post.viewer)
    return post


def show(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """Renders a page of the forum, with the number of the user's unread notifications in the header."""
    me = current_user(request)
    if "form" in context and context["form"].has_error(NON_FIELD_ERRORS, RateLimited.default_code):
        status = 429
    if "inbox_since" not in context:
        context["inbox_since"] = feeds.head(inbox_feed(me.pk))
    context["inbox_unread"] = Notification.objects.filter(user=me).unread().count()
    return render(request, template, context, status=status)


def page_of(request: HttpRequest, rows: QuerySet[RowType], size: int, number: int | None = None) -> dict[str, Any]:
    """Returns one page of rows, and the addresses of the previous and the next page. Doesn't count all rows."""
    if number is None:
        number = parse_id(request.GET.get("page", "1")) or 0
    if not 0 < number <= LAST_PAGE:
        raise Http404
    # Reads only the ids at first, since an index provides them quickly even on late pages. Then reads the rows.
    ids = list(rows.values_list("pk", flat=True)[(number - 1) * size : number * size + 1])
    found = rows.order_by().in_bulk(ids[:size])
    query = {name: value for name, value in request.GET.dict().items() if name not in ("page", "reply")}
    return {
        "rows": [found[pk] for pk in ids if pk in found],
        "page_number": number,
        "previous_page": "?" + urlencode(query | {"page": number - 1}) if number > 1 else "",
        "next_page": "?" + urlencode(query | {"page": number + 1}) if len(ids) > size else "",
    }


def address(**query: str) -> str:
    """Returns the address of the list. Leaves out empty values."""
    return reverse("discussion-home") + "?" + urlencode({name: value for name, value in query.items() if value})


def once(request: HttpRequest, make: Callable[[], DiscussionTopic | DiscussionReply]) -> int:
    """Returns the id of the object that this form creates, or has created before. So a double click without JavaScript
    posts once.

    If the user goes back in the browser and sends the same form with another text, that creates another object.
    """
    if not request.POST.get("key"):
        return make().pk
    submission = [
        current_user(request).pk,
        request.path,
        *(request.POST.get(name) for name in ("key", "title", "content", "tags")),
    ]
    digest = sha256(json.dumps(submission).encode()).hexdigest()
    with counts_survive_rollback(), transaction.atomic():
        try:
            with transaction.atomic():
                mine = IdempotencyKey.objects.create(digest=digest, body_digest=digest)
        except IntegrityError:
            # The insert has waited for the first request's transaction, so that request's answer is stored by now.
            return int(IdempotencyKey.objects.get(digest=digest).answer)
        made = make()
        mine.status, mine.answer = HTTPStatus.CREATED, str(made.pk)
        mine.save(update_fields=["status", "answer"])
    return made.pk


def run_and_redirect(
    request: HttpRequest, obj: DiscussionTopic | DiscussionReply, job: Callable[[], object]
) -> HttpResponse:
    """Runs the action, and redirects to the page of its post. That page shows an error if the action was refused."""
    try:
        job()
    except Refused as refusal:
        messages.error(request, refusal.page_text)
    return redirect(PostPresenter(obj, current_user(request)).page)
