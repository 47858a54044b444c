//! `true`, `false` and `null`: flow authors paste JSON into scripts, so these names mean something here; defined only where a
//! script uses them, and without moving a line, so that tracebacks show the author's own numbers.

use crate::holds;
use crate::tokens::{Kind, Lexer, Token, piece};

const DEFINITIONS: [(&str, &str); 3] = [
    ("true", "true = True"),
    ("false", "false = False"),
    ("null", "null = None"),
];

/// The script with the definitions that it needs.
pub(crate) fn define(script: &str) -> String {
    let definitions = needed(script);
    if definitions.is_empty() {
        return script.to_owned();
    }
    let definitions = definitions.join("; ");
    let (at, before, after) = match place(script) {
        Place::Line { at, comment: true } => (at, "", "  "),
        Place::Line { at, comment: false } => (at, "", ""),
        Place::After(at) => (at, "; ", ""),
        Place::Before(at) => (at, "", "; "),
        Place::NewLine(at) => (at, "", "\n"),
    };
    let (head, tail) = (piece(script, 0, at), piece(script, at, script.len()));
    [head, before, &definitions, after, tail].concat()
}

fn needed(script: &str) -> Vec<&'static str> {
    let mut used = [false; DEFINITIONS.len()];
    let mut see = |word: &str| match word {
        // What they are given is not in sight.
        "eval" | "exec" => used = [true; DEFINITIONS.len()],
        _ => {
            for (index, (name, _)) in DEFINITIONS.iter().enumerate() {
                used[index] |= word == *name;
            }
        }
    };
    let mut after_dot = false;
    for token in Lexer::new(script, 0) {
        let text = token.text(script);
        match token.kind {
            Kind::Word if !after_dot => see(text),
            // The expressions of a formatted text are taken for its words: one definition too many does no harm.
            Kind::Text { formatted: true } => {
                text.split(|character: char| {
                    !(character.is_ascii_alphanumeric() || character == '_')
                })
                .for_each(&mut see);
            }
            _ => {}
        }
        after_dot = text == ".";
    }
    DEFINITIONS
        .iter()
        .zip(used)
        .filter(|(_, used)| *used)
        .map(|((_, definition), _)| *definition)
        .collect()
}

/// Where definitions may stand: after the docstring and the `__future__` imports, which must come first, and before all else.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// On a line that holds nothing, or only a comment.
    Line { at: usize, comment: bool },
    /// On the line of a docstring or a `__future__` import, behind it.
    After(usize),
    /// On the line of the first statement, in front of it.
    Before(usize),
    /// On a line of their own: the first statement is one that nothing can stand in front of.
    NewLine(usize),
}

fn place(script: &str) -> Place {
    // A byte order mark stays the first character.
    let first = if script.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let mut lexer = Lexer::new(script, first);
    let mut line_start = first;
    let mut at_line_start = true;
    let mut lines = 0;
    let mut header_end = None;
    let (mut blank, mut comment) = (None, None);
    loop {
        let ahead = lexer.clone();
        let Some(token) = lexer.next() else {
            return free_place(blank, comment, header_end).unwrap_or(Place::NewLine(line_start));
        };
        match token.kind {
            Kind::Newline => {
                if at_line_start {
                    blank = blank.or(Some(line_start));
                }
                line_start = token.end;
                at_line_start = true;
                lines += 1;
            }
            Kind::Comment => {
                let text = token.text(script);
                if lines < 2 && holds(text, "coding") {
                    // The encoding is only looked for while there is nothing but comments before it.
                    (blank, comment) = (None, None);
                } else if at_line_start && !text.starts_with("#!") {
                    comment = comment.or(Some(line_start));
                }
                at_line_start = false;
            }
            Kind::Other if token.text(script) == ";" => {}
            _ => {
                let Some(end) = header_statement(script, ahead, header_end.is_none()) else {
                    return free_place(blank, comment, header_end)
                        .unwrap_or_else(|| beside(script, token, line_start));
                };
                header_end = Some(end);
                (blank, comment) = (None, None);
                lines += piece(script, token.start, end).matches('\n').count();
                at_line_start = false;
                lexer = Lexer::new(script, end);
            }
        }
    }
}

fn free_place(
    blank: Option<usize>,
    comment: Option<usize>,
    header_end: Option<usize>,
) -> Option<Place> {
    match (blank, comment) {
        (Some(at), _) => Some(Place::Line { at, comment: false }),
        (None, Some(at)) => Some(Place::Line { at, comment: true }),
        (None, None) => header_end.map(Place::After),
    }
}

fn beside(script: &str, first: Token, line_start: usize) -> Place {
    let compound = [
        "if", "while", "for", "try", "with", "def", "class", "async", "match", "@",
    ];
    if compound.contains(&first.text(script))
        || piece(script, line_start, first.start).contains('\\')
    {
        return Place::NewLine(line_start);
    }
    Place::Before(first.start)
}

/// The end of the docstring or `__future__` import that starts here; none for any other statement.
fn header_statement(script: &str, lexer: Lexer<'_>, first: bool) -> Option<usize> {
    let mut end = None;
    let mut future = false;
    for (index, token) in lexer.enumerate() {
        match (token.kind, token.text(script)) {
            (Kind::Newline, _) | (Kind::Other, ";") => break,
            (Kind::Comment, _) => continue,
            (Kind::Word, "from") if index == 0 => future = true,
            (Kind::Word, "__future__") if index == 1 && future => {}
            _ if index == 1 && future => return None,
            _ if future => {}
            (Kind::Text { formatted: false }, _) if first => {}
            _ => return None,
        }
        end = Some(token.end);
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_only_made_for_names_that_are_used() {
        let check =
            |script: &str, expected: &[&str]| assert_eq!(needed(script), expected, "{script}");
        check("", &[]);
        check("print('true', \"false\") # null", &[]);
        check("'''\nnull\n'''", &[]);
        check("x.true + x . null", &[]);
        check("untrue = True; nullable = None; falsey = 0xfalse", &[]);
        check("print(true)", &["true = True"]);
        check(
            "x = {'a': null,\n 'b': true}",
            &["true = True", "null = None"],
        );
        check("f'{null}'", &["null = None"]);
        check("rf\"{x}\" '{false}'", &[]);
        check(
            "eval('tr' + 'ue')",
            &["true = True", "false = False", "null = None"],
        );
        check("cursor.exec('x')", &[]);
    }

    #[test]
    fn definitions_stand_where_no_line_moves() {
        let check = |script: &str, expected: &str| assert_eq!(define(script), expected, "{script}");
        check("print(1)\n", "print(1)\n");
        check("print(true)\n", "true = True; print(true)\n");
        check(
            "print(\n  true,\n  null)\n",
            "true = True; null = None; print(\n  true,\n  null)\n",
        );
        // A blank line, a comment.
        check("\nx = null\n", "null = None\nx = null\n");
        check("\r\nx = null\r\n", "null = None\r\nx = null\r\n");
        check(
            "# one\n  # two\nx = null",
            "null = None  # one\n  # two\nx = null",
        );
        check(
            "# one\n\nif null: pass",
            "# one\nnull = None\nif null: pass",
        );
        check(
            "#!/bin/py\n# one\ndef f(): return null",
            "#!/bin/py\nnull = None  # one\ndef f(): return null",
        );
        // The encoding stays where Python looks for it.
        check(
            "# -*- coding: utf-8 -*-\nx = null",
            "# -*- coding: utf-8 -*-\nnull = None; x = null",
        );
        check(
            "#\n# coding=utf-8\nif null: x",
            "#\n# coding=utf-8\nnull = None\nif null: x",
        );
        check(
            "#\n# coding=utf-8\n\nif null: x",
            "#\n# coding=utf-8\nnull = None\nif null: x",
        );
        // Docstrings and imports from the future come first.
        check(
            "'''doc\nstring'''\nif null: x",
            "'''doc\nstring'''; null = None\nif null: x",
        );
        check(
            "'a' 'b' # c\n@d\nclass E: e = null",
            "'a' 'b'; null = None # c\n@d\nclass E: e = null",
        );
        check(
            "'doc'.upper()\nx = null",
            "null = None; 'doc'.upper()\nx = null",
        );
        check("\n'doc'\n\nx = null", "\n'doc'\nnull = None\nx = null");
        check(
            "from __future__ import a\nx = null",
            "from __future__ import a; null = None\nx = null",
        );
        check(
            "'doc'\n# c\nfrom __future__ import (a, # why\n  b)\nfrom __future__ import c # d\nimport e\nx = null",
            "'doc'\n# c\nfrom __future__ import (a, # why\n  b)\nfrom __future__ import c; null = None # d\nimport e\nx = null",
        );
        check(
            "from __future__ import a; from __future__ import b; x = null",
            "from __future__ import a; from __future__ import b; null = None; x = null",
        );
        check(
            "'doc';\nfrom x import null",
            "'doc'; null = None;\nfrom x import null",
        );
        check(
            "from x import y\nx = null",
            "null = None; from x import y\nx = null",
        );
        // Nothing can stand in front of these: the only case that moves the lines.
        check("if null: pass", "null = None\nif null: pass");
        check(
            "@d(null)\ndef f(): pass",
            "null = None\n@d(null)\ndef f(): pass",
        );
        check("\u{feff}x = null", "\u{feff}null = None; x = null");
        check("\u{feff}\nx = null", "\u{feff}null = None\nx = null");
        // What is no Python stays what it was, and Python says so.
        check("  null", "  null = None; null");
        check("'open null\nnull", "'open null; null = None\nnull");
    }
}
