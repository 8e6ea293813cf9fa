"""Exports the site's running answers to Prometheus (docs/operating.md)."""

from collections.abc import Iterable

from django.db.models import Count, Min, Q
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric

from assistants.models import AssistantMessage
from core.metrics_export import site_metrics

WAITING, RUNNING = Q(worker=""), ~Q(worker="")


@site_metrics
def answers_in_progress() -> Iterable[Metric]:
    found = AssistantMessage.objects.streaming().aggregate(
        waiting=Count("pk", filter=WAITING),
        running=Count("pk", filter=RUNNING),
        oldest_waiting=Min("created_at", filter=WAITING),
        oldest_unanswered=Min("created_at", filter=Q(content="")),
    )
    jobs = GaugeMetricFamily("sandbox_queue_jobs", "Answers that wait for a worker, or are written.", labels=["state"])
    jobs.add_metric(["waiting"], found["waiting"])
    jobs.add_metric(["running"], found["running"])
    yield jobs
    for name, help_text in (
        ("oldest_waiting", "Seconds for which a question has waited for a worker, at most."),
        ("oldest_unanswered", "Seconds for which a question has been without a first word, at most."),
    ):
        since = found[name]
        age = max(0.0, (timezone.now() - since).total_seconds()) if since else 0.0
        yield GaugeMetricFamily(f"sandbox_{name}_seconds", help_text, value=age)
