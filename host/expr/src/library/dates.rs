//! Filters on dates: printing, adding, counting seconds. A date is a moment, a text in ISO 8601 or
//! in a given form, or a number of seconds.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{Span, Zoned};

use super::Parameters::Named;
use super::pattern::{Pattern, zone_id};
use super::pattern_read::parse_offset;
use super::{Filter, Invocation, shown};
use crate::error::Fail;
use crate::print;
use crate::value::{Kind, Value};

const ZONED: super::Parameters = Named(&[("timeZone", false), ("existingFormat", false)]);

pub(super) const FILTERS: &[Filter] = &[
    Filter {
        name: "date",
        parameters: Named(&[
            ("format", false),
            ("timeZone", false),
            ("existingFormat", false),
            ("locale", false),
        ]),
        run: date,
    },
    Filter {
        name: "dateAdd",
        parameters: Named(&[
            ("amount", true),
            ("unit", true),
            ("format", false),
            ("timeZone", false),
            ("existingFormat", false),
            ("locale", false),
        ]),
        run: date_add,
    },
    Filter {
        name: "timestamp",
        parameters: ZONED,
        run: |call| {
            timestamp(call, |moment| {
                Value::int(moment.timestamp().as_nanosecond().div_euclid(1_000_000_000) as i64)
            })
        },
    },
    Filter {
        name: "timestampMicro",
        parameters: ZONED,
        run: |call| {
            timestamp(call, |moment| {
                Value::text(moment.timestamp().as_microsecond().to_string())
            })
        },
    },
    Filter {
        name: "timestampMilli",
        parameters: ZONED,
        run: |call| {
            timestamp(call, |moment| {
                Value::int(moment.timestamp().as_millisecond())
            })
        },
    },
    Filter {
        name: "timestampNano",
        parameters: ZONED,
        run: |call| {
            timestamp(call, |moment| {
                Value::text(moment.timestamp().as_nanosecond().to_string())
            })
        },
    },
];

fn date(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let zone = zone_argument(call, 1)?;
    let moment = moment(call, &zone, 2)?;
    printed(call, &moment, &zone, 0, 3)
}

fn date_add(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let zone = zone_argument(call, 3)?;
    let moment = moment(call, &zone, 4)?;
    let amount = call.required_int(0)?;
    let unit = call.required_text(1)?;
    let too_far = || {
        Fail::value(format!(
            "`dateAdd` of {amount} {unit} leads out of the calendar"
        ))
    };
    let times = |factor: i64| amount.checked_mul(factor).ok_or_else(too_far);
    let span = match unit.as_ref() {
        "NANOS" => Span::new().try_nanoseconds(amount),
        "MICROS" => Span::new().try_microseconds(amount),
        "MILLIS" => Span::new().try_milliseconds(amount),
        "SECONDS" => Span::new().try_seconds(amount),
        "MINUTES" => Span::new().try_minutes(amount),
        "HOURS" => Span::new().try_hours(amount),
        "HALF_DAYS" => Span::new().try_hours(times(12)?),
        "DAYS" => Span::new().try_days(amount),
        "WEEKS" => Span::new().try_weeks(amount),
        "MONTHS" => Span::new().try_months(amount),
        "YEARS" => Span::new().try_years(amount),
        "DECADES" => Span::new().try_years(times(10)?),
        "CENTURIES" => Span::new().try_years(times(100)?),
        other => {
            const UNITS: [&str; 13] = [
                "NANOS",
                "MICROS",
                "MILLIS",
                "SECONDS",
                "MINUTES",
                "HOURS",
                "HALF_DAYS",
                "DAYS",
                "WEEKS",
                "MONTHS",
                "YEARS",
                "DECADES",
                "CENTURIES",
            ];
            let fail = Fail::value(format!("`dateAdd` does not know the unit `{other}`"));
            let plural = format!("{}S", other.to_uppercase());
            let near = if UNITS.contains(&plural.as_str()) {
                Some(plural.as_str())
            } else {
                super::names::nearest(other, UNITS.iter().copied())
            };
            return Err(match near {
                Some(near) => fail.help(format!("did you mean `{near}`?")),
                None => fail.help(format!(
                    "the units are {}",
                    super::functions::listed(&UNITS)
                )),
            });
        }
    };
    let moved = span
        .and_then(|span| moment.checked_add(span))
        .map_err(|_| too_far())?;
    printed(call, &moved, &zone, 2, 5)
}

fn timestamp(call: &mut Invocation<'_>, count: fn(&Zoned) -> Value) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let zone = zone_argument(call, 0)?;
    Ok(count(&moment(call, &zone, 1)?))
}

fn zone_argument(call: &Invocation<'_>, index: usize) -> Result<TimeZone, Fail> {
    match call.text_argument(index)? {
        Some(name) => zone(&name),
        None => Ok(call.environment.time_zone()),
    }
}

/// Finds a zone by its name (`Europe/Paris`) or its offset (`+02:00`, `UTC+2`), in the database
/// that is compiled in.
pub(super) fn zone(name: &str) -> Result<TimeZone, Fail> {
    let from_seconds = |seconds: i32| Offset::from_seconds(seconds).ok().map(TimeZone::fixed);
    let bare = ["UTC", "GMT", "UT"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    let padded = match bare.as_bytes() {
        [sign @ (b'+' | b'-'), digit] => format!("{}0{}", char::from(*sign), char::from(*digit)),
        _ => bare.to_owned(),
    };
    if let Some((seconds, "")) = parse_offset(&padded)
        && let Some(fixed) = from_seconds(seconds)
    {
        return Ok(fixed);
    }
    TimeZoneDatabase::bundled().get(name).map_err(|_| {
        Fail::value(format!("there is no time zone `{name}`"))
            .help("write a name like `Europe/Paris` or an offset like `+02:00`")
    })
}

/// Reads the input as a moment.
fn moment(call: &Invocation<'_>, zone: &TimeZone, existing: usize) -> Result<Zoned, Fail> {
    match &call.input.kind {
        Kind::DateTime(moment) => Ok(moment.clone()),
        Kind::Int(seconds) => jiff::Timestamp::from_second(*seconds)
            .map(|instant| instant.to_zoned(zone.clone()))
            .map_err(|_| Fail::value("so many seconds lead out of the calendar")),
        Kind::Text(text) => match call.text_argument(existing)? {
            Some(name) => match named(&name) {
                Some(Format::Pattern(pattern)) => {
                    Pattern::new(pattern)?.parse(text, &shown(&call.input), zone)
                }
                Some(_) => iso(text, zone).ok_or_else(|| not_iso(&call.input)),
                None => Pattern::new(&name)?.parse(text, &shown(&call.input), zone),
            },
            None => iso(text, zone).ok_or_else(|| not_iso(&call.input)),
        },
        _ => Err(call.input_must_be("a date, text or a number of seconds")),
    }
}

fn not_iso(value: &Value) -> Fail {
    Fail::value(format!("{} is not a date in ISO 8601", shown(value)))
        .help("name its form, as in `date('yyyy-MM-dd', existingFormat='dd.MM.yyyy')`")
}

/// Reads ISO 8601: a date, a date and time, with an offset and a zone or without.
fn iso(text: &str, default_zone: &TimeZone) -> Option<Zoned> {
    let number = |text: &str, range: std::ops::Range<usize>| {
        text.get(range)
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))?
            .parse::<i32>()
            .ok()
    };
    let (day_part, clock) = match text.split_once(['T', 't']) {
        Some((day, clock)) => (day, Some(clock)),
        None => (text, None),
    };
    let bytes = day_part.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let date = Date::new(
        number(day_part, 0..4)? as i16,
        number(day_part, 5..7)? as i8,
        number(day_part, 8..10)? as i8,
    )
    .ok()?;
    let Some(clock) = clock else {
        return date.to_zoned(default_zone.clone()).ok();
    };
    if clock.as_bytes().get(2) != Some(&b':') {
        return None;
    }
    let (hour, minute) = (number(clock, 0..2)?, number(clock, 3..5)?);
    let mut rest = clock.get(5..)?;
    let (mut second, mut nanosecond) = (0, 0);
    if let Some(after) = rest.strip_prefix(':') {
        second = number(after, 0..2)?;
        rest = after.get(2..)?;
        if let Some(fraction) = rest.strip_prefix('.') {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            if digits > 9 {
                return None;
            }
            nanosecond = format!("{:0<9}", &fraction[..digits]).parse().ok()?;
            rest = &fraction[digits..];
        }
    }
    let time = Time::new(hour as i8, minute as i8, second as i8, nanosecond).ok()?;
    let local = DateTime::from_parts(date, time);
    if rest.is_empty() {
        return local.to_zoned(default_zone.clone()).ok();
    }
    // Minutes of an offset stand behind a colon.
    let digits = rest.bytes().skip(1).take_while(u8::is_ascii_digit).count();
    if digits > 2 {
        return None;
    }
    let (seconds, rest) = parse_offset(rest)?;
    let offset = Offset::from_seconds(seconds).ok()?;
    let moment = offset.to_timestamp(local).ok()?;
    let zone = match rest
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(name) => zone(name).ok()?,
        None if rest.is_empty() && seconds == 0 => TimeZone::UTC,
        None if rest.is_empty() => TimeZone::fixed(offset),
        None => return None,
    };
    Some(moment.to_zoned(zone))
}

/// A form with a name.
enum Format {
    Pattern(&'static str),
    /// Local date and time with these additions.
    Iso(fn(&Zoned) -> String),
}

fn named(name: &str) -> Option<Format> {
    Some(match name {
        "iso" => Format::Pattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"),
        "iso_sec" => Format::Pattern("yyyy-MM-dd'T'HH:mm:ssXXX"),
        "sql" => Format::Pattern("yyyy-MM-dd HH:mm:ss.SSSSSS"),
        "sql_seq" => Format::Pattern("yyyy-MM-dd HH:mm:ss"),
        "iso_date_time" | "iso_zoned_date_time" => Format::Iso(|moment| {
            let region = match moment.time_zone().iana_name() {
                Some(_) => format!("[{}]", zone_id(moment)),
                None => String::new(),
            };
            format!(
                "{}T{}{}{region}",
                day(moment),
                clock(moment),
                offset(moment)
            )
        }),
        "iso_date" => Format::Iso(|moment| day(moment) + &offset(moment)),
        "iso_time" | "iso_offset_time" => Format::Iso(|moment| clock(moment) + &offset(moment)),
        "iso_local_date" => Format::Iso(day),
        "iso_local_time" => Format::Iso(clock),
        "iso_local_date_time" => Format::Iso(|moment| format!("{}T{}", day(moment), clock(moment))),
        "iso_offset_date_time" => {
            Format::Iso(|moment| format!("{}T{}{}", day(moment), clock(moment), offset(moment)))
        }
        "iso_instant" => {
            Format::Iso(|moment| print::datetime(&moment.with_time_zone(TimeZone::UTC)))
        }
        "iso_ordinal_date" => Format::Iso(|moment| {
            let (year, day) = (moment.year(), moment.day_of_year());
            format!("{year:04}-{day:03}{}", offset(moment))
        }),
        "iso_week_date" => Format::Iso(|moment| {
            let week = moment.date().iso_week_date();
            format!(
                "{:04}-W{:02}-{}{}",
                week.year(),
                week.week(),
                week.weekday().to_monday_one_offset(),
                offset(moment)
            )
        }),
        "rfc_1123_date_time" => Format::Iso(|moment| {
            const FORM: &str = "EEE, d MMM yyyy HH:mm:ss ";
            let zone = match moment.offset().seconds() {
                0 => "GMT".to_owned(),
                seconds => print::offset(seconds, false).replace(':', ""),
            };
            Pattern::new(FORM).map_or_else(|_| String::new(), |form| form.format(moment)) + &zone
        }),
        _ => return None,
    })
}

fn day(moment: &Zoned) -> String {
    format!(
        "{:04}-{:02}-{:02}",
        moment.year(),
        moment.month(),
        moment.day()
    )
}

/// The time with as many digits behind the point as there are.
fn clock(moment: &Zoned) -> String {
    let fraction = format!(".{:09}", moment.subsec_nanosecond());
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!(
        "{:02}:{:02}:{:02}{fraction}",
        moment.hour(),
        moment.minute(),
        moment.second()
    )
}

fn offset(moment: &Zoned) -> String {
    print::offset(moment.offset().seconds(), true)
}

fn printed(
    call: &Invocation<'_>,
    moment: &Zoned,
    zone: &TimeZone,
    format: usize,
    locale: usize,
) -> Result<Value, Fail> {
    if let Some(locale) = call.text_argument(locale)?
        && !locale.to_lowercase().starts_with("en")
    {
        return Err(Fail::value(format!(
            "names of days and months are English; the locale `{locale}` is not supported"
        )));
    }
    let format = call.text_argument(format)?;
    let name = format.as_deref().unwrap_or("iso");
    let moment = moment.with_time_zone(zone.clone());
    Ok(Value::text(match named(name) {
        Some(Format::Pattern(pattern)) => Pattern::new(pattern)?.format(&moment),
        Some(Format::Iso(print)) => print(&moment),
        None if matches!(name, "full" | "long" | "medium" | "short") => {
            return Err(Fail::value(format!(
                "the date format `{name}` depends on a country's habits and is not supported"
            ))
            .help("write a pattern like `yyyy-MM-dd HH:mm`"));
        }
        None => Pattern::new(name)?.format(&moment),
    }))
}
