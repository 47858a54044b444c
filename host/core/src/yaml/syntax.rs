//! Says in an author's words why a text is not YAML: the parser's reason and what stands at the place make one message.

use super::compose::SyntaxErrorAt;
use super::layout;
use super::limits::Limits;
use super::lines::{Line, value_end};
use super::outline::Outline;
use super::source::make_span;
use super::unquoted::quoted;
use crate::diagnostic::{Code, Diagnostic};
use crate::text::clip;

/// A syntax error with what is known about it.
pub(super) struct Site<'given> {
    pub(super) text: &'given str,
    pub(super) offset: usize,
    pub(super) reason: &'given str,
    pub(super) outline: &'given Outline,
}

/// One error for one syntax error.
pub(super) fn explain(
    text: &str,
    at: &SyntaxErrorAt,
    outline: &Outline,
    limits: &Limits,
) -> Diagnostic {
    let site = Site {
        text,
        offset: at.offset.min(text.len()),
        reason: &at.reason,
        outline,
    };
    site.limit(limits)
        .or_else(|| layout::tab(&site))
        .or_else(|| site.bracket_in_text())
        .or_else(|| site.quote())
        .or_else(|| site.escape())
        .or_else(|| site.beginning())
        .or_else(|| site.block_scalar())
        .or_else(|| site.comment())
        .or_else(|| site.bracket())
        .or_else(|| layout::explain(&site))
        .unwrap_or_else(|| site.other())
        .path(at.path.clone())
}

impl Site<'_> {
    fn reason_is(&self, parts: &[&str]) -> bool {
        parts.iter().any(|part| self.reason.contains(part))
    }

    /// An error at the characters from `start` to `end`.
    pub(super) fn error(&self, start: usize, end: usize, message: impl Into<String>) -> Diagnostic {
        let start = self.text.floor_char_boundary(start);
        let end = self.text.ceil_char_boundary(end.max(start));
        Diagnostic::error(Code::YamlSyntax, make_span(start, end), message)
    }

    /// An error at one character.
    pub(super) fn error_at(&self, at: usize, message: impl Into<String>) -> Diagnostic {
        self.error(at, (at + 1).min(self.text.len()), message)
    }

    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// Quotes round the value that begins at `start`, as a fix.
    pub(super) fn quote_from(&self, diagnostic: Diagnostic, start: usize) -> Diagnostic {
        let end = value_end(self.text, start, !self.outline.brackets.is_empty());
        let value = &self.text[start..end];
        diagnostic.fix(
            "put quotes round the value",
            make_span(start, end),
            quoted(value),
        )
    }

    fn limit(&self, limits: &Limits) -> Option<Diagnostic> {
        if self.reason_is(&["recursion limit"]) {
            let message = format!(
                "lists and maps are nested deeper than {} levels",
                limits.depth
            );
            let mut diagnostic = self.error_at(self.offset, message);
            diagnostic.code = Code::YamlLimit;
            return Some(diagnostic);
        }
        let line = Line::at(self.text, self.offset);
        let before = self.offset.saturating_sub(line.start);
        if self.reason_is(&["mapping values are not allowed", "simple key expect"])
            && self.byte(self.offset) == Some(b':')
            && before > limits.key_length
        {
            let message = format!("a key is longer than {} characters", limits.key_length);
            let mut diagnostic = self.error(line.content(), self.offset, message);
            diagnostic.code = Code::YamlLimit;
            return Some(diagnostic);
        }
        None
    }

    /// Quotes that are not closed, or closed too early.
    fn quote(&self) -> Option<Diagnostic> {
        if self.reason_is(&[
            "unexpected end of stream",
            "unexpected document indicator",
            "invalid indentation in quoted scalar",
        ]) {
            let line = Line::at(self.text, self.offset);
            let end = line.trimmed_end();
            let quote = &self.text[self.offset..(self.offset + 1).min(self.text.len())];
            return Some(
                self.error_at(self.offset, "the quote is never closed")
                    .label("opened here")
                    .fix(
                        format!("close it with `{quote}` where the text ends"),
                        make_span(end, end),
                        quote,
                    ),
            );
        }
        if !self.reason_is(&["invalid trailing content"]) {
            return None;
        }
        let (start, end) = self.outline.quoted.filter(|(start, end)| {
            *end <= self.offset && self.text[*end..self.offset].trim().is_empty() && start < end
        })?;
        let line = Line::at(self.text, start);
        if self.text[start..end].contains('\n') {
            let last = Line::at(self.text, end).number(self.text);
            return Some(
                self.error_at(start, "the quote is closed too late")
                    .label(format!("the next quote that closes it is in line {last}, and more text follows there"))
                    .fix(
                        "close it where the text ends",
                        make_span(line.trimmed_end(), line.trimmed_end()),
                        &self.text[start..=start],
                    ),
            );
        }
        let in_flow = !self.outline.brackets.is_empty();
        if in_flow && matches!(self.byte(self.offset), Some(b'"' | b'\'')) {
            return Some(
                self.error(end - 1, end, "a comma is missing between two values")
                    .fix("put one here", make_span(end, end), ","),
            );
        }
        let quote = self.byte(start)?;
        let diagnostic = self
            .error(
                end - 1,
                end,
                "the text ends at this quote, but the value goes on",
            )
            .label(format!(
                "closes the quote in column {}",
                line.column(self.text, start)
            ));
        let value = &self.text[start..value_end(self.text, start, in_flow)];
        let inner = value
            .strip_prefix(char::from(quote))
            .and_then(|rest| rest.strip_suffix(char::from(quote)))
            .filter(|inner| !inner.is_empty() && start + value.len() > end);
        let Some(inner) = inner else {
            return Some(diagnostic.help("put the quotes round the whole value"));
        };
        let span = make_span(start, start + value.len());
        Some(if quote == b'\'' {
            let doubled = inner.replace("''", "'").replace('\'', "''");
            diagnostic.fix(
                "inside single quotes a `'` is written twice",
                span,
                format!("'{doubled}'"),
            )
        } else if inner.contains(['\'', '\\']) {
            let escaped = inner.replace("\\\"", "\"").replace('"', "\\\"");
            diagnostic.fix(
                "inside double quotes a `\"` is written `\\\"`",
                span,
                format!("\"{escaped}\""),
            )
        } else {
            diagnostic.fix(
                "put single quotes round a value that holds `\"`",
                span,
                format!("'{inner}'"),
            )
        })
    }

    /// Backslashes in double quotes. The parser points at the quote.
    fn escape(&self) -> Option<Diagnostic> {
        if !self.reason_is(&["unknown escape", "expected hexadecimal", "escape code"]) {
            return None;
        }
        let bytes = self.text.as_bytes();
        let mut at = self.offset + 1;
        while let Some(offset) = memchr::memchr(b'\\', bytes.get(at..)?) {
            at += offset;
            let letter = self.text[at + 1..].chars().next()?;
            let digits = match letter {
                'x' => 2,
                'u' => 4,
                'U' => 8,
                _ => 0,
            };
            let code = self.text.get(at + 2..at + 2 + digits);
            let end = at + 1 + letter.len_utf8();
            if !"0abt\tnvfre \"/\\N_LPxuU\n\r".contains(letter) {
                return Some(
                    self.error(at, end, format!("`\\{letter}` is not an escape"))
                        .label("in double quotes a backslash begins an escape such as `\\n`")
                        .fix(
                            "double the backslash, or use single quotes, where it is itself",
                            make_span(at, end),
                            format!("\\\\{letter}"),
                        ),
                );
            }
            let good = code.is_some_and(|code| {
                u32::from_str_radix(code, 16).is_ok_and(|code| char::from_u32(code).is_some())
                    && !code.contains('+')
            });
            if digits > 0 && !good {
                return Some(
                    self.error(
                        at,
                        end,
                        format!("the escape `\\{letter}` names no character"),
                    )
                    .label(format!("`\\{letter}` takes {digits} hexadecimal digits")),
                );
            }
            at = end;
        }
        None
    }

    /// Characters that a plain value cannot begin with, and aliases that are meant as text.
    fn beginning(&self) -> Option<Diagnostic> {
        if self.reason_is(&["unexpected character"]) {
            let letter = self.text[self.offset..].chars().next()?;
            let shown = if letter == '`' {
                "a backtick".to_owned()
            } else {
                format!("`{letter}`")
            };
            let diagnostic = self
                .error_at(self.offset, format!("a value cannot begin with {shown}"))
                .label("YAML reserves this character");
            return Some(self.quote_from(diagnostic, self.offset));
        }
        if self.reason_is(&["unknown anchor"]) {
            let end = self.word_end();
            let alias = clip(&self.text[self.offset..end], 60).into_owned();
            let diagnostic = self
                .error(
                    self.offset,
                    end,
                    format!("the alias `{alias}` names no anchor"),
                )
                .label(format!(
                    "no `&{}` stands before it",
                    alias.trim_start_matches('*')
                ));
            let Diagnostic { help, .. } = self.quote_from(diagnostic.clone(), self.offset);
            let replacement = help.and_then(|help| help.replacement)?;
            return Some(diagnostic.fix(
                "if it is text, put quotes round it",
                replacement.0,
                replacement.1,
            ));
        }
        if self.reason_is(&["while scanning an anchor or alias"]) {
            let line = Line::at(self.text, self.offset);
            let end = self
                .text
                .ceil_char_boundary((self.offset + 1).min(self.text.len()));
            let start = self.text[line.start..end].rfind(['&', '*'])? + line.start;
            let (what, name) = match self.byte(start) {
                Some(b'*') => ("*", "an alias"),
                _ => ("&", "an anchor"),
            };
            let diagnostic = self.error_at(
                start,
                format!("`{what}` begins {name}, but no name follows"),
            );
            return Some(self.quote_from(diagnostic, start));
        }
        if self.reason_is(&["the handle wasn't declared", "tag"]) {
            return Some(
                self.error(
                    self.offset,
                    self.word_end().max(self.offset + 1),
                    "this tag cannot be used here",
                )
                .label("flows need no tags; put quotes round a value that begins with `!`"),
            );
        }
        None
    }

    fn word_end(&self) -> usize {
        let rest = &self.text[self.offset..];
        let end =
            rest.find(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ']' | '}'));
        self.offset + end.unwrap_or(rest.len())
    }

    fn block_scalar(&self) -> Option<Diagnostic> {
        if self.reason_is(&["indentation indicator equal to 0"]) {
            return Some(self.error_at(self.offset, "the indentation of a text block cannot be 0"));
        }
        if self.reason_is(&["while scanning a block scalar"]) {
            let line = Line::at(self.text, self.offset);
            let sign = self.text.get(self.offset..=self.offset)?;
            return Some(
                self.error(
                    self.offset + 1,
                    line.trimmed_end(),
                    format!("text does not stand in the line of `{sign}`"),
                )
                .label(format!("behind `{sign}` stands nothing but `-`, `+`, a digit or a comment"))
                .help(format!("begin the text in the next line, or put quotes round a value that begins with `{sign}`")),
            );
        }
        if self.reason_is(&["wrongly indented line in block scalar"]) {
            return Some(
                self.error_at(self.offset, "the first line of a text block must not be indented less than an empty line above it")
                    .help("remove the blanks of the empty lines above"),
            );
        }
        None
    }

    fn comment(&self) -> Option<Diagnostic> {
        if self.reason_is(&["comments must be separated"]) {
            let at = make_span(self.offset, self.offset);
            return Some(
                self.error_at(self.offset, "a comment needs a blank before its `#`")
                    .fix("put one here", at, " "),
            );
        }
        if self.reason_is(&["comment intercepting"]) {
            return Some(
                self.error_at(
                    self.offset,
                    "a comment ends the value, but the next line goes on with it",
                )
                .help("put the comment above the key, or write the text as a block with `|`"),
            );
        }
        None
    }

    /// A value without quotes that holds a bracket inside brackets.
    fn bracket_in_text(&self) -> Option<Diagnostic> {
        let (start, at) = self.outline.bracket_in_text?;
        let bracket = self.text.get(at..=at)?;
        let around = match self.byte(*self.outline.brackets.last()?)? {
            b'[' => "[ ]",
            _ => "{ }",
        };
        let shown = if bracket == "[" { "list" } else { "map" };
        let diagnostic = self
            .error_at(
                at,
                format!("a value without quotes cannot hold `{bracket}` inside `{around}`"),
            )
            .label(format!("YAML reads it as the start of a {shown}"));
        let line = Line::at(self.text, start);
        Some(match text_end(&self.text[start..line.trimmed_end()]) {
            Some(length) => diagnostic.fix(
                "put quotes round the value",
                make_span(start, start + length),
                quoted(&self.text[start..start + length]),
            ),
            None => diagnostic.help("put quotes round the value"),
        })
    }

    /// Brackets that are not closed, not opened, or hold something that needs quotes.
    fn bracket(&self) -> Option<Diagnostic> {
        if self.reason_is(&["misplaced bracket"]) {
            let bracket = self.text.get(self.offset..=self.offset)?;
            let open = if bracket == "]" { "[" } else { "{" };
            return Some(
                self.error_at(self.offset, format!("`{bracket}` closes nothing"))
                    .label(format!("no `{open}` is open here"))
                    .help("put quotes round a value that holds brackets"),
            );
        }
        let open = *self.outline.brackets.last()?;
        let (bracket, closing) = match self.byte(open)? {
            b'[' => ("[", "]"),
            _ => ("{", "}"),
        };
        let line = Line::at(self.text, open);
        if self.offset > line.end {
            let end = line.trimmed_end();
            return Some(
                self.error_at(open, format!("the `{bracket}` is never closed"))
                    .label("opened here")
                    .fix(
                        format!("close it with `{closing}` where the values end"),
                        make_span(end, end),
                        closing,
                    ),
            );
        }
        if self.reason_is(&["is only valid inside a block"]) {
            return Some(
                self.error_at(
                    self.offset,
                    format!("`-` makes no list item inside `{bracket}{closing}`"),
                )
                .label("separate the values by commas"),
            );
        }
        let shown = if bracket == "[" { "list" } else { "map" };
        Some(
            self.error_at(self.offset, format!("`,` or `{closing}` is expected here"))
                .label(format!(
                    "inside the {shown} that begins in column {}",
                    line.column(self.text, open)
                ))
                .help("put quotes round a value that holds brackets, commas or `: `"),
        )
    }

    fn other(&self) -> Diagnostic {
        let reason = self
            .reason
            .split_once(", ")
            .filter(|(before, _)| before.starts_with("while "))
            .map_or(self.reason, |(_, reason)| reason);
        self.error_at(self.offset, format!("this is not YAML: {reason}"))
    }
}

/// The length of a value whose own brackets are all closed, up to the comma or bracket that ends it.
fn text_end(rest: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, letter) in rest.char_indices() {
        match letter {
            '[' | '{' => open += 1,
            ',' | ']' | '}' if open == 0 => return Some(rest[..at].trim_end().len()),
            ']' | '}' => open -= 1,
            _ => {}
        }
    }
    None
}
