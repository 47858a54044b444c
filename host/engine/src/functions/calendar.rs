//! The calendar: what a date is within its week, its month and its country. Of a moment the date counts that stands in its text, not
//! the one in UTC.

use jiff::civil::{Date, Time, Weekday};
use taffrail_expr::{Arguments, Value};

use super::holidays;

/// The days of the week by name, Monday first.
const DAYS: [(&str, Weekday); 7] = [
    ("MONDAY", Weekday::Monday),
    ("TUESDAY", Weekday::Tuesday),
    ("WEDNESDAY", Weekday::Wednesday),
    ("THURSDAY", Weekday::Thursday),
    ("FRIDAY", Weekday::Friday),
    ("SATURDAY", Weekday::Saturday),
    ("SUNDAY", Weekday::Sunday),
];

/// Calls one of the functions here; nothing where it is none.
pub(super) fn call(name: &str, arguments: &Arguments) -> Option<Result<Value, String>> {
    let number = |number: i8| Value::int(i64::from(number));
    Some(match name {
        "dayOfMonth" => date(arguments).map(|date| number(date.day())),
        "dayOfWeek" => date(arguments).map(|date| Value::text(day_name(date.weekday()))),
        "hourOfDay" => hour(arguments).map(number),
        "isDateAfter" => compared(arguments, "after", |date, limit| date > limit),
        "isDateBefore" => compared(arguments, "before", |date, limit| date < limit),
        "isDateBetween" => between(arguments),
        "isDayWeekInMonth" => is_day_week_in_month(arguments),
        "isLastWorkingDay" => is_last_working_day(arguments),
        "isPublicHoliday" => is_public_holiday(arguments),
        "isWeekend" => date(arguments).map(|date| Value::bool(is_weekend(date.weekday()))),
        "monthOfYear" => date(arguments).map(|date| number(date.month())),
        _ => return None,
    })
}

fn date(arguments: &Arguments) -> Result<Date, String> {
    let written = word(arguments, 0, "date")?;
    let day = written.get(..10).unwrap_or(&written);
    day.parse()
        .map_err(|_| format!("`{written}` is no date such as `2026-01-31`"))
}

fn hour(arguments: &Arguments) -> Result<i8, String> {
    let written = word(arguments, 0, "date")?;
    let time = written
        .split_once('T')
        .and_then(|(_, time)| time.split(['Z', '+', '-', '[']).next())
        .and_then(|time| time.parse::<Time>().ok());
    time.map(Time::hour).ok_or_else(|| {
        format!("`{written}` is no date with a time of day, such as `2026-01-31T14:30:00Z`")
    })
}

fn moment(arguments: &Arguments, index: usize, name: &str) -> Result<jiff::Timestamp, String> {
    let written = word(arguments, index, name)?;
    written.parse().map_err(|_| {
        format!(
            "`{name}` is `{written}`, and no moment with its offset, such as `2026-01-31T14:30:00+01:00`"
        )
    })
}

fn compared(
    arguments: &Arguments,
    limit: &str,
    holds: fn(jiff::Timestamp, jiff::Timestamp) -> bool,
) -> Result<Value, String> {
    let (date, limit) = (moment(arguments, 0, "date")?, moment(arguments, 1, limit)?);
    Ok(Value::bool(holds(date, limit)))
}

fn between(arguments: &Arguments) -> Result<Value, String> {
    let date = moment(arguments, 0, "date")?;
    let after = moment(arguments, 1, "after")?;
    let before = moment(arguments, 2, "before")?;
    Ok(Value::bool(date > after && date < before))
}

fn is_weekend(day: Weekday) -> bool {
    matches!(day, Weekday::Saturday | Weekday::Sunday)
}

fn day_name(day: Weekday) -> &'static str {
    let found = DAYS.iter().find(|(_, known)| *known == day);
    found.map_or("", |(name, _)| name)
}

fn day_named(written: &str) -> Result<Weekday, String> {
    let upper = written.to_uppercase();
    let found = DAYS.iter().find(|(name, _)| *name == upper);
    found
        .map(|(_, day)| *day)
        .ok_or_else(|| format!("`{written}` is no day of the week: these are MONDAY to SUNDAY"))
}

/// Whether a date is the first, second, third, fourth or last of its day of the week in its month.
fn is_day_week_in_month(arguments: &Arguments) -> Result<Value, String> {
    let date = date(arguments)?;
    let day = day_named(&word(arguments, 1, "dayOfWeek")?)?;
    let position = word(arguments, 2, "position")?;
    let number = (date.day() - 1) / 7;
    let holds = match position.to_uppercase().as_str() {
        "FIRST" => number == 0,
        "SECOND" => number == 1,
        "THIRD" => number == 2,
        "FOURTH" => number == 3,
        "LAST" => date.day() + 7 > date.days_in_month(),
        _ => {
            return Err(format!(
                "`position` cannot be `{position}`: it is FIRST, SECOND, THIRD, FOURTH or LAST"
            ));
        }
    };
    Ok(Value::bool(holds && date.weekday() == day))
}

/// Whether no later day of its month is a working day, and it is one.
fn is_last_working_day(arguments: &Arguments) -> Result<Value, String> {
    let date = date(arguments)?;
    let written = arguments
        .get(1, "workingDays")
        .map(Value::render_text)
        .unwrap_or_default();
    let days = written
        .split([',', ' '])
        .filter(|word| !word.is_empty())
        .map(day_named)
        .collect::<Result<Vec<_>, _>>()?;
    let works = |date: &Date| match days.is_empty() {
        true => !is_weekend(date.weekday()),
        false => days.contains(&date.weekday()),
    };
    let later = date.series(jiff::Span::new().days(1)).skip(1);
    let mut rest = later.take_while(|later| later.month() == date.month());
    Ok(Value::bool(
        works(&date) && !rest.any(|later| works(&later)),
    ))
}

fn is_public_holiday(arguments: &Arguments) -> Result<Value, String> {
    let date = date(arguments)?;
    let country = word(arguments, 1, "countryCode")?;
    let part = arguments
        .get(2, "subDivision")
        .map(Value::render_text)
        .filter(|part| !part.trim().is_empty());
    holidays::is_holiday(date, &country, part.as_deref()).map(Value::bool)
}

fn word(arguments: &Arguments, index: usize, name: &str) -> Result<String, String> {
    arguments
        .get(index, name)
        .filter(|value| !value.is_null())
        .map(Value::render_text)
        .ok_or_else(|| format!("it needs `{name}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn called(name: &str, texts: &[&str]) -> Result<Json, String> {
        let arguments = Arguments {
            positional: texts.iter().map(|text| Value::text(*text)).collect(),
            named: Vec::new(),
        };
        call(name, &arguments).unwrap().map(|value| value.to_json())
    }

    #[test]
    fn the_calendar() {
        let check = |name: &str, texts: &[&str], expected: Json| {
            assert_eq!(called(name, texts), Ok(expected), "{name} {texts:?}");
        };
        for (written, day, weekend) in [
            ("2026-11-25", "WEDNESDAY", false),
            ("2026-11-28T23:59:59+02:00", "SATURDAY", true),
            ("2024-02-29", "THURSDAY", false),
        ] {
            check("dayOfWeek", &[written], json!(day));
            check("isWeekend", &[written], json!(weekend));
        }
        check("monthOfYear", &["2026-12-31"], json!(12));
        check("dayOfMonth", &["2026-12-31T01:00:00+09:00"], json!(31));
        check("hourOfDay", &["2025-01-06T14:30:00+02:00"], json!(14));
        check(
            "hourOfDay",
            &["2025-01-06T04:30:00.5-03:00[America/Bahia]"],
            json!(4),
        );
        check("hourOfDay", &["2025-01-06T14:30"], json!(14));
        let (early, late) = ("2026-01-01T01:30:00+02:00", "2026-01-01T00:00:00Z");
        check("isDateAfter", &[late, early], json!(true));
        check("isDateBefore", &[late, early], json!(false));
        check("isDateBefore", &[early, early], json!(false));
        check(
            "isDateBetween",
            &[late, early, "2026-01-01T00:00:01Z"],
            json!(true),
        );
        check("isDateBetween", &[late, early, late], json!(false));
        for (written, day, position, expected) in [
            ("2026-11-02", "monday", "FIRST", true),
            ("2026-11-09", "MONDAY", "FIRST", false),
            ("2026-11-09", "MONDAY", "second", true),
            ("2026-11-30", "MONDAY", "LAST", true),
            ("2026-11-23", "MONDAY", "LAST", false),
            ("2026-11-24", "MONDAY", "FOURTH", false),
        ] {
            check(
                "isDayWeekInMonth",
                &[written, day, position],
                json!(expected),
            );
        }
        for (written, days, expected) in [
            ("2026-11-30", "", true),
            ("2026-11-27", "", false),
            ("2026-10-30", "", true),
            ("2026-10-31", "", false),
            ("2026-10-31", "friday, saturday", true),
        ] {
            check("isLastWorkingDay", &[written, days], json!(expected));
        }
        check("isPublicHoliday", &["2026-07-14", "FR"], json!(true));
    }

    #[test]
    fn what_is_no_date_is_told() {
        let check = |name: &str, texts: &[&str], part: &str| {
            let error = called(name, texts).unwrap_err();
            assert!(error.contains(part), "{error}");
        };
        check("dayOfWeek", &["yesterday"], "`yesterday` is no date");
        check("dayOfWeek", &[], "it needs `date`");
        check("hourOfDay", &["2026-11-24"], "no date with a time of day");
        check(
            "isDateAfter",
            &["2026-11-24", "x"],
            "`date` is `2026-11-24`",
        );
        check(
            "isDayWeekInMonth",
            &["2026-11-24", "MONDAY", "FIFTH"],
            "FIRST, SECOND",
        );
        check(
            "isDayWeekInMonth",
            &["2026-11-24", "MON", "FIRST"],
            "`MON` is no day",
        );
        check("isPublicHoliday", &["2026-11-24"], "it needs `countryCode`");
    }
}
