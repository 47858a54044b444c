//! The nearest right name to a wrong one.

/// The one candidate that the author most likely meant; none where nothing is near.
pub fn did_you_mean<'name>(
    word: &str,
    candidates: impl IntoIterator<Item = &'name str>,
) -> Option<&'name str> {
    nearest(word, candidates, 1).into_iter().next()
}

/// Whether a candidate is the only one that is near, by a slip of the pen: then it is what the author meant, beyond doubt.
pub fn is_obvious<'name>(
    word: &str,
    near: &str,
    candidates: impl IntoIterator<Item = &'name str>,
) -> bool {
    /// Beyond this, names share words or a beginning, which is no slip.
    const SLIP: f64 = 0.45;
    let mut close = candidates
        .into_iter()
        .filter_map(|candidate| Some((distance(word, candidate)?, candidate)))
        .filter(|(_, candidate)| *candidate != word);
    close.all(|(distance, candidate)| candidate == near && distance < SLIP)
        && distance(word, near).is_some_and(|distance| distance < SLIP)
}

/// The nearest candidates, best first, at most so many. The order among equals is that of the candidates.
pub fn nearest<'name>(
    word: &str,
    candidates: impl IntoIterator<Item = &'name str>,
    most: usize,
) -> Vec<&'name str> {
    let mut scored: Vec<(f64, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| distance(word, candidate).map(|distance| (distance, candidate)))
        .collect();
    scored.sort_by(|left, right| left.0.total_cmp(&right.0));
    scored.dedup_by_key(|(_, name)| *name);
    scored.truncate(most);
    scored.into_iter().map(|(_, name)| name).collect()
}

/// Names longer than this are not names anyone mistyped.
const LONGEST: usize = 200;

/// How far apart two names are, 0 for the same but for case; nothing where they are not near.
fn distance(word: &str, candidate: &str) -> Option<f64> {
    if word == candidate || word.is_empty() || candidate.is_empty() {
        return None;
    }
    if word.len() > LONGEST || candidate.len() > LONGEST {
        return None;
    }
    let typed = word.to_lowercase();
    let right = candidate.to_lowercase();
    if typed == right {
        return Some(0.0);
    }
    let (typed_words, right_words) = (words(word), words(candidate));
    // `image_pull`, `image-pull` and `imagePull` are one name, and `pullImage` has its words in another order.
    if typed_words == right_words {
        return Some(0.1);
    }
    if typed_words.len() > 1 && sorted(&typed_words) == sorted(&right_words) {
        return Some(0.5);
    }
    let letters = typed.chars().count().max(right.chars().count());
    let edits = strsim::damerau_levenshtein(&typed, &right);
    // One slip in a short name, a third of the letters at most in a long one; with two letters any other name would be near.
    let allowed = match letters {
        0..=2 => 0,
        3..=5 => 1,
        6..=8 => 2,
        _ => (letters / 4).clamp(3, 6),
    };
    if edits <= allowed {
        #[expect(clippy::cast_precision_loss, reason = "both are below 200")]
        return Some(
            edits as f64 / letters as f64 + 0.1 * f64::from(first_differs(&typed, &right)),
        );
    }
    // A type given by its last words, or a name not typed to its end.
    let part = typed.chars().count() >= 3
        && (right.starts_with(&typed)
            || right
                .strip_suffix(&typed)
                .is_some_and(|before| before.ends_with(['.', '-', '_'])));
    part.then_some(0.6)
}

fn first_differs(left: &str, right: &str) -> u8 {
    u8::from(left.chars().next() != right.chars().next())
}

/// The words of a name in lower case: split at capitals, `_`, `-`, `.` and blanks.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower_before = false;
    for letter in name.chars() {
        let separates = matches!(letter, '_' | '-' | '.' | ' ');
        let begins = separates || (letter.is_uppercase() && lower_before);
        if begins && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if !separates && let Some(word) = words.last_mut() {
            word.extend(letter.to_lowercase());
        }
        lower_before = letter.is_lowercase() || letter.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn sorted(words: &[String]) -> Vec<&str> {
    let mut sorted: Vec<&str> = words.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROPERTIES: &[&str] = &[
        "id",
        "type",
        "commands",
        "beforeCommands",
        "containerImage",
        "taskRunner",
        "env",
        "pullPolicy",
        "inputFiles",
        "outputFiles",
        "namespaceFiles",
        "timeout",
        "memory",
        "io.kestra.plugin.scripts.shell.Commands",
        "io.kestra.plugin.scripts.shell.Script",
        "io.kestra.plugin.scripts.python.Script",
    ];

    #[test]
    fn the_nearest_property() {
        for (word, expected) in [
            ("comands", Some("commands")),
            ("Commands", Some("commands")),
            ("command", Some("commands")),
            ("commadns", Some("commands")),
            ("before_commands", Some("beforeCommands")),
            ("before-commands", Some("beforeCommands")),
            ("commandsBefore", Some("beforeCommands")),
            ("containerimage", Some("containerImage")),
            ("imageContainer", Some("containerImage")),
            ("container", Some("containerImage")),
            ("pulPolicy", Some("pullPolicy")),
            ("policyPull", Some("pullPolicy")),
            ("inputFile", Some("inputFiles")),
            ("taskrunner", Some("taskRunner")),
            ("runner", None),
            ("timeuot", Some("timeout")),
            ("evn", Some("env")),
            ("ID", Some("id")),
            ("ix", None),
            (
                "io.kestra.plugin.scripts.shel.Commands",
                Some("io.kestra.plugin.scripts.shell.Commands"),
            ),
            (
                "shell.Script",
                Some("io.kestra.plugin.scripts.shell.Script"),
            ),
            ("description", None),
            ("", None),
            ("x", None),
            ("naïve", None),
        ] {
            let candidates = PROPERTIES.iter().copied();
            assert_eq!(did_you_mean(word, candidates), expected, "{word}");
        }
    }

    #[test]
    fn several_names_come_best_first() {
        let names = ["extract", "extra", "clean", "extracts"];
        assert_eq!(
            nearest("extrat", names, 3),
            ["extract", "extra", "extracts"]
        );
        assert_eq!(nearest("extrat", names, 1).len(), 1);
        assert!(nearest("zzz", names, 3).is_empty());
        let endless = "x".repeat(100_000);
        assert!(nearest(&endless, [endless.as_str(), "x"], 3).is_empty());
    }
}
