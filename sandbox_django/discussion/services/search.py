"""Finding topics by their words.

PostgreSQL keeps a search vector of title and text for each topic (migration 0002), and ranks what it finds. Where that
is nothing it looks for titles with words that are spelt like these, if it has pg_trgm. SQLite looks for the letters.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import and_, or_

from django.db import connection, transaction
from django.db.models import F, Func, IntegerField, Q, QuerySet, Value

from discussion.models import DiscussionTopic

# Of a word that is everywhere only the newest topics are ranked and counted: reading all would take too long.
FOUND_AT_MOST = 500
SPELT_LIKE_AT_MOST = 50
MAX_LENGTH = 200  # characters of what is looked for
SIMILAR = 5

MATCHING = """
    SELECT id FROM (
        SELECT id, search_vector FROM discussion_discussiontopic
        WHERE search_vector @@ {query} ORDER BY id DESC LIMIT %s
    ) newest ORDER BY ts_rank(search_vector, {query}) DESC, id DESC LIMIT %s
"""
WHOLE = MATCHING.format(query="websearch_to_tsquery('english', %s)")
# Any of the words: "a & b" becomes "a | b".
ANY = MATCHING.format(query="replace(plainto_tsquery('english', %s)::text, '&', '|')::tsquery")
SPELT_LIKE = """
    SELECT id FROM discussion_discussiontopic
    WHERE title %%> %s ORDER BY word_similarity(%s, title) DESC, id DESC LIMIT %s
"""
TRIGRAM_INDEX = "SELECT to_regclass('topic_title_trigrams') IS NOT NULL"
LIKENESS = "SELECT set_config('pg_trgm.word_similarity_threshold', '0.45', true)"


def found(topics: QuerySet[DiscussionTopic], words: str) -> QuerySet[DiscussionTopic]:
    """Those of the topics that have these words, the best first."""
    words = tidied(words)
    if connection.vendor != "postgresql":
        return _with_letters(topics, words, and_).order_by("-pk")
    ids = _ids(WHOLE, [words, FOUND_AT_MOST, words, FOUND_AT_MOST]) or _spelt_like(words, SPELT_LIKE_AT_MOST)
    return _in_order(topics, ids)


def similar(topics: QuerySet[DiscussionTopic], title: str) -> QuerySet[DiscussionTopic]:
    """A few topics that may be about the same, for whoever is about to ask."""
    title = tidied(title)
    if connection.vendor != "postgresql":
        return _with_letters(topics, title, or_).order_by("-pk")[:SIMILAR]
    ids = _ids(ANY, [title, FOUND_AT_MOST, title, SIMILAR]) or _spelt_like(title, SIMILAR)
    return _in_order(topics, ids)


def tidied(words: str) -> str:
    return " ".join(words.replace("\x00", "").split())[:MAX_LENGTH]


def _spelt_like(words: str, limit: int) -> list[int]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TRIGRAM_INDEX)
        if cursor.fetchone() != (True,):
            return []
        cursor.execute(LIKENESS)
        return _ids(SPELT_LIKE, [words, words, limit])


def _ids(sql: str, values: Sequence[str | int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [pk for (pk,) in cursor.fetchall()]


def _in_order(topics: QuerySet[DiscussionTopic], ids: list[int]) -> QuerySet[DiscussionTopic]:
    place = Func(Value(ids), F("pk"), function="array_position", output_field=IntegerField())
    return topics.filter(pk__in=ids).order_by(place)


def _with_letters(
    topics: QuerySet[DiscussionTopic], words: str, combine: Callable[[Q, Q], Q]
) -> QuerySet[DiscussionTopic]:
    tests = [Q(title__icontains=word) | Q(content__icontains=word) for word in words.split()[:10]]
    return topics.filter(reduce(combine, tests)) if tests else topics.none()
