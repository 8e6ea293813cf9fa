"""Searches topics by the words of their titles and texts.

PostgreSQL finds topics of any age by its trigram index. Without the index, topics are compared one by one, so a search
is limited to the newest topics. If no topic contains the words, the search returns topics with similarly spelt titles.
"""

import re
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import add, or_

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan, LessThan

from core.search_text import SearchQuery, finds_by_index, has_word, searchable
from discussion.models import DiscussionTopic

# If more topics match, only the newest are ranked and counted, since reading all of them would take too long.
MAX_FOUND = 500
MAX_COMPARED = 50_000  # topics that are compared one by one
SPELT_ALIKE_AMONG = 1_000  # only this many of the newest titles are compared
MAX_SPELT_ALIKE = 50
LIKENESS = 0.45  # a title must contain this share of the query's trigrams
SIMILAR = 5
SHORTEST_SIMILAR = 3  # shorter words are not used to find similar topics
INDEX = "topic_trigrams"
WORD = re.compile(r"[^\W_]{2,}")


def search_topics(topics: QuerySet[DiscussionTopic], text: str) -> QuerySet[DiscussionTopic]:
    """Returns the topics that contain all words of `text`. Topics with the words in their title come first."""
    query = SearchQuery.parse(text)
    if not query:
        return topics.none()
    ids = _newest(query.filter(_to_compare(query)), MAX_FOUND) or _spelt_alike(query, MAX_SPELT_ALIKE)
    return _best_first(topics, ids, query.words)


def similar(topics: QuerySet[DiscussionTopic], title: str) -> QuerySet[DiscussionTopic]:
    """Returns a few topics whose titles are similar to the title that a user is typing."""
    query = SearchQuery.parse(title)
    words = [word for word in query.words if len(word) >= SHORTEST_SIMILAR or not word.isascii()]
    if not words:
        return topics.none()
    any_word = reduce(or_, (has_word(word) for word in words))
    ids = _newest(_newest_to_compare().filter(any_word), MAX_FOUND) or _spelt_alike(query, SIMILAR)
    return _best_first(topics, ids, words)[:SIMILAR]


def normalized(words: str) -> str:
    return " ".join(words.replace("\x00", "").split())


def _to_compare(query: SearchQuery) -> QuerySet[DiscussionTopic]:
    return DiscussionTopic.objects.all() if finds_by_index(INDEX, query.words) else _newest_to_compare()


def _newest_to_compare() -> QuerySet[DiscussionTopic]:
    topics = DiscussionTopic.objects.all()
    edge = list(topics.order_by("-pk").values_list("pk", flat=True)[MAX_COMPARED : MAX_COMPARED + 1])
    return topics.filter(pk__gt=edge[0]) if edge else topics


def _newest(topics: QuerySet[DiscussionTopic], limit: int) -> list[int]:
    return list(topics.order_by("-pk").values_list("pk", flat=True)[:limit])


def _best_first(
    topics: QuerySet[DiscussionTopic], ids: Sequence[int], words: Iterable[str]
) -> QuerySet[DiscussionTopic]:
    """Orders topics by how many of the words are in the title, then in the title or text, then by age, newest first."""
    places = [StrIndex("search_text", Value(word)) for word in words]
    title_end = StrIndex("search_text", Value("\n"))  # the title is the first line of `search_text`
    in_title = reduce(add, (_one_if(Q(GreaterThan(place, 0), LessThan(place, title_end))) for place in places))
    in_all = reduce(add, (_one_if(Q(GreaterThan(place, 0))) for place in places))
    return topics.filter(pk__in=ids).order_by(in_title.desc(), in_all.desc(), "-pk")


def _one_if(condition: Q) -> Case:
    return Case(When(condition, then=1), default=0, output_field=IntegerField())


def _spelt_alike(query: SearchQuery, limit: int) -> list[int]:
    """Returns the ids of topics whose titles share most of the query's trigrams. This allows typos and other word
    endings.
    """
    if any(map(str.isdigit, "".join(query.words))):
        return []  # a title with another number or date is about something else
    wanted = _trigrams(" ".join(query.words))
    if not wanted:
        return []
    likeness = {
        pk: len(wanted & _trigrams(searchable(title))) / len(wanted)
        for pk, title in DiscussionTopic.objects.order_by("-pk").values_list("pk", "title")[:SPELT_ALIKE_AMONG]
    }
    alike = [pk for pk, share in likeness.items() if share >= LIKENESS]
    return sorted(alike, key=lambda pk: (-likeness[pk], -pk))[:limit]


def _trigrams(text: str) -> set[str]:
    padded = (f"  {word} " for word in WORD.findall(text))
    return {word[at : at + 3] for word in padded for at in range(len(word) - 2)}
