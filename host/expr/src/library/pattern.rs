//! Date patterns as in Java's `DateTimeFormatter`, with English names: read once, then used to
//! print and to parse.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::dates::zone;
use crate::error::Fail;
use crate::print;

const MONTHS: [&str; 12] = [
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
const DAYS: [&str; 7] = [
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
enum Item {
    Literal(String),
    Field { letter: char, count: usize },
    Optional(Vec<Item>),
}

impl Item {
    /// Whether the field is written in digits alone, so that a neighbour must leave it its share.
    fn is_numeric(&self) -> bool {
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

/// What a text says, before it is put together.
#[derive(Clone, Default)]
struct Fields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    weekday: Option<usize>,
    hour: Option<i64>,
    half_hour: Option<i64>,
    afternoon: Option<bool>,
    minute: Option<i64>,
    second: Option<i64>,
    nanosecond: Option<i64>,
    of_day: Option<i64>,
    before_christ: bool,
    zone: Option<TimeZone>,
}

impl Fields {
    fn resolve(&self, default_zone: &TimeZone) -> Option<jiff::Zoned> {
        let year = self.year?;
        let year = i16::try_from(if self.before_christ { 1 - year } else { year }).ok()?;
        let date = match (self.month, self.day, self.day_of_year) {
            (Some(month), Some(day), _) => {
                let first = Date::new(year, i8::try_from(month).ok()?, 1).ok()?;
                let day = i8::try_from(day)
                    .ok()
                    .filter(|day| (1..=31).contains(day))?;
                // Java takes the last day of a shorter month.
                Date::new(year, first.month(), day.min(first.days_in_month())).ok()?
            }
            (_, _, Some(day)) => {
                let first = Date::new(year, 1, 1).ok()?;
                let day = (1..=i64::from(first.days_in_year()))
                    .contains(&day)
                    .then_some(day)?;
                first.checked_add(jiff::Span::new().days(day - 1)).ok()?
            }
            _ => return None,
        };
        let weekday = date.weekday().to_monday_zero_offset() as usize;
        if self.weekday.is_some_and(|expected| expected != weekday) {
            return None;
        }
        let zone = self.zone.clone().unwrap_or_else(|| default_zone.clone());
        DateTime::from_parts(date, self.time()?).to_zoned(zone).ok()
    }

    fn time(&self) -> Option<Time> {
        if let Some(of_day) = self.of_day {
            let nanosecond = i32::try_from(of_day % 1_000_000_000).ok()?;
            let second = of_day / 1_000_000_000;
            return Time::new(
                i8::try_from(second / 3600).ok()?,
                (second / 60 % 60) as i8,
                (second % 60) as i8,
                nanosecond,
            )
            .ok();
        }
        let hour = match (self.hour, self.half_hour, self.afternoon) {
            (Some(hour), ..) => hour,
            (None, Some(hour), Some(afternoon)) if hour < 12 => {
                hour + if afternoon { 12 } else { 0 }
            }
            (None, None, _) => 0,
            _ => return None,
        };
        Time::new(
            i8::try_from(hour).ok()?,
            i8::try_from(self.minute.unwrap_or(0)).ok()?,
            i8::try_from(self.second.unwrap_or(0)).ok()?,
            i32::try_from(self.nanosecond.unwrap_or(0)).ok()?,
        )
        .ok()
    }
}

/// Reads as far as the items say; gives the rest of the text.
fn parse_items<'t>(items: &[Item], text: &'t str, fields: &mut Fields) -> Option<&'t str> {
    let mut rest = text;
    for (index, item) in items.iter().enumerate() {
        match item {
            Item::Literal(literal) => rest = rest.strip_prefix(literal.as_str())?,
            Item::Optional(inner) => {
                let mut attempt = fields.clone();
                if let Some(after) = parse_items(inner, rest, &mut attempt) {
                    *fields = attempt;
                    rest = after;
                }
            }
            Item::Field { letter, count } => {
                rest = if item.is_numeric() {
                    let reserved = reserved(&items[index + 1..]);
                    parse_number(*letter, *count, reserved, rest, fields)?
                } else {
                    parse_name(*letter, *count, rest, fields)?
                };
            }
        }
    }
    Some(rest)
}

/// How many digits the fields that follow without a gap need.
fn reserved(items: &[Item]) -> usize {
    items
        .iter()
        .take_while(|item| item.is_numeric())
        .map(|item| match item {
            Item::Field { count, .. } => *count,
            _ => 0,
        })
        .sum()
}

fn parse_number<'t>(
    letter: char,
    count: usize,
    reserved: usize,
    text: &'t str,
    fields: &mut Fields,
) -> Option<&'t str> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let length = if count > 1 {
        count
    } else {
        digits.saturating_sub(reserved).min(18)
    };
    if length == 0 || length > digits {
        return None;
    }
    let number: i64 = text[..length].parse().ok()?;
    let within = |range: std::ops::RangeInclusive<i64>| range.contains(&number).then_some(number);
    match letter {
        'u' | 'y' if count == 2 => fields.year = Some(2000 + number),
        'u' | 'y' => fields.year = Some(number),
        'M' | 'L' => fields.month = Some(within(1..=12)?),
        'd' => fields.day = Some(within(1..=31)?),
        'D' => fields.day_of_year = Some(within(1..=366)?),
        'Q' | 'q' => {}
        'H' => fields.hour = Some(within(0..=23)?),
        'k' => fields.hour = Some(within(1..=24)? % 24),
        'h' => fields.half_hour = Some(within(1..=12)? % 12),
        'K' => fields.half_hour = Some(within(0..=11)?),
        'm' => fields.minute = Some(within(0..=59)?),
        's' => fields.second = Some(within(0..=59)?),
        'S' => {
            let scale = 10_i64.pow(9_u32.checked_sub(length as u32)?);
            fields.nanosecond = Some(number * scale);
        }
        'n' => fields.nanosecond = Some(within(0..=999_999_999)?),
        'A' => fields.of_day = Some(within(0..=86_399_999)? * 1_000_000),
        _ => fields.of_day = Some(within(0..=86_399_999_999_999)?),
    }
    Some(&text[length..])
}

fn parse_name<'t>(
    letter: char,
    count: usize,
    text: &'t str,
    fields: &mut Fields,
) -> Option<&'t str> {
    let named = |names: &[&str]| {
        names.iter().enumerate().find_map(|(index, name)| {
            let name = if count == 4 { name } else { &name[..3] };
            text.strip_prefix(name).map(|rest| (index, rest))
        })
    };
    match letter {
        'M' | 'L' => {
            let (index, rest) = named(&MONTHS)?;
            fields.month = Some(index as i64 + 1);
            Some(rest)
        }
        'E' => {
            let (index, rest) = named(&DAYS)?;
            fields.weekday = Some(index);
            Some(rest)
        }
        'Q' | 'q' => None,
        'G' => {
            let (before, rest) = match text.strip_prefix("AD") {
                Some(rest) => (false, rest),
                None => (true, text.strip_prefix("BC")?),
            };
            fields.before_christ = before;
            Some(rest)
        }
        'a' => {
            let (afternoon, rest) = match text.strip_prefix("AM") {
                Some(rest) => (false, rest),
                None => (true, text.strip_prefix("PM")?),
            };
            fields.afternoon = Some(afternoon);
            Some(rest)
        }
        'V' | 'z' => {
            let length = text
                .find(|character: char| {
                    !(character.is_ascii_alphanumeric() || "/_+-:".contains(character))
                })
                .unwrap_or(text.len());
            fields.zone = Some(zone(&text[..length]).ok()?);
            Some(&text[length..])
        }
        _ => {
            let text = match letter {
                'O' => text.strip_prefix("GMT")?,
                'Z' if count == 4 => text.strip_prefix("GMT")?,
                _ => text,
            };
            let (seconds, rest) = parse_offset(text)?;
            let offset = jiff::tz::Offset::from_seconds(seconds).ok()?;
            fields.zone = Some(TimeZone::fixed(offset));
            Some(rest)
        }
    }
}

/// Reads `Z`, `+02`, `+0200`, `+02:00` or `+02:00:00`; gives seconds and the rest.
pub(super) fn parse_offset(text: &str) -> Option<(i32, &str)> {
    if let Some(rest) = text.strip_prefix('Z') {
        return Some((0, rest));
    }
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let mut seconds = 0;
    for (index, unit) in [3600, 60, 1].into_iter().enumerate() {
        let after_colon = if index > 0 {
            rest.strip_prefix(':').unwrap_or(rest)
        } else {
            rest
        };
        let digits = after_colon.bytes().take_while(u8::is_ascii_digit).count();
        if digits < 2 {
            if index == 0 {
                return None;
            }
            break;
        }
        seconds += after_colon[..2].parse::<i32>().ok()? * unit;
        rest = &after_colon[2..];
    }
    (seconds <= 18 * 3600).then_some((sign * seconds, rest))
}
