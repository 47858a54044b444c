//! Changes properties in ways that authors and enemies do; the same number gives the same change in every run.

use serde_json::{Map, Value, json};

/// A small generator without state outside of itself.
struct Dice(u64);

impl Dice {
    /// A number below `sides`; zero where there are none.
    fn roll(&mut self, sides: usize) -> usize {
        // splitmix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % (sides.max(1) as u64)).unwrap_or_default()
    }
}

/// Changes one to three places.
pub(super) fn mutate(properties: &mut Map<String, Value>, number: u64) {
    let mut dice = Dice(number);
    for _ in 0..=dice.roll(3) {
        let mut root = Value::Object(std::mem::take(properties));
        change(&mut root, &mut dice, 0);
        if let Value::Object(changed) = root {
            *properties = changed;
        }
    }
}

fn change(value: &mut Value, dice: &mut Dice, depth: usize) {
    let deeper = depth == 0 || dice.roll(3) > 0;
    match value {
        Value::Object(entries) if deeper && !entries.is_empty() => {
            let at = dice.roll(entries.len());
            let name = entries.keys().nth(at).cloned().unwrap_or_default();
            match dice.roll(8) {
                0 => {
                    entries.remove(&name);
                }
                1 => {
                    let value = entries.remove(&name).unwrap_or_default();
                    entries.insert(odd_text(dice), value);
                }
                2 => {
                    entries.insert(odd_text(dice), odd_value(dice));
                }
                _ => {
                    if let Some(value) = entries.get_mut(&name) {
                        change(value, dice, depth + 1);
                    }
                }
            }
        }
        Value::Object(entries) if depth == 0 => {
            entries.insert(odd_text(dice), odd_value(dice));
        }
        Value::Array(items) if deeper && !items.is_empty() => {
            let at = dice.roll(items.len());
            match dice.roll(5) {
                0 => {
                    items.remove(at);
                }
                1 => items.insert(at, odd_value(dice)),
                2 => {
                    let item = items[at].clone();
                    items.extend(std::iter::repeat_n(item, 100));
                }
                _ => change(&mut items[at], dice, depth + 1),
            }
        }
        Value::String(text) if deeper => {
            let at = text.floor_char_boundary(dice.roll(text.len() + 1));
            text.insert_str(at, &odd_text(dice));
        }
        other => *other = odd_value(dice),
    }
}

fn odd_text(dice: &mut Dice) -> String {
    const TEXTS: &[&str] = &[
        "",
        " ",
        "\0",
        "\n",
        "\r\n",
        "\u{1b}[31m",
        "'",
        "\"",
        "\\",
        "$(id)",
        "`id`",
        "; rm -rf .",
        "../..",
        "/",
        "~0~1",
        "%s%n",
        "{{ x }}",
        "ü𝄞\u{301}",
        "\u{feff}",
        "\u{202e}",
        "-",
        "--",
        "=",
        "#!/bin/false\n",
    ];
    match dice.roll(TEXTS.len() + 1) {
        at if at < TEXTS.len() => TEXTS[at].to_owned(),
        _ => "x".repeat(3_000),
    }
}

fn odd_value(dice: &mut Dice) -> Value {
    match dice.roll(14) {
        0 => Value::Null,
        1 => true.into(),
        2 => false.into(),
        3 => 0.into(),
        4 => (-1).into(),
        5 => u64::MAX.into(),
        6 => 1.5.into(),
        7 => 1e300.into(),
        8 => json!([]),
        9 => json!({}),
        10 => json!([null, [[]], {}, ""]),
        11 => (0..60).fold(json!("deep"), |inner, _| json!([inner])),
        12 => json!({ "": { "type": "x" }, "a/b~c": [1] }),
        _ => odd_text(dice).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_gives_the_same_change_and_another_another() {
        let seed = json!({ "script": "echo", "list": ["a", { "b": 1 }] });
        let run = |number| {
            let mut properties = seed.as_object().cloned().unwrap_or_default();
            mutate(&mut properties, number);
            Value::Object(properties).to_string()
        };
        let changes: std::collections::BTreeSet<String> = (0..200).map(run).collect();
        assert!(changes.len() > 100, "{}", changes.len());
        assert_eq!(run(7), run(7));
    }
}
