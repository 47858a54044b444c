//! Date patterns as in Java's `DateTimeFormatter`, with English names: read once, then used to
//! print and to parse.

use jiff::tz::TimeZone;

use super::pattern_read::{Fields, parse_items};
use crate::error::Fail;
use crate::print;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
const QUARTERS: [&str; 4] = ["1st quarter", "2nd quarter", "3rd quarter", "4th quarter"];

#[derive(Debug)]
pub(super) enum Item {
    Literal(String),
    Field { letter: char, count: usize },
    Optional(Vec<Item>),
}

impl Item {
    /// Whether the field is written in digits alone, so that a neighbour must leave it its share.
    pub(super) fn is_numeric(&self) -> bool {
        match self {
            Item::Field { letter, count } => match letter {
                'M' | 'L' | 'Q' | 'q' => *count <= 2,
                _ => "uydDhHkKmsSAnN".contains(*letter),
            },
            _ => false,
        }
    }
}

/// A pattern that was read.
#[derive(Debug)]
pub(super) struct Pattern {
    text: String,
    items: Vec<Item>,
}

impl Pattern {
    /// Reads a pattern; an unknown letter is an error.
    pub(super) fn new(text: &str) -> Result<Pattern, Fail> {
        let mut open = vec![Vec::new()];
        let mut characters = text.chars().peekable();
        let invalid =
            |why: &str| Fail::value(format!("the date pattern `{text}` is not valid: {why}"));
        while let Some(character) = characters.next() {
            let item = match character {
                '\'' => {
                    let mut literal = String::new();
                    if characters.next_if_eq(&'\'').is_some() {
                        literal.push('\'');
                    } else {
                        loop {
                            match characters.next() {
                                Some('\'') if characters.next_if_eq(&'\'').is_some() => {
                                    literal.push('\'');
                                }
                                Some('\'') => break,
                                Some(other) => literal.push(other),
                                None => return Err(invalid("a quote is never closed")),
                            }
                        }
                    }
                    Item::Literal(literal)
                }
                '[' if open.len() > 8 => return Err(invalid("too many `[`")),
                '[' => {
                    open.push(Vec::new());
                    continue;
                }
                ']' => match (open.len() > 1).then(|| open.pop()).flatten() {
                    Some(items) => Item::Optional(items),
                    None => return Err(invalid("`]` without `[`")),
                },
                '{' | '}' | '#' => {
                    return Err(invalid(&format!("`{character}` must be quoted")));
                }
                letter if letter.is_ascii_alphabetic() => {
                    let mut count = 1;
                    while characters.next_if_eq(&letter).is_some() {
                        count += 1;
                    }
                    check(letter, count).map_err(|(why, help)| {
                        let fail = invalid(&why);
                        match help {
                            Some(help) => fail.help(help),
                            None => fail,
                        }
                    })?;
                    Item::Field { letter, count }
                }
                other => Item::Literal(other.to_string()),
            };
            if let Some(items) = open.last_mut() {
                items.push(item);
            }
        }
        // An optional part may stay open until the end.
        while open.len() > 1 {
            let items = open.pop().unwrap_or_default();
            if let Some(outer) = open.last_mut() {
                outer.push(Item::Optional(items));
            }
        }
        Ok(Pattern {
            text: text.to_owned(),
            items: open.pop().unwrap_or_default(),
        })
    }

    /// Prints a moment.
    pub(super) fn format(&self, moment: &jiff::Zoned) -> String {
        let mut text = String::new();
        print_items(&self.items, moment, &mut text);
        text
    }

    /// Reads a moment; what has no zone of its own lies in `default_zone`.
    pub(super) fn parse(
        &self,
        text: &str,
        shown: &str,
        default_zone: &TimeZone,
    ) -> Result<jiff::Zoned, Fail> {
        let mut fields = Fields::default();
        let rest = parse_items(&self.items, text, &mut fields);
        rest.filter(|rest| rest.is_empty())
            .and_then(|_| fields.resolve(default_zone))
            .ok_or_else(|| {
                Fail::value(format!("{shown} is not a date of the form `{}`", self.text))
            })
    }
}

type Why = (String, Option<String>);

fn check(letter: char, count: usize) -> Result<(), Why> {
    let most = match letter {
        'G' | 'E' | 'M' | 'L' | 'Q' | 'q' | 'X' | 'x' | 'Z' => 5,
        'u' | 'y' => 19,
        'd' | 'h' | 'H' | 'k' | 'K' | 'm' | 's' | 'V' => 2,
        'D' => 3,
        'a' => 1,
        'S' => 9,
        'A' | 'n' | 'N' => 19,
        'z' => 3,
        'O' => 4,
        'Y' => {
            return Err((
                "`Y` counts years of weeks, which differ by country".to_owned(),
                Some("write `yyyy` for the year, or use the format `iso_week_date`".to_owned()),
            ));
        }
        'w' | 'W' | 'e' | 'c' | 'F' => {
            return Err((
                format!("`{letter}` counts weeks, which differ by country"),
                Some("use the format `iso_week_date`".to_owned()),
            ));
        }
        _ => {
            return Err((
                format!("there is no pattern letter `{letter}`"),
                Some(format!(
                    "write `'{letter}'` in quotes for the letter itself"
                )),
            ));
        }
    };
    let exact = match letter {
        'V' => count == 2,
        'O' => count == 1 || count == 4,
        _ => true,
    };
    if count > most || !exact {
        return Err((
            format!(
                "`{}` has the wrong number of letters",
                letter.to_string().repeat(count.min(20))
            ),
            None,
        ));
    }
    Ok(())
}

fn print_items(items: &[Item], moment: &jiff::Zoned, out: &mut String) {
    for item in items {
        match item {
            Item::Literal(text) => out.push_str(text),
            Item::Optional(items) => print_items(items, moment, out),
            Item::Field { letter, count } => out.push_str(&field(*letter, *count, moment)),
        }
    }
}

fn field(letter: char, count: usize, moment: &jiff::Zoned) -> String {
    let number = |number: i64| format!("{number:0>count$}");
    let name = |name: &str, short: usize| match count {
        4 => name.to_owned(),
        5 => name.chars().take(1).collect(),
        _ => name.chars().take(short).collect(),
    };
    let hour = i64::from(moment.hour());
    let year = i64::from(moment.year());
    let of_day = ((hour * 60 + i64::from(moment.minute())) * 60 + i64::from(moment.second()))
        * 1_000_000_000
        + i64::from(moment.subsec_nanosecond());
    let month = moment.month() as usize;
    match letter {
        'G' => match (count, year > 0) {
            (4, true) => "Anno Domini",
            (4, false) => "Before Christ",
            (5, true) => "A",
            (5, false) => "B",
            (_, true) => "AD",
            (_, false) => "BC",
        }
        .to_owned(),
        'u' | 'y' => {
            let year = if letter == 'y' && year <= 0 {
                1 - year
            } else {
                year
            };
            if count == 2 {
                format!("{:02}", year.rem_euclid(100))
            } else if year < 0 {
                format!("-{:0>count$}", -year)
            } else {
                number(year)
            }
        }
        'M' | 'L' if count > 2 => name(MONTHS[(month - 1) % 12], 3),
        'M' | 'L' => number(month as i64),
        'd' => number(i64::from(moment.day())),
        'D' => number(i64::from(moment.day_of_year())),
        'Q' | 'q' => {
            let quarter = (month - 1) / 3;
            match count {
                1 | 2 => number(quarter as i64 + 1),
                3 => format!("Q{}", quarter + 1),
                4 => QUARTERS[quarter % 4].to_owned(),
                _ => (quarter + 1).to_string(),
            }
        }
        'E' => {
            let day = moment.weekday().to_monday_zero_offset() as usize;
            name(DAYS[day % 7], 3)
        }
        'a' => if hour < 12 { "AM" } else { "PM" }.to_owned(),
        'h' => number((hour + 11) % 12 + 1),
        'H' => number(hour),
        'K' => number(hour % 12),
        'k' => number((hour + 23) % 24 + 1),
        'm' => number(i64::from(moment.minute())),
        's' => number(i64::from(moment.second())),
        'S' => format!("{:09}", moment.subsec_nanosecond())[..count].to_owned(),
        'A' => number(of_day / 1_000_000),
        'n' => number(i64::from(moment.subsec_nanosecond())),
        'N' => number(of_day),
        'V' => zone_id(moment),
        'z' => match moment.time_zone().iana_name() {
            Some(_) => moment
                .time_zone()
                .to_offset_info(moment.timestamp())
                .abbreviation()
                .to_owned(),
            None => zone_id(moment),
        },
        _ => offset(letter, count, moment.offset().seconds()),
    }
}

/// The name of a zone, or its offset if it has none.
pub(super) fn zone_id(moment: &jiff::Zoned) -> String {
    moment.time_zone().iana_name().map_or_else(
        || print::offset(moment.offset().seconds(), true),
        str::to_owned,
    )
}

fn offset(letter: char, count: usize, seconds: i32) -> String {
    let total = seconds.unsigned_abs();
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes, rest) = (total / 3600, total / 60 % 60, total % 60);
    let with_rest = |colon: &str| {
        if rest == 0 {
            String::new()
        } else {
            format!("{colon}{rest:02}")
        }
    };
    match (letter, count) {
        ('X', _) | ('Z', 5) if seconds == 0 => "Z".to_owned(),
        ('X' | 'x', 1) if minutes == 0 => format!("{sign}{hours:02}"),
        ('X' | 'x', 1 | 2) | ('Z', 1..=3) => format!("{sign}{hours:02}{minutes:02}"),
        ('X' | 'x', 3) => format!("{sign}{hours:02}:{minutes:02}"),
        ('X' | 'x', 4) => format!("{sign}{hours:02}{minutes:02}{}", with_rest("")),
        ('X' | 'x' | 'Z', 5) => format!("{sign}{hours:02}:{minutes:02}{}", with_rest(":")),
        _ if seconds == 0 => "GMT".to_owned(),
        ('O', 1) if minutes == 0 => format!("GMT{sign}{hours}"),
        ('O', 1) => format!("GMT{sign}{hours}:{minutes:02}"),
        _ => format!("GMT{sign}{hours:02}:{minutes:02}"),
    }
}
