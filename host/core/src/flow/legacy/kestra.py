"""What old Python tasks find beside their script: outputs and metrics, each printed as a line that the host reads."""

import json
import time


class Kestra:
    @staticmethod
    def _send(document):
        print("::" + json.dumps(document) + "::", flush=True)

    @staticmethod
    def _metric(name, kind, value, tags):
        Kestra._send({"metrics": [{"name": name, "type": kind, "value": value, "tags": tags or {}}]})

    @staticmethod
    def outputs(values):
        Kestra._send({"outputs": values})

    @staticmethod
    def counter(name, value, tags=None):
        Kestra._metric(name, "counter", value, tags)

    @staticmethod
    def timer(name, duration, tags=None):
        """Takes seconds, or a function whose time is taken."""
        if callable(duration):
            start = time.monotonic()
            duration()
            duration = time.monotonic() - start
        Kestra._metric(name, "timer", duration, tags)
