//! What `escape` makes of a text, for each place that the result may go to. As Pebble does with the library Unbescape at the level of
//! its defaults: what has a meaning in that place, control characters and all that is not ASCII (of HTML only the first).

use std::fmt::Write;

/// A name that `escape` takes, and what it does then.
type Strategy = (&'static str, fn(&str) -> String);

/// The strategies of `escape`, by name.
pub(super) const STRATEGIES: &[Strategy] = &[
    ("html", html),
    ("js", javascript),
    ("css", css),
    ("url_param", url_parameter),
    ("json", json),
];

fn html(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => result.push_str("&amp;"),
            '<' => result.push_str("&lt;"),
            '>' => result.push_str("&gt;"),
            '"' => result.push_str("&quot;"),
            '\'' => result.push_str("&#39;"),
            other => result.push(other),
        }
    }
    result
}

/// A text between quotes of JavaScript.
fn javascript(text: &str) -> String {
    quoted(text, |character, result| match character {
        '\0' => result.push_str("\\0"),
        '\'' => result.push_str("\\'"),
        '\u{0}'..='\u{ff}' => write(result, format_args!("\\x{:02X}", character as u32)),
        other => utf16(other, result),
    })
}

/// A text between quotes of JSON.
fn json(text: &str) -> String {
    quoted(text, |character, result| match character {
        '\'' => result.push('\''),
        other => utf16(other, result),
    })
}

/// What JavaScript and JSON have in common; the others of the characters that cannot stay as they are go to `other`.
fn quoted(text: &str, other: impl Fn(char, &mut String)) -> String {
    let mut result = String::with_capacity(text.len());
    let mut before = None;
    for character in text.chars() {
        match character {
            '\u{8}' => result.push_str("\\b"),
            '\t' => result.push_str("\\t"),
            '\n' => result.push_str("\\n"),
            '\u{c}' => result.push_str("\\f"),
            '\r' => result.push_str("\\r"),
            '"' => result.push_str("\\\""),
            '\\' => result.push_str("\\\\"),
            // It would end the script that it stands in.
            '/' if before == Some('<') => result.push_str("\\/"),
            '\'' | '&' => other(character, &mut result),
            ' '..='~' => result.push(character),
            _ => other(character, &mut result),
        }
        before = Some(character);
    }
    result
}

fn utf16(character: char, result: &mut String) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        write(result, format_args!("\\u{unit:04X}"));
    }
}

/// An identifier of CSS.
fn css(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    let mut first = true;
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        let stays = match character {
            'a'..='z' | 'A'..='Z' => true,
            '0'..='9' | '_' => !first,
            '-' => !first || !next.is_some_and(|next| next == '-' || next.is_ascii_digit()),
            _ => false,
        };
        first = false;
        match character {
            _ if stays => result.push(character),
            ' '..='~' if character != ':' && !character.is_ascii_digit() => {
                result.push('\\');
                result.push(character);
            }
            _ => {
                write(&mut result, format_args!("\\{:X}", character as u32));
                // Or it would be read as one more digit.
                if next.is_some_and(|next| next.is_ascii_hexdigit()) {
                    result.push(' ');
                }
            }
        }
    }
    result
}

/// A name or a value in the query of an address.
fn url_parameter(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$'()*,;:@/?".contains(&byte) {
            result.push(char::from(byte));
        } else {
            write(&mut result, format_args!("%{byte:02X}"));
        }
    }
    result
}

fn write(result: &mut String, what: std::fmt::Arguments<'_>) {
    // A text takes all that is written to it.
    let _ = result.write_fmt(what);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_its_own_dangers() {
        let check = |strategy: &str, text: &str, expected: &str| {
            let found = STRATEGIES.iter().find(|(name, _)| *name == strategy);
            let (_, run) = found.unwrap();
            assert_eq!(run(text), expected, "{strategy} of {text:?}");
        };
        check(
            "html",
            "<a b='c'>&\"é",
            "&lt;a b=&#39;c&#39;&gt;&amp;&quot;é",
        );
        check("js", "it's \"a\\b\"\n", "it\\'s \\\"a\\\\b\\\"\\n");
        check(
            "js",
            "a/b</script>&\0\u{1}\u{7f}",
            "a/b<\\/script>\\x26\\0\\x01\\x7F",
        );
        check("js", "é\u{2028}😀", "\\xE9\\u2028\\uD83D\\uDE00");
        check("json", "it's \"a\\b\"\n", "it's \\\"a\\\\b\\\"\\n");
        check(
            "json",
            "a/b</x>&\0é😀",
            "a/b<\\/x>\\u0026\\u0000\\u00E9\\uD83D\\uDE00",
        );
        check("css", "a b.c#d_e-f", "a\\ b\\.c\\#d_e-f");
        check("css", "1a", "\\31 a");
        check("css", "1x", "\\31x");
        check("css", "_a", "\\_a");
        check("css", "--a", "\\--a");
        check("css", "-1", "\\-1");
        check("css", "-a", "-a");
        check("css", "-", "-");
        check("css", "a:bé", "a\\3A b\\E9");
        check("css", "a\tz", "a\\9z");
        check(
            "url_param",
            "a b&c=d+e#f/g?h:i@j",
            "a%20b%26c%3Dd%2Be%23f/g?h:i@j",
        );
        check("url_param", "é%[x]\"<", "%C3%A9%25%5Bx%5D%22%3C");
        for (name, run) in STRATEGIES {
            assert_eq!(run(""), "", "{name}");
        }
    }
}
