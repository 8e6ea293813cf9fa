"""The metrics of this process for Prometheus (docs/decisions/0013-metrics.md).

Code that runs for every frame adds to a plain integer (`runtime/metrics.py`), exported once a second. Events of an
answer or a request go to Prometheus' client directly. Processes share their metrics through the files of
PROMETHEUS_MULTIPROC_DIR, and the process that serves the request adds them up.
"""

from prometheus_client import Counter, Gauge, Histogram

from live.metrics import flush_observers

SHORT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LONG_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


throttled = Counter("sandbox_throttled", "Requests and sockets that met a limit.", ["limit"])

# Keyed by the names of the counters in `runtime.metrics.totals`.
SHARED = {
    "frames_sent": Counter("sandbox_frames_sent", "Frames sent to sockets."),
    "gaps_found": Counter("sandbox_gaps_found", "Times that a feed of a process had missed something."),
    "gaps_filled": Counter("sandbox_gaps_filled", "Gaps that the log could fill."),
    "resyncs": Counter("sandbox_resyncs", "Resyncs sent to sockets."),
    "layer_failures": Counter("sandbox_layer_failures", "Times that Redis could not be reached for live frames."),
    "sockets_refused": throttled.labels("sockets"),
    "frames_refused": throttled.labels("frames"),
}

sockets_open = Gauge("sandbox_sockets_open", "Open sockets.", ["kind"], multiprocess_mode="livesum")
answers_running = Gauge("sandbox_answers_running", "Answers being written.", multiprocess_mode="livesum")
loop_lag = Histogram("sandbox_loop_lag_seconds", "How late an event loop wakes up.", buckets=SHORT_BUCKETS)
http_requests = Histogram(
    "sandbox_http_request_seconds", "Requests, by status class.", ["status"], buckets=SHORT_BUCKETS
)
first_token = Histogram("sandbox_first_token_seconds", "From question to first words.", buckets=LONG_BUCKETS)
relay_lag = Histogram(
    "sandbox_relay_lag_seconds", "From the model's words to their publication.", buckets=SHORT_BUCKETS
)
flush_observers.append(relay_lag.observe)
answers_ended = Counter("sandbox_answers_ended", "Answers, by how they ended.", ["status", "error"])
thread_queue = Gauge(
    "sandbox_thread_queue", "Calls that wait for a thread of a pool.", ["pool"], multiprocess_mode="livesum"
)
thread_refusals = Counter("sandbox_thread_refusals", "Requests that met a full queue, and got 503.", ["pool"])
