//! Two texts as a unified difference, the form that `patch` and reviewers read.

use std::fmt::Write as _;

/// Lines shown round a change.
const CONTEXT: usize = 3;
/// Where comparing takes more steps than this, the changed part is shown as replaced.
const MAX_STEPS: usize = 4_000_000;

/// One line and what becomes of it.
#[derive(Clone, Copy)]
enum Line<'a> {
    Same(&'a str),
    Old(&'a str),
    New(&'a str),
}

/// The difference, or nothing where there is none.
pub fn unified(name: &str, old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let new: Vec<&str> = new.split_inclusive('\n').collect();
    let lines = compare(&old, &new);
    let mut text = format!("--- a/{name}\n+++ b/{name}\n");
    let changed: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !matches!(line, Line::Same(_)))
        .map(|(at, _)| at)
        .collect();
    let mut next = 0;
    while next < changed.len() {
        let start = changed[next].saturating_sub(CONTEXT);
        let mut last = changed[next];
        while next < changed.len() && changed[next] <= last + 2 * CONTEXT {
            last = changed[next];
            next += 1;
        }
        hunk(
            &lines,
            start,
            (last + CONTEXT + 1).min(lines.len()),
            &mut text,
        );
    }
    text
}

fn hunk(lines: &[Line<'_>], start: usize, end: usize, text: &mut String) {
    let olds = |lines: &[Line<'_>]| {
        lines
            .iter()
            .filter(|line| !matches!(line, Line::New(_)))
            .count()
    };
    let news = |lines: &[Line<'_>]| {
        lines
            .iter()
            .filter(|line| !matches!(line, Line::Old(_)))
            .count()
    };
    let (before, part) = (&lines[..start], &lines[start..end]);
    let range = |before: usize, count: usize| {
        let first = if count == 0 { before } else { before + 1 };
        format!("{first},{count}")
    };
    let old = range(olds(before), olds(part));
    let new = range(news(before), news(part));
    let _ = writeln!(text, "@@ -{old} +{new} @@");
    for line in part {
        let (mark, content) = match line {
            Line::Same(content) => (' ', content),
            Line::Old(content) => ('-', content),
            Line::New(content) => ('+', content),
        };
        text.push(mark);
        text.push_str(content);
        if !content.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// The lines of both, the longest common part kept.
fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let head = old
        .iter()
        .zip(new)
        .take_while(|(old, new)| old == new)
        .count();
    let tail = old[head..]
        .iter()
        .rev()
        .zip(new[head..].iter().rev())
        .take_while(|(old, new)| old == new)
        .count();
    let (left, right) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let mut lines: Vec<Line<'a>> = old[..head].iter().map(|line| Line::Same(line)).collect();
    if left.len().saturating_mul(right.len()) > MAX_STEPS {
        lines.extend(left.iter().map(|line| Line::Old(line)));
        lines.extend(right.iter().map(|line| Line::New(line)));
    } else {
        let width = right.len() + 1;
        // The length of what both have in common from here on.
        let mut common = vec![0usize; (left.len() + 1) * width];
        for at in (0..left.len()).rev() {
            for other in (0..right.len()).rev() {
                common[at * width + other] = if left[at] == right[other] {
                    common[(at + 1) * width + other + 1] + 1
                } else {
                    common[(at + 1) * width + other].max(common[at * width + other + 1])
                };
            }
        }
        let (mut at, mut other) = (0, 0);
        while at < left.len() || other < right.len() {
            if at < left.len() && other < right.len() && left[at] == right[other] {
                lines.push(Line::Same(left[at]));
                at += 1;
                other += 1;
            } else if at < left.len()
                && (other == right.len()
                    || common[(at + 1) * width + other] >= common[at * width + other + 1])
            {
                lines.push(Line::Old(left[at]));
                at += 1;
            } else {
                lines.push(Line::New(right[other]));
                other += 1;
            }
        }
    }
    lines.extend(old[old.len() - tail..].iter().map(|line| Line::Same(line)));
    lines
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn hunks_count_as_patch_does() {
        assert_eq!(unified("f", "a\n", "a\n"), "");
        assert_eq!(
            unified("f", "1\n2\n3\n4\n5\n6\n", "1\n2\n3\nx\n5\n6\n"),
            "--- a/f\n+++ b/f\n@@ -1,6 +1,6 @@\n 1\n 2\n 3\n-4\n+x\n 5\n 6\n"
        );
        assert_eq!(
            unified("f", "", "a\nb"),
            "--- a/f\n+++ b/f\n@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file\n"
        );
        let old: String = (0..30).map(|line| format!("{line}\n")).collect();
        let new = old.replace("5\n", "five\n");
        let shown = unified("f", &old, &new);
        assert_eq!(shown.matches("@@ -").count(), 3, "{shown}");
        assert!(shown.contains("@@ -13,7 +13,7 @@"), "{shown}");
    }
}
