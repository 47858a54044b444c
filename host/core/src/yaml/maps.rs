//! Maps: keys that are text, each once, and the merge key `<<`.

use std::collections::HashSet;
use std::sync::Arc;

use super::compose::{Built, Composer, Stop};
use super::events::{Event, Tag};
use super::keys::Seen;
use super::path::Segment;
use super::resolve::resolve;
use super::{Entry, Node, NodeKind, Scalar, ScalarStyle, Span};
use crate::diagnostic::{Code, Diagnostic};
use crate::text::clip;

struct Key {
    text: Arc<str>,
    span: Span,
    merges: bool,
}

/// A merge key that waits for the end of its map.
struct Merge {
    /// The index among the entries at which it stood.
    at: usize,
    key_span: Span,
    value: Node,
}

impl<'text> Composer<'text, '_> {
    /// Reads a map, of which the start has been read.
    pub(super) fn map(&mut self, start: Span) -> Result<Built, Stop> {
        let first = self.cursor.collection(start, false);
        let bracket = self.cursor.is_bracket(first);
        if bracket {
            self.brackets.push(first as usize);
        }
        let mut end = first;
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen = Seen::default();
        let mut merge: Option<Merge> = None;
        let mut nodes = 1;
        let mut depth = 0;
        loop {
            let (event, span) = self.event()?;
            if matches!(event, Event::End) {
                end = self.cursor.close(span, end);
                if bracket {
                    self.brackets.pop();
                }
                break;
            }
            let key = self.key(event, span)?;
            match &key {
                Some(key) => self.path.push(Segment::Key(Arc::clone(&key.text))),
                None => self.path.push(Segment::Key(Arc::from("?"))),
            }
            let (event, span) = self.event()?;
            let value = self.node(event, span)?;
            end = value.end;
            nodes += value.nodes;
            depth = depth.max(value.depth);
            if let Some(key) = key {
                if key.merges && merge.is_none() {
                    merge = Some(Merge {
                        at: entries.len(),
                        key_span: key.span,
                        value: value.node,
                    });
                } else if key.merges {
                    let first = merge.as_ref().map_or(key.span, |merge| merge.key_span);
                    self.duplicate(&key, first);
                } else if let Some(first) = seen.insert(&key.text, &entries) {
                    let first = entries[first].key_span;
                    self.duplicate(&key, first);
                } else {
                    entries.push(Entry {
                        key: key.text,
                        key_span: key.span,
                        value: value.node,
                    });
                }
            }
            self.path.pop();
        }
        if let Some(merge) = merge {
            self.merge(merge, &mut entries);
        }
        Ok(Built {
            node: Node {
                span: Span::between(first, end),
                kind: NodeKind::Map(entries),
            },
            end,
            nodes,
            depth: depth + 1,
        })
    }

    /// Reads a key; nothing where it cannot be one, which is noted.
    fn key(&mut self, event: Event<'text>, span: Span) -> Result<Option<Key>, Stop> {
        let unsupported = |composer: &mut Self, span, message: &str| {
            composer.note(|_| {
                Diagnostic::error(Code::YamlUnsupported, span, message).label("a key is text")
            });
        };
        match event {
            Event::Scalar {
                text,
                style,
                properties,
            } => {
                let given = span;
                let span = self.cursor.scalar(given, style);
                if let Some(repair) = self.repair(span) {
                    self.expression(&repair.text, repair.span);
                    let text = self.keys.get(&repair.text);
                    return Ok(Some(Key {
                        text,
                        span,
                        merges: false,
                    }));
                }
                self.check_key(&text, span)?;
                let merges =
                    style == ScalarStyle::Plain && text == "<<" && properties.tag.is_none();
                if let Some(tag) = &properties.tag
                    && !matches!(tag, Tag::Standard(name) if name == "merge")
                {
                    self.tagged(&text, style, tag, given);
                }
                let text = self.keys.get(&text);
                if properties.anchor != 0 {
                    let scalar = Scalar {
                        value: resolve(&text, style),
                        text: Arc::clone(&text),
                        style,
                    };
                    let built = Built {
                        node: Node {
                            span,
                            kind: NodeKind::Scalar(scalar),
                        },
                        end: span.end,
                        nodes: 1,
                        depth: 0,
                    };
                    self.anchor(&properties, built)?;
                }
                Ok(Some(Key { text, span, merges }))
            }
            Event::Alias(anchor) => {
                let built = self.alias(anchor, span)?;
                match built.node.kind {
                    NodeKind::Scalar(scalar) => {
                        self.check_key(&scalar.text, span)?;
                        Ok(Some(Key {
                            text: scalar.text,
                            span,
                            merges: false,
                        }))
                    }
                    _ => {
                        unsupported(self, span, "a list or map cannot be a key");
                        Ok(None)
                    }
                }
            }
            event => {
                let errors = self.diagnostics.len();
                let built = self.node(event, span)?;
                match built.node.kind {
                    // An expression without quotes in the place of a key, already noted.
                    NodeKind::Scalar(scalar) => Ok(Some(Key {
                        text: scalar.text,
                        span: built.node.span,
                        merges: false,
                    })),
                    kind => {
                        // What is wrong inside a key that cannot be one does not matter.
                        self.diagnostics.truncate(errors);
                        let what = match kind {
                            NodeKind::List(_) => "a list cannot be a key",
                            _ => "a map cannot be a key",
                        };
                        unsupported(self, built.node.span, what);
                        Ok(None)
                    }
                }
            }
        }
    }

    fn check_key(&mut self, text: &str, span: Span) -> Result<(), Stop> {
        if text.len() <= self.limits.key_length || text.chars().count() <= self.limits.key_length {
            return Ok(());
        }
        let limit = self.limits.key_length;
        Err(self.refuse(span, format!("a key is longer than {limit} characters")))
    }

    fn duplicate(&mut self, key: &Key, first: Span) {
        self.note(|composer| {
            Diagnostic::error(
                Code::DuplicateKey,
                key.span,
                format!("the key `{}` stands twice in one map", clip(&key.text, 100)),
            )
            .label(format!(
                "first written in line {}",
                composer.cursor.line(first)
            ))
            .help("keep one of the two")
        });
    }

    /// Puts the entries of `<<` in its place; keys of the map itself win, then the earlier map of a list.
    fn merge(&mut self, merge: Merge, entries: &mut Vec<Entry>) {
        let Merge { at, value, .. } = merge;
        let maps = match value.kind {
            NodeKind::List(items) => items,
            _ => vec![value],
        };
        let mut known: HashSet<Arc<str>> =
            entries.iter().map(|entry| Arc::clone(&entry.key)).collect();
        let mut added = Vec::new();
        for map in maps {
            let what = map.kind_name();
            match map.kind {
                NodeKind::Map(merged) => added.extend(
                    merged
                        .into_iter()
                        .filter(|entry| known.insert(Arc::clone(&entry.key))),
                ),
                _ => self.note(|_| {
                    Diagnostic::error(
                        Code::YamlUnsupported,
                        map.span,
                        format!("the merge key `<<` cannot take {what}"),
                    )
                    .label("it takes a map or a list of maps, as a rule an alias")
                }),
            }
        }
        entries.splice(at..at, added);
    }
}
