//! Reads dates from text by a pattern: what each letter takes, and how the parts become a moment.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::dates::zone;
use super::pattern::{DAYS, Item, MONTHS};

/// What a text says, before it is put together.
#[derive(Clone, Default)]
pub(super) struct Fields {
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
    pub(super) fn resolve(&self, default_zone: &TimeZone) -> Option<jiff::Zoned> {
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
pub(super) fn parse_items<'t>(
    items: &[Item],
    text: &'t str,
    fields: &mut Fields,
) -> Option<&'t str> {
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
