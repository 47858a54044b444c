# Marks the chosen streams in what a tap has discovered: DISCOVERED STREAMS CATALOGUE
import json
import re
import sys

discovered, streams, catalogue = sys.argv[1:]
with open(discovered) as file:
    found = json.load(file)
with open(streams) as file:
    wishes = json.load(file)

METHODS = {"replicationMethod": "replication-method", "replicationKeys": "replication-key"}
names = [stream.get("stream") for stream in found["streams"]]
for wish in wishes:
    if wish.get("stream") is not None and wish["stream"] not in names:
        known = ", ".join(str(name) for name in names) or "none"
        sys.exit(f"the tap has no stream `{wish['stream']}`; it has: {known}")

for stream in found["streams"]:
    # Some taps give no metadata and look at `selected` of the stream and its schema instead.
    entries = stream.setdefault("metadata", [])
    if not any(entry.get("breadcrumb") == [] for entry in entries):
        entries.insert(0, {"breadcrumb": [], "metadata": {}})
    for wish in wishes:
        if wish.get("stream") is not None and wish["stream"] != stream.get("stream"):
            continue
        patterns = wish.get("propertiesPattern") or []
        selected = wish.get("selected", True) is not False
        for entry in entries:
            parts = [part for part in entry.get("breadcrumb", []) if part != "properties"]
            if parts and patterns and not any(re.fullmatch(one, ".".join(parts)) for one in patterns):
                continue
            entry.setdefault("metadata", {})["selected"] = selected
            if not parts:
                for ours, theirs in METHODS.items():
                    if wish.get(ours) is not None:
                        entry["metadata"][theirs] = wish[ours]
        stream["selected"] = selected
        if isinstance(stream.get("schema"), dict):
            stream["schema"]["selected"] = selected

with open(catalogue, "w") as file:
    json.dump(found, file)
