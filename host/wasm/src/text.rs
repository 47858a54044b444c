//! Makes text that a plugin wrote harmless before it stands in a message; it must not know what the message is about.

/// Longest piece of foreign text inside a message, in characters.
const LONGEST: usize = 500;

/// The text on one line, with control and direction characters written as escapes, cut to a readable length.
pub(crate) fn harmless(text: &str) -> String {
    let text = text.trim_end_matches(['\n', '\r']);
    let mut clean = String::with_capacity(text.len().min(LONGEST));
    for (position, character) in text.chars().enumerate() {
        if position == LONGEST {
            clean.push('…');
            break;
        }
        if is_harmful(character) {
            clean.extend(character.escape_default());
        } else {
            clean.push(character);
        }
    }
    clean
}

/// The text cut to a number of bytes at a character's border, with a mark where something is missing.
pub(crate) fn capped(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most.saturating_sub('…'.len_utf8())));
        text.push('…');
    }
    text
}

/// A list of names for a message: all of them, each in backticks, up to a readable number.
pub(crate) fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const MOST: usize = 40;
    let total = names.len();
    let mut list = names
        .take(MOST)
        .map(|name| format!("`{}`", harmless(name)))
        .collect::<Vec<_>>()
        .join(", ");
    if total > MOST {
        list.push_str(&format!(" and {} more", total - MOST));
    }
    list
}

/// A number of bytes in words: `64 MiB`, `512 KiB`, `17 bytes`.
pub(crate) fn bytes(amount: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    match amount {
        _ if amount >= MIB && amount.is_multiple_of(MIB) => format!("{} MiB", amount / MIB),
        _ if amount >= 10 * MIB => format!("{:.1} MiB", amount as f64 / MIB as f64),
        _ if amount >= KIB && amount.is_multiple_of(KIB) => format!("{} KiB", amount / KIB),
        _ if amount >= 10 * KIB => format!("{:.1} KiB", amount as f64 / KIB as f64),
        1 => "1 byte".to_owned(),
        _ => format!("{amount} bytes"),
    }
}

/// Control characters, and those that turn the reading direction or hide.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_escapes() {
        for (given, expected) in [
            ("plain ü", "plain ü"),
            ("a\x1b[31mb", "a\\u{1b}[31mb"),
            ("bell\x07", "bell\\u{7}"),
            ("two\nlines\n", "two\\nlines"),
            ("left\u{202e}right", "left\\u{202e}right"),
            ("c1\u{9b}", "c1\\u{9b}"),
        ] {
            assert_eq!(harmless(given), expected);
        }
        assert_eq!(harmless(&"x".repeat(10_000)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn texts_are_cut_at_a_character() {
        assert_eq!(capped("short".to_owned(), 5), "short");
        let cut = capped("üüüüü".to_owned(), 8);
        assert!(cut.len() <= 8 && cut.ends_with('…'), "{cut}");
    }

    #[test]
    fn amounts_in_words() {
        for (amount, expected) in [
            (1, "1 byte"),
            (17, "17 bytes"),
            (512 << 10, "512 KiB"),
            (64 << 20, "64 MiB"),
            (18_400_000, "17.5 MiB"),
        ] {
            assert_eq!(bytes(amount), expected);
        }
    }
}
