"""What this process counts, for Prometheus (docs/decisions/0013-metrics.md).

On the way of a frame an integer is added to (`counts`), and no more. What happens once for an answer or a request is
told to Prometheus' client at once. Processes share their figures through the files of PROMETHEUS_MULTIPROC_DIR, and
whichever is asked adds up those of all.
"""

from prometheus_client import Counter, Gauge, Histogram

FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
PATIENT = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Counts:
    """Plain integers, which only the event loop's thread adds to: 30 ns, where a Prometheus counter takes 2.2 µs."""

    __slots__ = ("frames_sent", "gaps_filled", "gaps_found", "resyncs")

    def __init__(self) -> None:
        self.frames_sent = self.gaps_found = self.gaps_filled = self.resyncs = 0


counts = Counts()

SHARED = {
    "frames_sent": Counter("sandbox_frames_sent", "Frames sent to sockets."),
    "gaps_found": Counter("sandbox_gaps_found", "Times that a feed of a process had missed something."),
    "gaps_filled": Counter("sandbox_gaps_filled", "Gaps that the log could fill."),
    "resyncs": Counter("sandbox_resyncs", "Times that a socket was told to fetch anew."),
}

sockets_open = Gauge("sandbox_sockets_open", "Open sockets.", ["kind"], multiprocess_mode="livesum")
answers_running = Gauge("sandbox_answers_running", "Answers being written.", multiprocess_mode="livesum")
loop_lag = Histogram("sandbox_loop_lag_seconds", "How late an event loop wakes up.", buckets=FAST)
http_requests = Histogram("sandbox_http_request_seconds", "Requests, by status class.", ["status"], buckets=FAST)
first_token = Histogram("sandbox_first_token_seconds", "From question to first words.", buckets=PATIENT)
relay_lag = Histogram("sandbox_relay_lag_seconds", "From the model's words to their publication.", buckets=FAST)
answers_ended = Counter("sandbox_answers_ended", "Answers, by how they ended.", ["status", "error"])
layer_failures = Counter("sandbox_layer_failures", "Times that Redis could not be reached for live frames.")
throttled = Counter("sandbox_throttled", "Requests and sockets that met a limit.", ["limit"])
thread_queue = Gauge(
    "sandbox_thread_queue", "Calls that wait for a thread of a pool.", ["pool"], multiprocess_mode="livesum"
)
thread_refusals = Counter("sandbox_thread_refusals", "Requests that met a full queue, and got 503.", ["pool"])
