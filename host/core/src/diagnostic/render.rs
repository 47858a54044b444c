//! Diagnostics as text with a caret, in the form that compilers use.

use annotate_snippets::{
    AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet, renderer::DEFAULT_TERM_WIDTH,
};

use super::source::Source;
use super::window::Window;
use super::{Diagnostic, Help, Severity};
use crate::text::{clip, printable};

/// How text is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// With terminal colours.
    pub colour: bool,
    /// Columns of the terminal; longer source lines are cut round the caret.
    pub width: usize,
    /// With box drawing characters in place of `-->` and `|`.
    pub unicode: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            colour: false,
            width: DEFAULT_TERM_WIDTH,
            unicode: false,
        }
    }
}

/// Stands for the place in the arrow line until the true one is put in: the renderer would count in the line as it is shown.
const PLACE: &str = "\u{e000}";

/// Characters of a message, a label or a note that are shown.
const LONGEST_MESSAGE: usize = 500;

/// Renders all diagnostics, sorted by place and without doubles, with an empty line between them. Each takes less than 4 kB without
/// colour.
pub fn render_text(diagnostics: &[Diagnostic], source: &Source, style: Style) -> String {
    let renderer = if style.colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let decor = if style.unicode {
        annotate_snippets::renderer::DecorStyle::Unicode
    } else {
        annotate_snippets::renderer::DecorStyle::Ascii
    };
    let renderer = renderer.term_width(style.width.max(40)).decor_style(decor);
    let mut text = String::new();
    for diagnostic in super::sorted(diagnostics) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&render_one(diagnostic, source, &renderer));
        text.push('\n');
    }
    text
}

fn render_one(diagnostic: &Diagnostic, source: &Source, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = Group::with_title(
        level
            .primary_title(shown(&diagnostic.message))
            .id(diagnostic.code.as_str()),
    );
    let name = clip(&printable(source.name()), 200).into_owned();
    let mut place = name.clone();
    let mut notes = Vec::new();
    match diagnostic.span {
        Some(span) => {
            let position = source.position(span.start);
            place = format!("{name}:{}:{}", position.line, position.column);
            let window = Window::of(source, span);
            let annotation = AnnotationKind::Primary.span(window.marked.clone());
            let label = (!diagnostic.label.is_empty()).then(|| shown(&diagnostic.label));
            group = group.element(
                Snippet::source(window.text)
                    .path(PLACE)
                    .line_start(position.line)
                    .annotation(annotation.label(label)),
            );
        }
        None => {
            group = group.element(Origin::path(PLACE));
            if !diagnostic.label.is_empty() {
                notes.push(shown(&diagnostic.label));
            }
        }
    }
    if diagnostic.path.contains(['.', '[']) {
        notes.push(format!("in `{}`", clip(&printable(&diagnostic.path), 200)));
    }
    notes.extend(diagnostic.notes.iter().map(|note| shown(note)));
    group = group.elements(notes.into_iter().map(|note| Level::NOTE.message(note)));
    let mut report = Vec::with_capacity(2);
    match &diagnostic.help {
        None => report.push(group),
        Some(help) => match draw_patch(help, source) {
            Some(patch) => {
                report.push(group);
                let title = Level::HELP.secondary_title(shown(&help.message));
                report.push(Group::with_title(title).element(patch));
            }
            None => report.push(group.element(Level::HELP.message(shown(&help.message)))),
        },
    }
    let rendered = renderer.render(&report);
    // The first one is ours: the title before it has been through the sanitiser, which does not make private characters.
    put_place(&rendered, &place)
}

/// Puts the true place where the renderer has written its own.
fn put_place(rendered: &str, place: &str) -> String {
    let Some(start) = rendered.rfind(PLACE) else {
        return rendered.to_owned();
    };
    let behind = &rendered[start + PLACE.len()..];
    let numbers = behind
        .find(|letter: char| letter != ':' && !letter.is_ascii_digit())
        .unwrap_or(behind.len());
    format!("{}{place}{}", &rendered[..start], &behind[numbers..])
}

/// The change drawn into its line, where it stays within one.
fn draw_patch<'source>(
    help: &Help,
    source: &'source Source,
) -> Option<Snippet<'source, Patch<'source>>> {
    let (span, replacement) = help.replacement.as_ref()?;
    let original = source.slice(*span);
    if original.contains('\n') || replacement.len() > LONGEST_MESSAGE {
        return None;
    }
    // Blanks that go away leave nothing to point at.
    if original.trim().is_empty() && replacement.len() < original.len() {
        return None;
    }
    let window = Window::of(source, *span);
    if window.marked.len() != original.len() {
        return None;
    }
    let line = source.position(span.start).line;
    let replacement = printable(replacement).into_owned();
    let snippet = Snippet::source(window.text).line_start(line);
    let marked = window.marked;
    // What is only put round the original is drawn as insertions.
    Some(match replacement.find(original) {
        Some(at) if !original.is_empty() && replacement.len() > original.len() => {
            let before = &replacement[..at];
            let after = &replacement[at + original.len()..];
            let mut snippet = snippet;
            if !before.is_empty() {
                snippet = snippet.patch(Patch::new(marked.start..marked.start, before.to_owned()));
            }
            if !after.is_empty() {
                snippet = snippet.patch(Patch::new(marked.end..marked.end, after.to_owned()));
            }
            snippet
        }
        _ => snippet.patch(Patch::new(marked, replacement)),
    })
}

fn shown(text: &str) -> String {
    let text = printable(text).replace(PLACE, "\u{fffd}");
    clip(&text, LONGEST_MESSAGE).into_owned()
}
