//! Tests of the masker: nothing of a secret gets out at any split, ordinary text stays as it is.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::*;

fn masker(secrets: &[&str]) -> Masker {
    let masker = Masker::new();
    assert_eq!(masker.add(secrets.iter().copied()), Vec::<usize>::new());
    masker
}

fn stream(masker: &Masker, chunks: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<u8> {
    let mut stream = masker.stream();
    let mut shown = Vec::new();
    for chunk in chunks {
        stream.push(chunk.as_ref(), |piece| shown.extend_from_slice(piece));
    }
    stream.finish(|piece| shown.extend_from_slice(piece));
    shown
}

/// Small and repeatable; the tests need variety, not chance.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }

    fn text(&mut self, length: usize) -> String {
        const LETTERS: [char; 24] = [
            'a', 'b', 'k', 'z', 'A', 'Q', '0', '7', '9', '+', '/', '=', ' ', '"', '\'', '\\', '$',
            '%', '&', '<', '\n', '-', 'é', '🙂',
        ];
        let mut text = String::new();
        while text.len() < length {
            text.push(LETTERS[self.next(LETTERS.len())]);
        }
        text
    }
}

#[test]
fn texts_lose_their_secrets() {
    let check = |secrets: &[&str], text: &str, expected: &str| {
        let masker = masker(secrets);
        assert_eq!(masker.mask_text(text), expected, "{text:?}");
        for size in 1..=text.len() {
            let shown = stream(&masker, text.as_bytes().chunks(size));
            assert_eq!(
                String::from_utf8_lossy(&shown),
                expected,
                "{text:?} in chunks of {size}"
            );
        }
    };
    check(&["hunter2"], "a hunter2 b", "a ****** b");
    check(&["hunter2"], "hunter2", "******");
    check(
        &["hunter2"],
        "hunter3 hunter hunterhunter2",
        "hunter3 hunter hunter******",
    );
    check(&["hunter2"], "hunter2hunter2", "************");
    check(
        &["abcdef", "abcdefgh"],
        "abcdefgh abcdefg",
        "****** ******g",
    );
    check(&["abcdef", "defghi"], "abcdefghi", "******");
    check(&["abcdefabc"], "abcdefabcdefabc", "******");
    check(&["aaaaaa"], "aaaaaaaaaaaaaaaaab", "******b");
    check(
        &["line one\nx\nline two"],
        "> line one\nx\nline two <",
        "> ******\n******\n****** <",
    );
    check(
        &["line one\nx\nline two"],
        "line one\r\nx\r\nline two\r\n",
        "******\n******\n******\r\n",
    );
    check(
        &["line one\nx\nline two"],
        "line one\nx\nline 2",
        "******\nx\nline 2",
    );
    check(&["line one\nx\nline two"], "x\n{\n", "x\n{\n");
    check(&["topsecret\n"], "topsecret", "******");
    check(&[], "nothing to hide", "nothing to hide");
}

#[test]
fn encoded_secrets_are_hidden() {
    let secret = "s3cr\u{e9}t/va+lue \"x\"";
    let masker = masker(&[secret]);
    for before in ["", "x", "xy", "user:"] {
        let whole = format!("{before}{secret}!!");
        for text in [
            STANDARD.encode(&whole),
            URL_SAFE_NO_PAD.encode(&whole),
            serde_json::to_string(&whole).unwrap(),
            whole.bytes().map(|byte| format!("{byte:02x}")).collect(),
            whole.bytes().map(|byte| format!("{byte:02X}")).collect(),
        ] {
            assert!(masker.mask_text(&text).contains(MASK), "{text}");
        }
    }
}

#[test]
fn wrapped_base64_of_a_long_value_is_hidden() {
    let secret = "0123456789 abcdefghij ".repeat(20);
    let encoded = STANDARD.encode(&secret);
    for width in [64, 76] {
        let wrapped: Vec<&str> = encoded
            .as_bytes()
            .chunks(width)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        let masker = masker(&[&secret]);
        let shown = masker.mask_text(&wrapped.join("\n")).into_owned();
        assert!(
            shown
                .lines()
                .all(|line| line.starts_with(MASK) && line.len() < 10),
            "{shown}"
        );
    }
}

#[test]
fn no_secret_leaks_in_any_form_at_any_split() {
    let mut random = Random(7);
    for round in 0..1_000 {
        let length = MIN_SECRET + random.next(40);
        let secret = random.text(length);
        let masker = masker(&[&secret]);
        let all = forms::forms(&secret);
        let form = &all[round % all.len()];
        let before = random.text(3);
        let after = random.text(3);
        let text = [before.as_bytes(), form, after.as_bytes()].concat();
        let whole = stream(&masker, [&text]);
        let leaks = |shown: &[u8]| memchr::memmem::find(shown, form).is_some();
        assert!(
            !leaks(&whole),
            "{secret:?}: {:?}",
            String::from_utf8_lossy(&whole)
        );
        for split in 0..=text.len() {
            let shown = stream(&masker, [&text[..split], &text[split..]]);
            assert_eq!(shown, whole, "{secret:?} cut at {split}");
        }
        for size in 1..=64.min(text.len()) {
            assert_eq!(
                stream(&masker, text.chunks(size)),
                whole,
                "{secret:?} in chunks of {size}"
            );
        }
    }
}

#[test]
fn ordinary_text_is_byte_identical() {
    let mut random = Random(11);
    let secrets: Vec<String> = (0..50)
        .map(|number| format!("{}-{number:04}", random.text(12).replace('\n', "_")))
        .collect();
    let masker = masker(&secrets.iter().map(String::as_str).collect::<Vec<_>>());
    // Beginnings and ends of secrets, but never a whole one.
    let mut text = Vec::new();
    for _ in 0..400 {
        let secret = secrets[random.next(50)].as_bytes();
        text.extend_from_slice(&secret[..random.next(secret.len())]);
        text.push(0xFF);
        text.push(random.next(256) as u8);
        text.push(b'\n');
    }
    assert!(stream(&masker, [&text]) == text);
    for size in [1, 2, 3, 7, 64, 1000] {
        assert!(
            stream(&masker, text.chunks(size)) == text,
            "chunks of {size}"
        );
    }
}

#[test]
fn only_a_beginning_of_a_secret_is_held_back() {
    let masker = masker(&["hunter2"]);
    let mut stream = masker.stream();
    let mut shown = Vec::new();
    stream.push(b"ready hunt", |piece| shown.extend_from_slice(piece));
    assert_eq!(shown, b"ready ");
    stream.push(b"ing\n", |piece| shown.extend_from_slice(piece));
    assert_eq!(shown, b"ready hunting\n");
    stream.push(b"hunter", |piece| shown.extend_from_slice(piece));
    assert_eq!(shown, b"ready hunting\n");
    stream.finish(|piece| shown.extend_from_slice(piece));
    assert_eq!(shown, b"ready hunting\nhunter");
}

#[test]
fn bytes_without_a_secret_are_not_copied() {
    let block = b"some output\nof a task\n";
    for masker in [Masker::new(), masker(&["hunter2"])] {
        let mut pieces = Vec::new();
        masker
            .stream()
            .push(block, |piece| pieces.push((piece.as_ptr(), piece.len())));
        assert_eq!(pieces, vec![(block.as_ptr(), block.len())]);
    }
}

#[test]
fn a_secret_added_while_the_stream_runs_is_hidden_from_then_on() {
    let masker = Masker::new();
    let mut stream = masker.stream();
    let mut shown = Vec::new();
    stream.push(b"hunter2\n", |piece| shown.extend_from_slice(piece));
    assert_eq!(masker.add(["short", "hunter2", "hunter2", ""]), vec![0, 3]);
    stream.push(b"hunter2\n", |piece| shown.extend_from_slice(piece));
    assert_eq!(shown, b"hunter2\n******\n");
    assert_eq!(format!("{masker:?}"), "Masker");
}
