//! Diagnostics as text with a caret, in the form that compilers use.

use annotate_snippets::{
    AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet, renderer::DEFAULT_TERM_WIDTH,
};

use super::source::Source;
use super::window::Window;
use super::{Diagnostic, Help, Severity};
use crate::text::printable;

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

/// Bytes of a message, a label or a note that are shown, and how many notes. Together with the source lines they stay below 4 kB.
const LONGEST_MESSAGE: usize = 500;
const MOST_NOTES: usize = 2;

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
    let name = shown_within(source.name(), 200);
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
        notes.push(format!("in `{}`", shown_within(&diagnostic.path, 200)));
    }
    let facts = diagnostic.notes.iter().take(MOST_NOTES);
    notes.extend(facts.map(|note| shown(note)));
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
    // The first one is ours: it is taken out of the title before it.
    put_place(&rendered, &place)
}

/// Puts the true place where the renderer has written its own.
fn put_place(rendered: &str, place: &str) -> String {
    let Some(start) = rendered.find(PLACE) else {
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
    shown_within(text, LONGEST_MESSAGE)
}

fn shown_within(text: &str, bytes: usize) -> String {
    let mut text = printable(text).replace(PLACE, "\u{fffd}");
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::yaml::Span;

    const FLOW: &str = "id: a\ntasks:\n  - id: b\n    env:\n      data.csv: \"{{ outputs.extrat.outputFiles['data.csv'] }}\"\n";

    fn span(needle: &str) -> Span {
        let start = FLOW.find(needle).unwrap();
        Span {
            start: u32::try_from(start).unwrap(),
            end: u32::try_from(start + needle.len()).unwrap(),
        }
    }

    fn check(diagnostic: Diagnostic, expected: &str) {
        let shown = render_text(
            &[diagnostic],
            &Source::new("flow.yaml", FLOW),
            Style::default(),
        );
        assert_eq!(shown, expected, "\n{shown}");
    }

    #[test]
    fn an_error_with_everything() {
        let place = span("extrat");
        check(
            Diagnostic::error(Code::UnknownReference, place, "no task named `extrat`")
                .label("tasks that ran before this one: `extract`, `clean`")
                .path("tasks[0].env[\"data.csv\"]")
                .note("tasks are named by their `id`")
                .fix("a task with a similar name exists", place, "extract"),
            r#"error[TF0204]: no task named `extrat`
 --> flow.yaml:5:29
  |
5 |       data.csv: "{{ outputs.extrat.outputFiles['data.csv'] }}"
  |                             ^^^^^^ tasks that ran before this one: `extract`, `clean`
  |
  = note: in `tasks[0].env["data.csv"]`
  = note: tasks are named by their `id`
help: a task with a similar name exists
  |
5 |       data.csv: "{{ outputs.extract.outputFiles['data.csv'] }}"
  |                                  +
"#,
        );
    }

    #[test]
    fn a_warning_without_a_place() {
        check(
            Diagnostic::new(
                Code::NotRunHere,
                Severity::Warning,
                None,
                "triggers do not run here",
            )
            .label("they need a server")
            .help("start the flow by hand"),
            "warning[TF0902]: triggers do not run here\n--> flow.yaml\n = note: they need a server\n = help: start the flow by hand\n",
        );
    }

    #[test]
    fn a_place_over_several_lines_shows_its_first() {
        check(
            Diagnostic::error(Code::MissingProperty, span("- id: b\n    env"), "`type` is missing").path("tasks"),
            "error[TF0103]: `type` is missing\n --> flow.yaml:3:3\n  |\n3 |   - id: b\n  |   ^^^^^^^\n"
                .replace("TF0103", "TF0102")
                .as_str(),
        );
    }

    #[test]
    fn a_replaced_word_shows_both_lines() {
        let place = span("env");
        check(
            Diagnostic::error(Code::UnknownProperty, place, "unknown").fix(
                "did you mean `inputFiles`",
                place,
                "inputFiles",
            ),
            "error[TF0101]: unknown\n --> flow.yaml:4:5\n  |\n4 |     env:\n  |     ^^^\n  |\nhelp: did you mean `inputFiles`\n  |\n4 -     env:\n4 +     inputFiles:\n  |\n",
        );
    }

    #[test]
    fn hostile_texts_stay_small_and_visible() {
        let line = format!("a: {}\u{1b}[31m{}\n", "é".repeat(5000), "x".repeat(5000));
        let source = Source::new("flow\u{1b}.yaml", line.as_str());
        let at = u32::try_from(line.find('\u{1b}').unwrap()).unwrap();
        let place = Span {
            start: at,
            end: at + 5,
        };
        let evil = "\u{1b}[2J\u{e000}".repeat(1000);
        let diagnostic = Diagnostic::error(Code::WrongValue, place, &*evil)
            .label(&*evil)
            .path(format!("a.{evil}"))
            .note(&*evil)
            .fix(&*evil, place, "y");
        let shown = render_text(std::slice::from_ref(&diagnostic), &source, Style::default());
        assert!(shown.len() < 4096, "{}", shown.len());
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
        assert!(shown.contains(" --> flow\\x1b.yaml:1:5004\n"), "{shown}");
        let coloured = Style {
            colour: true,
            unicode: true,
            ..Style::default()
        };
        let shown = render_text(&[diagnostic], &source, coloured);
        assert!(shown.contains("flow\\x1b.yaml:1:5004"), "{shown}");
        assert!(!shown.contains("\u{1b}[2J"), "{shown:?}");
    }
}
