# Takes the state out of a Singer program's output and tells how much there was: KIND OUTPUT STATE
import json
import sys

kind, output, state = sys.argv[1:]
count, values, found = 0, {}, False
with open(output, encoding="utf-8") as file:
    for line in file:
        if not line.strip():
            continue
        count += 1
        try:
            message = json.loads(line)
        except ValueError:
            # A target may print what is no message; a tap may not.
            if kind == "tap":
                sys.exit(f"the tap wrote a line that is not JSON: {line[:200].rstrip()}")
            continue
        if kind == "target":
            value = message
        elif isinstance(message, dict) and message.get("type") == "STATE":
            value = message.get("value")
        else:
            continue
        if isinstance(value, dict):
            values.update(value)
            found = True

if found:
    with open(state, "w", encoding="utf-8") as file:
        json.dump(values, file)
outputs = {"count": count} if kind == "tap" else {"state": values}
print("::" + json.dumps({"outputs": outputs}) + "::")
