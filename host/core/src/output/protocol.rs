//! The `::{...}::` lines by which a task sends outputs, metrics and logs; found in raw lines, before anything is masked.

use jiff::SignedDuration;
use memchr::memmem::Finder;
use serde_json::{Map, Value};

use super::level::LogLevel;
use super::line::Block;
use super::metric::{Metric, MetricKind};

/// How deep the JSON of a marker may nest.
pub const MAX_DEPTH: usize = 64;

/// How many keys the JSON of a marker may hold, at all depths together.
pub const MAX_KEYS: usize = 10_000;

const OPENING: &[u8] = b"::{";

/// A piece of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment<'a> {
    /// Plain output, with the line ends in it.
    Text(&'a [u8]),
    /// A whole marker line.
    Marker {
        /// The line with its end.
        line: &'a [u8],
        /// What stands between the colons.
        json: &'a [u8],
    },
    /// The first piece of a line that looks like a marker but is longer than a line may be; what was printed is text.
    OversizedMarker,
}

/// Finds the markers of one stream.
#[derive(Debug)]
pub struct MarkerScanner {
    finder: Finder<'static>,
    inside_line: bool,
}

impl Default for MarkerScanner {
    fn default() -> Self {
        MarkerScanner {
            finder: Finder::new(OPENING),
            inside_line: false,
        }
    }
}

impl MarkerScanner {
    /// Cuts the stream's next block into text and markers, in order. Text without a marker costs one search over the block.
    pub fn scan<'a>(&mut self, block: Block<'a>, mut give: impl FnMut(Segment<'a>)) {
        let bytes = block.bytes;
        let begins_inside = std::mem::replace(&mut self.inside_line, block.continued);
        if block.continued {
            if !begins_inside && bytes.starts_with(OPENING) {
                give(Segment::OversizedMarker);
            }
            give(Segment::Text(bytes));
            return;
        }
        let mut given = 0;
        let mut from = 0;
        while let Some(found) = self.finder.find(&bytes[from..]) {
            let start = from + found;
            let end =
                memchr::memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |at| start + at + 1);
            let at_line_start = if start == 0 {
                !begins_inside
            } else {
                bytes[start - 1] == b'\n'
            };
            if at_line_start && let Some(json) = marker_json(&bytes[start..end]) {
                if given < start {
                    give(Segment::Text(&bytes[given..start]));
                }
                give(Segment::Marker {
                    line: &bytes[start..end],
                    json,
                });
                given = end;
            }
            from = end;
        }
        if given < bytes.len() {
            give(Segment::Text(&bytes[given..]));
        }
    }
}

/// What stands between the colons, if the whole line is a marker.
fn marker_json(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let json = line.strip_prefix(b"::")?.strip_suffix(b"::")?;
    (json.starts_with(b"{") && json.ends_with(b"}")).then_some(json)
}

/// A log line that a task sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its level.
    pub level: LogLevel,
    /// What it says.
    pub message: String,
}

/// What one marker holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Frame {
    /// Outputs, to be merged into those before.
    pub outputs: Map<String, Value>,
    /// Metrics, in order.
    pub metrics: Vec<Metric>,
    /// Log lines, in order.
    pub logs: Vec<LogEntry>,
    /// Parts that could not be used, and why; the rest of the frame counts.
    pub warnings: Vec<String>,
    /// Parts that are accepted and not used.
    pub notes: Vec<String>,
}

impl Frame {
    /// Reads what stands between the colons.
    ///
    /// # Errors
    /// Where it is not a JSON object within [`MAX_DEPTH`] and [`MAX_KEYS`]; says why.
    pub fn parse(json: &[u8]) -> Result<Frame, String> {
        let value: Value =
            serde_json::from_slice(json).map_err(|error| format!("it is not JSON: {error}"))?;
        let mut keys = 0;
        check_limits(&value, 1, &mut keys)?;
        let Value::Object(fields) = value else {
            return Err("it is not a JSON object".to_owned());
        };
        let mut frame = Frame::default();
        for (name, value) in fields {
            if value.is_null() {
                continue;
            }
            match name.as_str() {
                "outputs" => match value {
                    Value::Object(outputs) => frame.outputs = outputs,
                    other => frame.warnings.push(format!(
                        "`outputs` must be an object, not {}",
                        kind_of(&other)
                    )),
                },
                "metrics" => frame.each(&name, value, Frame::add_metric),
                "logs" => frame.each(&name, value, Frame::add_log),
                "assets" | "otlp" | "encryptedOutputs" => {
                    frame.notes.push(format!(
                        "`{name}` of a `::{{...}}::` line is accepted and not used"
                    ));
                }
                _ => {}
            }
        }
        Ok(frame)
    }

    fn each(
        &mut self,
        name: &str,
        value: Value,
        add: fn(&mut Frame, &Map<String, Value>) -> Result<(), String>,
    ) {
        let Value::Array(items) = value else {
            self.warnings
                .push(format!("`{name}` must be a list, not {}", kind_of(&value)));
            return;
        };
        for (index, item) in items.iter().enumerate() {
            let result = match item {
                Value::Object(fields) => add(self, fields),
                other => Err(format!("it must be an object, not {}", kind_of(other))),
            };
            if let Err(reason) = result {
                self.warnings
                    .push(format!("`{name}[{index}]` is left out: {reason}"));
            }
        }
    }

    fn add_metric(&mut self, fields: &Map<String, Value>) -> Result<(), String> {
        let Some(Value::String(name)) = fields.get("name") else {
            return Err("`name` must be a text".to_owned());
        };
        let kind = match fields
            .get("type")
            .and_then(Value::as_str)
            .map(str::to_ascii_lowercase)
            .as_deref()
        {
            Some("counter") => MetricKind::Counter,
            Some("timer") => MetricKind::Timer,
            Some("gauge") => MetricKind::Gauge,
            _ => return Err("`type` must be `counter`, `timer` or `gauge`".to_owned()),
        };
        let value = fields.get("value").unwrap_or(&Value::Null);
        let value = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => number_or_duration(text, kind),
            _ => None,
        };
        let Some(value) = value.filter(|value| value.is_finite()) else {
            return Err(match kind {
                MetricKind::Timer => {
                    "`value` must be a number of seconds or a duration such as `PT1.5S`".to_owned()
                }
                _ => "`value` must be a number".to_owned(),
            });
        };
        let tags = match fields.get("tags") {
            None | Some(Value::Null) => Default::default(),
            Some(Value::Object(tags)) => tags
                .iter()
                .map(|(name, value)| (name.clone(), plain_text(value)))
                .collect(),
            Some(other) => return Err(format!("`tags` must be an object, not {}", kind_of(other))),
        };
        self.metrics.push(Metric {
            name: name.clone(),
            kind,
            value,
            tags,
        });
        Ok(())
    }

    fn add_log(&mut self, fields: &Map<String, Value>) -> Result<(), String> {
        let message = match fields.get("message") {
            None | Some(Value::Null) => return Err("`message` is missing".to_owned()),
            Some(value) => plain_text(value),
        };
        let level = match fields.get("level") {
            None | Some(Value::Null) => LogLevel::Info,
            Some(Value::String(name)) => LogLevel::from_name(name).unwrap_or_else(|| {
                self.warnings.push(format!("`{name}` is not a log level (`TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR`); `INFO` is taken"));
                LogLevel::Info
            }),
            Some(other) => return Err(format!("`level` must be a text, not {}", kind_of(other))),
        };
        self.logs.push(LogEntry { level, message });
        Ok(())
    }
}

fn number_or_duration(text: &str, kind: MetricKind) -> Option<f64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return Some(number);
    }
    match kind {
        MetricKind::Timer => text
            .parse::<SignedDuration>()
            .ok()
            .map(|duration| duration.as_secs_f64()),
        _ => None,
    }
}

/// A text as it is, anything else as JSON.
fn plain_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The parser itself stops at depth 128, so this recursion is bounded.
fn check_limits(value: &Value, depth: usize, keys: &mut usize) -> Result<(), String> {
    if depth > MAX_DEPTH && (value.is_array() || value.is_object()) {
        return Err(format!("it nests deeper than {MAX_DEPTH} levels"));
    }
    match value {
        Value::Array(items) => items
            .iter()
            .try_for_each(|item| check_limits(item, depth + 1, keys)),
        Value::Object(fields) => {
            *keys += fields.len();
            if *keys > MAX_KEYS {
                return Err(format!("it holds more than {MAX_KEYS} keys"));
            }
            fields
                .values()
                .try_for_each(|item| check_limits(item, depth + 1, keys))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_whole_lines_from_the_first_column_are_markers() {
        let check = |text: &str, expected: &[(&str, bool)]| {
            let mut found = Vec::new();
            MarkerScanner::default().scan(
                Block {
                    bytes: text.as_bytes(),
                    continued: false,
                },
                |segment| {
                    found.push(match segment {
                        Segment::Text(bytes) => {
                            (String::from_utf8_lossy(bytes).into_owned(), false)
                        }
                        Segment::Marker { json, .. } => {
                            (String::from_utf8_lossy(json).into_owned(), true)
                        }
                        Segment::OversizedMarker => panic!("not a piece"),
                    });
                },
            );
            let expected: Vec<(String, bool)> = expected
                .iter()
                .map(|(text, marker)| (text.to_string(), *marker))
                .collect();
            assert_eq!(found, expected, "{text:?}");
        };
        check("::{\"a\":1}::\n", &[("{\"a\":1}", true)]);
        check(
            "x\n::{}::\r\ny\n",
            &[("x\n", false), ("{}", true), ("y\n", false)],
        );
        check("::{}::\n::{ }::\n", &[("{}", true), ("{ }", true)]);
        check(" ::{}::\n", &[(" ::{}::\n", false)]);
        check("::{}:: \n", &[("::{}:: \n", false)]);
        check("::{}:\n", &[("::{}:\n", false)]);
        check(
            "use a::{b};\n::{oops}::\n",
            &[("use a::{b};\n", false), ("{oops}", true)],
        );
        check("::{\n}::\n", &[("::{\n}::\n", false)]);
        check("::{::\n", &[("::{::\n", false)]);
        check("::{a}::::{b}::\n", &[("{a}::::{b}", true)]);
        check("\n\n", &[("\n\n", false)]);
    }

    #[test]
    fn pieces_of_a_long_line_hold_no_marker() {
        let mut scanner = MarkerScanner::default();
        let mut found = Vec::new();
        for (bytes, continued) in [
            ("::{\"a", true),
            ("::{}::", true),
            ("::{}::\n::{}::\n", false),
            ("::{}::\n", false),
        ] {
            scanner.scan(
                Block {
                    bytes: bytes.as_bytes(),
                    continued,
                },
                |segment| found.push(segment),
            );
        }
        assert_eq!(
            found,
            vec![
                Segment::OversizedMarker,
                Segment::Text(b"::{\"a"),
                Segment::Text(b"::{}::"),
                Segment::Text(b"::{}::\n"),
                Segment::Marker {
                    line: b"::{}::\n",
                    json: b"{}"
                },
                Segment::Marker {
                    line: b"::{}::\n",
                    json: b"{}"
                },
            ]
        );
    }

    #[test]
    fn a_frame_holds_outputs_metrics_and_logs() {
        let frame = Frame::parse(
            br#"{"outputs":{"a":1,"n":null},"metrics":[{"name":"rows","type":"counter","value":20,"tags":{"x":"y","n":3}},
                {"name":"t","type":"timer","value":"PT1.5S"},{"name":"t","type":"timer","value":2},{"name":"g","type":"gauge","value":"0.5"}],
                "logs":[{"level":"warning","message":"careful"},{"message":"hello"}],"unknown":[1],"assets":{},"otlp":null}"#,
        )
        .unwrap();
        assert_eq!(Value::Object(frame.outputs), json!({"a": 1, "n": null}));
        let metrics: Vec<(&str, MetricKind, f64)> = frame
            .metrics
            .iter()
            .map(|metric| (metric.name.as_str(), metric.kind, metric.value))
            .collect();
        assert_eq!(
            metrics,
            vec![
                ("rows", MetricKind::Counter, 20.0),
                ("t", MetricKind::Timer, 1.5),
                ("t", MetricKind::Timer, 2.0),
                ("g", MetricKind::Gauge, 0.5)
            ]
        );
        assert_eq!(frame.metrics[0].tags["n"], "3");
        assert_eq!(
            frame.logs,
            vec![
                LogEntry {
                    level: LogLevel::Warn,
                    message: "careful".into()
                },
                LogEntry {
                    level: LogLevel::Info,
                    message: "hello".into()
                }
            ]
        );
        assert_eq!(frame.warnings, Vec::<String>::new());
        assert_eq!(frame.notes.len(), 1);
    }

    #[test]
    fn a_bad_part_is_named_and_the_rest_counts() {
        let check = |json: &str, expected: &str| {
            let frame = Frame::parse(json.as_bytes()).unwrap();
            assert_eq!(frame.warnings, vec![expected.to_owned()], "{json}");
        };
        check(
            r#"{"outputs":[1]}"#,
            "`outputs` must be an object, not a list",
        );
        check(
            r#"{"metrics":{}}"#,
            "`metrics` must be a list, not an object",
        );
        check(
            r#"{"metrics":[{"name":"a","type":"counter","value":1},7]}"#,
            "`metrics[1]` is left out: it must be an object, not a number",
        );
        check(
            r#"{"metrics":[{"type":"counter","value":1}]}"#,
            "`metrics[0]` is left out: `name` must be a text",
        );
        check(
            r#"{"metrics":[{"name":"a","type":"histogram","value":1}]}"#,
            "`metrics[0]` is left out: `type` must be `counter`, `timer` or `gauge`",
        );
        check(
            r#"{"metrics":[{"name":"a","type":"counter","value":"NaN"}]}"#,
            "`metrics[0]` is left out: `value` must be a number",
        );
        check(
            r#"{"metrics":[{"name":"a","type":"timer","value":"soon"}]}"#,
            "`metrics[0]` is left out: `value` must be a number of seconds or a duration such as `PT1.5S`",
        );
        check(
            r#"{"logs":[{"level":"INFO"}]}"#,
            "`logs[0]` is left out: `message` is missing",
        );
        check(
            r#"{"logs":[{"level":"LOUD","message":"x"}]}"#,
            "`LOUD` is not a log level (`TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR`); `INFO` is taken",
        );
    }

    #[test]
    fn broken_deep_and_large_frames_are_refused() {
        let check = |json: &str, expected: &str| {
            let error = Frame::parse(json.as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        let nested = |depth: usize| {
            format!(
                "{{\"outputs\":{}{}}}",
                "[".repeat(depth - 1),
                "]".repeat(depth - 1)
            )
        };
        check("{oops}", "not JSON");
        check(&nested(65), "deeper than 64");
        check(&nested(100_000), "not JSON");
        let keys: Vec<String> = (0..MAX_KEYS)
            .map(|number| format!("\"{number}\":1"))
            .collect();
        check(
            &format!("{{\"outputs\":{{{}}}}}", keys.join(",")),
            "more than 10000 keys",
        );
        assert!(Frame::parse(format!("{{\"o\":{}}}", nested(63)).as_bytes()).is_ok());
        assert_eq!(
            Frame::parse(nested(64).as_bytes()).unwrap().warnings,
            vec!["`outputs` must be an object, not a list".to_owned()]
        );
    }
}
