//! Says what is wrong with lines: tabs, indentation that fits nothing, a missing blank or colon, a colon too many.

use super::lines::Line;
use super::source::make_span;
use super::syntax::Site;
use crate::diagnostic::Diagnostic;
use crate::text::clip;

/// Tabs where YAML wants blanks.
pub(super) fn tab(site: &Site<'_>) -> Option<Diagnostic> {
    if site
        .reason
        .contains("must be followed by a valid YAML whitespace")
    {
        let line = Line::at(site.text, site.offset);
        let at = line.start + line.text.find('\t')?;
        return Some(site.error_at(at, "a tab cannot separate here").fix(
            "use a blank",
            make_span(at, at + 1),
            " ",
        ));
    }
    let tabs_told = site.reason.contains("tab");
    let first = Line::at(site.text, site.offset);
    let mut line = first;
    loop {
        let indentation = &line.text[..line.content() - line.start];
        let blank_line = line.text.trim().is_empty();
        if let Some(at) = indentation.find('\t').filter(|_| !blank_line) {
            let start = line.start + at;
            let end = line.content();
            let blanks = "  ".repeat(indentation[at..].matches('\t').count())
                + &" ".repeat(indentation[at..].matches(' ').count());
            return Some(
                site.error(start, end, "a tab cannot indent a line in YAML")
                    .label("use blanks, two for each level")
                    .fix("indent with blanks", make_span(start, end), blanks),
            );
        }
        // The parser may point at a value whose next line has the tab.
        line = line.below(site.text).filter(|_| tabs_told)?;
    }
}

/// Everything else that is a matter of lines.
pub(super) fn explain(site: &Site<'_>) -> Option<Diagnostic> {
    let reason = |part: &str| site.reason.contains(part);
    if reason("mapping values are not allowed") || reason("illegal placement of ':'") {
        return colon_in_value(site)
            .or_else(|| missing_blank_above(site))
            .or_else(|| too_deep(site))
            .or_else(|| Some(site.error_at(site.offset, "`:` makes no key here")));
    }
    if reason("simple key expect") {
        return no_key(site);
    }
    if reason("block sequence entries are not allowed") {
        return Some(
            site.error_at(site.offset, "a list cannot begin in the line of its key")
                .help("begin it in the next line, or write it as `[a, b]`"),
        );
    }
    if reason("did not find expected key")
        || reason("did not find expected '-' indicator")
        || reason("did not find expected <document start>")
        || reason("invalid indentation")
        || reason("mapping keys are not allowed")
        || reason("did not find expected node content")
    {
        return missing_blank(site, Line::at(site.text, site.offset))
            .or_else(|| misfit(site))
            .or_else(|| behind_value(site));
    }
    None
}

/// `key: some text: more`, the commonest of all.
fn colon_in_value(site: &Site<'_>) -> Option<Diagnostic> {
    let line = Line::at(site.text, site.offset);
    let key = line.key();
    let before = site.text.get(key..site.offset)?;
    let separator = before.find(": ")?;
    let value = key + separator + 2;
    let value = value + (site.text[value..].len() - site.text[value..].trim_start().len());
    if value >= site.offset {
        return None;
    }
    let diagnostic = site
        .error_at(site.offset, "a value without quotes cannot hold `: `")
        .label("YAML takes this for a second key in one line");
    Some(site.quote_from(diagnostic, value))
}

/// `key:value` in the line above swallows the key of this one.
fn missing_blank_above(site: &Site<'_>) -> Option<Diagnostic> {
    let above = Line::at(site.text, site.offset).above(site.text)?;
    missing_blank(site, above)
}

/// `key:value` or `-item`.
fn missing_blank(site: &Site<'_>, line: Line<'_>) -> Option<Diagnostic> {
    let key = line.key();
    let content = &site.text[key..line.trimmed_end().max(key)];
    if content.contains(": ") || content.ends_with(':') {
        return None;
    }
    if let Some(rest) = content.strip_prefix('-') {
        if rest.starts_with(['-', ' ']) || rest.is_empty() {
            return None;
        }
        return Some(
            site.error_at(key, "a blank is missing behind `-`")
                .label("without it this is text, not a list item")
                .fix("put one here", make_span(key + 1, key + 1), " "),
        );
    }
    let colon = content.find(':')?;
    let name = &content[..colon];
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.'));
    if !is_name || content[colon..].starts_with("://") {
        return None;
    }
    let at = key + colon;
    Some(
        site.error_at(
            at,
            format!("a blank is missing behind `{}:`", clip(name, 40)),
        )
        .label("without it this is text, not a key")
        .fix("put one here", make_span(at + 1, at + 1), " "),
    )
}

/// A key that is indented deeper than the one above, which has its value already.
fn too_deep(site: &Site<'_>) -> Option<Diagnostic> {
    let line = Line::at(site.text, site.offset);
    let above = line.above(site.text)?;
    let (key, key_above) = (line.key(), above.key());
    let column = line.column(site.text, key);
    let column_above = above.column(site.text, key_above);
    if column <= column_above || line.content() != key {
        return None;
    }
    let name = site.text[key_above..above.end].split(':').next()?.trim();
    let diagnostic = site
        .error_at(key, "this line is indented too deep")
        .label(format!(
            "`{}` in line {} has a value already",
            clip(name, 40),
            above.number(site.text)
        ));
    Some(indent(
        diagnostic,
        line,
        column_above - 1,
        "indent it like the line above",
    ))
}

/// A line that had to be a key and is not.
fn no_key(site: &Site<'_>) -> Option<Diagnostic> {
    let here = Line::at(site.text, site.offset);
    // The parser notices when it meets the next thing, which stands in a later line as a rule.
    let line = if site.offset > here.content() {
        here
    } else {
        here.above(site.text)?
    };
    if let Some(found) = missing_blank(site, line) {
        return Some(found);
    }
    let key = line.key();
    let end = line.trimmed_end().max(key);
    Some(
        site.error(key, end, "this is neither a key nor a list item")
            .label("`key: value` or `- item` is expected")
            .help("text of several lines is written as a block: `key: |`, and each line indented below it"),
    )
}

/// A line whose indentation is none of those above, or belongs to things of another kind.
fn misfit(site: &Site<'_>) -> Option<Diagnostic> {
    let line = Line::at(site.text, site.offset);
    // Of a list item the parser may point at what follows the dash.
    let before = site
        .text
        .get(line.content()..site.offset)
        .unwrap_or_default();
    if !matches!(before.trim_end(), "" | "-") {
        return None;
    }
    let own = line.indentation();
    let item = line.text.trim_start().starts_with('-');
    let levels = Levels::above(site.text, line);
    if let Some((first, header)) = levels.block_text {
        let diagnostic = site
            .error_at(
                line.content(),
                "this line is indented less than the text block it belongs to",
            )
            .label(format!(
                "the text that begins in line {} is indented by {first}",
                header.number(site.text) + 1
            ));
        return Some(indent(
            diagnostic,
            line,
            first,
            "indent it like the first line of the text",
        ));
    }
    let (same, other) = if item {
        (&levels.items, &levels.keys)
    } else {
        (&levels.keys, &levels.items)
    };
    if same.contains(&own) || other.contains(&own) {
        let (message, label) = if item {
            (
                "a list item stands where a key is expected",
                "the lines above at this level are keys",
            )
        } else {
            (
                "a key stands where a list item is expected",
                "the lines above at this level are list items",
            )
        };
        return Some(
            site.error(line.content(), line.trimmed_end(), message)
                .label(label)
                .help("check how deep this line and those above are indented"),
        );
    }
    let choices = if same.is_empty() { other } else { same };
    // Of two that are as near the deeper one: more is indented by accident to the left of its parent's key than to the right.
    let nearest = choices
        .iter()
        .min_by_key(|level| (level.abs_diff(own), std::cmp::Reverse(**level)))
        .copied()?;
    let numbers: Vec<String> = choices.iter().rev().map(usize::to_string).collect();
    let plural = if own == 1 { "" } else { "s" };
    let diagnostic = site
        .error_at(
            line.content(),
            "the indentation of this line fits none above",
        )
        .label(format!(
            "{own} blank{plural}; what it could belong to has {}",
            numbers.join(" or ")
        ));
    Some(indent(
        diagnostic,
        line,
        nearest,
        "indent it like the nearest that it could belong to",
    ))
}

/// The indentations that a line could have, by the lines above it; the deepest first.
#[derive(Default)]
struct Levels<'text> {
    keys: Vec<usize>,
    items: Vec<usize>,
    /// The indentation of a text block that the line would belong to were it indented deeper, and the line of its header.
    block_text: Option<(usize, Line<'text>)>,
}

impl<'text> Levels<'text> {
    /// Lines looked at: no map of a flow is longer, and the text above may be.
    const FAR: usize = 500;

    fn above(text: &'text str, line: Line<'text>) -> Self {
        let mut levels = Self::default();
        let mut lowest = usize::MAX;
        let mut below = line;
        for _ in 0..Self::FAR {
            let Some(above) = below.above(text) else {
                break;
            };
            let content = above.indentation();
            if content < line.indentation()
                && levels.block_text.is_none()
                && above.opens_block_text()
            {
                if below.start != line.start {
                    levels.block_text = Some((below.indentation(), above));
                }
                break;
            }
            below = above;
            if content >= lowest {
                continue;
            }
            let key = above.key() - above.start;
            if above.opens_block_text() {
                // What was collected so far is text, not structure.
                levels.keys.clear();
                levels.items.clear();
            }
            if key != content {
                if key < lowest {
                    levels.keys.push(key);
                }
                levels.items.push(content);
            } else {
                levels.keys.push(content);
            }
            lowest = content;
            if lowest == 0 {
                break;
            }
        }
        levels
    }
}

/// The diagnostic with a fix that indents a line by so many blanks.
fn indent(diagnostic: Diagnostic, line: Line<'_>, blanks: usize, message: &str) -> Diagnostic {
    let own = line.indentation();
    let start = line.start;
    let message = format!("{message}, by {blanks}");
    if own > blanks {
        diagnostic.fix(message, make_span(start, start + own - blanks), "")
    } else {
        diagnostic.fix(message, make_span(start, start), " ".repeat(blanks - own))
    }
}

/// Text behind a value that is complete.
fn behind_value(site: &Site<'_>) -> Option<Diagnostic> {
    let line = Line::at(site.text, site.offset);
    let end = line.trimmed_end().max(site.offset);
    Some(
        site.error(site.offset, end, "the value before this is complete")
            .label("nothing but a comment can follow in this line")
            .help("put quotes round the whole value if it is text"),
    )
}
