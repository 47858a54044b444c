//! The public holidays of countries, by rule: for whole countries, and for their parts where these have more.

use jiff::civil::{Date, Weekday};

use Rule::{Easter, Fixed, Nth, Since, Upto};
use Weekday::{Monday, Saturday, Sunday, Thursday, Wednesday};

/// When a holiday is.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// Month and day.
    Fixed(i8, i8),
    /// So many days after Easter Sunday.
    Easter(i32),
    /// The so-manieth of a day of the week in a month; -1 is the last.
    Nth(i8, Weekday, i8),
    /// The last of a day of the week up to month and day.
    Upto(i8, i8, Weekday),
    /// Month and day, from a year on.
    Since(i16, i8, i8),
}

/// What becomes of a holiday with month and day that falls on a weekend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moved {
    /// It is lost.
    Never,
    /// From Saturday to Friday, from Sunday to Monday.
    Nearest,
    /// To the next day that is no weekend and no other holiday.
    Next,
}

struct Country {
    code: &'static str,
    moved: Moved,
    rules: &'static [Rule],
    /// What parts of the country have beside that.
    parts: &'static [(&'static str, &'static [Rule])],
}

const fn country(code: &'static str, rules: &'static [Rule]) -> Country {
    Country {
        code,
        moved: Moved::Never,
        rules,
        parts: &[],
    }
}

const GOOD_FRIDAY: Rule = Easter(-2);
const MAUNDY_THURSDAY: Rule = Easter(-3);
const EASTER: Rule = Easter(0);
const EASTER_MONDAY: Rule = Easter(1);
const ASCENSION: Rule = Easter(39);
const WHIT_SUNDAY: Rule = Easter(49);
const WHIT_MONDAY: Rule = Easter(50);
const CORPUS_CHRISTI: Rule = Easter(60);
const NEW_YEAR: Rule = Fixed(1, 1);
const EPIPHANY: Rule = Fixed(1, 6);
const LABOUR: Rule = Fixed(5, 1);
const ASSUMPTION: Rule = Fixed(8, 15);
const REFORMATION: Rule = Fixed(10, 31);
const ALL_SAINTS: Rule = Fixed(11, 1);
const IMMACULATE: Rule = Fixed(12, 8);
const CHRISTMAS_EVE: Rule = Fixed(12, 24);
const CHRISTMAS: Rule = Fixed(12, 25);
const SECOND_CHRISTMAS: Rule = Fixed(12, 26);

/// The countries, by code.
const COUNTRIES: &[Country] = &[
    country(
        "AT",
        &[
            NEW_YEAR,
            EPIPHANY,
            EASTER_MONDAY,
            LABOUR,
            ASCENSION,
            WHIT_MONDAY,
            CORPUS_CHRISTI,
            ASSUMPTION,
            Fixed(10, 26),
            ALL_SAINTS,
            IMMACULATE,
            CHRISTMAS,
            SECOND_CHRISTMAS,
        ],
    ),
    country(
        "BE",
        &[
            NEW_YEAR,
            EASTER_MONDAY,
            LABOUR,
            ASCENSION,
            WHIT_MONDAY,
            Fixed(7, 21),
            ASSUMPTION,
            ALL_SAINTS,
            Fixed(11, 11),
            CHRISTMAS,
        ],
    ),
    country(
        "CZ",
        &[
            NEW_YEAR,
            GOOD_FRIDAY,
            EASTER_MONDAY,
            LABOUR,
            Fixed(5, 8),
            Fixed(7, 5),
            Fixed(7, 6),
            Fixed(9, 28),
            Fixed(10, 28),
            Fixed(11, 17),
            CHRISTMAS_EVE,
            CHRISTMAS,
            SECOND_CHRISTMAS,
        ],
    ),
    Country {
        code: "DE",
        moved: Moved::Never,
        rules: &[
            NEW_YEAR,
            GOOD_FRIDAY,
            EASTER_MONDAY,
            LABOUR,
            ASCENSION,
            WHIT_MONDAY,
            Fixed(10, 3),
            CHRISTMAS,
            SECOND_CHRISTMAS,
        ],
        parts: &[
            ("BB", &[EASTER, WHIT_SUNDAY, REFORMATION]),
            ("BE", &[Since(2019, 3, 8)]),
            ("BW", &[EPIPHANY, CORPUS_CHRISTI, ALL_SAINTS]),
            ("BY", &[EPIPHANY, CORPUS_CHRISTI, ALL_SAINTS]),
            ("HB", &[Since(2018, 10, 31)]),
            ("HE", &[CORPUS_CHRISTI]),
            ("HH", &[Since(2018, 10, 31)]),
            ("MV", &[Since(2023, 3, 8), REFORMATION]),
            ("NI", &[Since(2018, 10, 31)]),
            ("NW", &[CORPUS_CHRISTI, ALL_SAINTS]),
            ("RP", &[CORPUS_CHRISTI, ALL_SAINTS]),
            ("SH", &[Since(2018, 10, 31)]),
            ("SL", &[CORPUS_CHRISTI, ASSUMPTION, ALL_SAINTS]),
            ("SN", &[REFORMATION, Upto(11, 22, Wednesday)]),
            ("ST", &[EPIPHANY, REFORMATION]),
            ("TH", &[Since(2019, 9, 20), REFORMATION]),
        ],
    },
    country(
        "ES",
        &[
            NEW_YEAR,
            EPIPHANY,
            GOOD_FRIDAY,
            LABOUR,
            ASSUMPTION,
            Fixed(10, 12),
            ALL_SAINTS,
            Fixed(12, 6),
            IMMACULATE,
            CHRISTMAS,
        ],
    ),
    country(
        "FR",
        &[
            NEW_YEAR,
            EASTER_MONDAY,
            LABOUR,
            Fixed(5, 8),
            ASCENSION,
            WHIT_MONDAY,
            Fixed(7, 14),
            ASSUMPTION,
            ALL_SAINTS,
            Fixed(11, 11),
            CHRISTMAS,
        ],
    ),
    Country {
        code: "GB",
        moved: Moved::Next,
        rules: &[
            NEW_YEAR,
            GOOD_FRIDAY,
            Nth(5, Monday, 1),
            Nth(5, Monday, -1),
            CHRISTMAS,
            SECOND_CHRISTMAS,
        ],
        parts: &[
            ("ENG", &[EASTER_MONDAY, Nth(8, Monday, -1)]),
            (
                "NIR",
                &[
                    Fixed(3, 17),
                    EASTER_MONDAY,
                    Fixed(7, 12),
                    Nth(8, Monday, -1),
                ],
            ),
            ("SCT", &[Fixed(1, 2), Nth(8, Monday, 1), Fixed(11, 30)]),
            ("WLS", &[EASTER_MONDAY, Nth(8, Monday, -1)]),
        ],
    },
    country(
        "IT",
        &[
            NEW_YEAR,
            EPIPHANY,
            EASTER,
            EASTER_MONDAY,
            Fixed(4, 25),
            LABOUR,
            Fixed(6, 2),
            ASSUMPTION,
            ALL_SAINTS,
            IMMACULATE,
            CHRISTMAS,
            SECOND_CHRISTMAS,
        ],
    ),
    country(
        "LU",
        &[
            NEW_YEAR,
            EASTER_MONDAY,
            LABOUR,
            Since(2019, 5, 9),
            ASCENSION,
            WHIT_MONDAY,
            Fixed(6, 23),
            ASSUMPTION,
            ALL_SAINTS,
            CHRISTMAS,
            SECOND_CHRISTMAS,
        ],
    ),
    country(
        "NO",
        &[
            NEW_YEAR,
            MAUNDY_THURSDAY,
            GOOD_FRIDAY,
            EASTER,
            EASTER_MONDAY,
            LABOUR,
            Fixed(5, 17),
            ASCENSION,
            WHIT_SUNDAY,
            WHIT_MONDAY,
            CHRISTMAS,
            SECOND_CHRISTMAS,
        ],
    ),
    country(
        "PL",
        &[
            NEW_YEAR,
            Since(2011, 1, 6),
            EASTER,
            EASTER_MONDAY,
            LABOUR,
            Fixed(5, 3),
            WHIT_SUNDAY,
            CORPUS_CHRISTI,
            ASSUMPTION,
            ALL_SAINTS,
            Fixed(11, 11),
            Since(2025, 12, 24),
            CHRISTMAS,
            SECOND_CHRISTMAS,
        ],
    ),
    country(
        "PT",
        &[
            NEW_YEAR,
            GOOD_FRIDAY,
            EASTER,
            Fixed(4, 25),
            LABOUR,
            CORPUS_CHRISTI,
            Fixed(6, 10),
            ASSUMPTION,
            Fixed(10, 5),
            ALL_SAINTS,
            Fixed(12, 1),
            IMMACULATE,
            CHRISTMAS,
        ],
    ),
    country(
        "SE",
        &[
            NEW_YEAR,
            EPIPHANY,
            GOOD_FRIDAY,
            EASTER,
            EASTER_MONDAY,
            LABOUR,
            ASCENSION,
            WHIT_SUNDAY,
            Fixed(6, 6),
            Upto(6, 26, Saturday),
            Upto(11, 6, Saturday),
            CHRISTMAS,
            SECOND_CHRISTMAS,
        ],
    ),
    Country {
        code: "US",
        moved: Moved::Nearest,
        rules: &[
            NEW_YEAR,
            Nth(1, Monday, 3),
            Nth(2, Monday, 3),
            Nth(5, Monday, -1),
            Since(2021, 6, 19),
            Fixed(7, 4),
            Nth(9, Monday, 1),
            Nth(10, Monday, 2),
            Fixed(11, 11),
            Nth(11, Thursday, 4),
            CHRISTMAS,
        ],
        parts: &[],
    },
];

/// Whether a date is a public holiday of a country, or of a part of it.
///
/// # Errors
/// When the country or the part is not in the table.
pub(super) fn is_holiday(date: Date, code: &str, part: Option<&str>) -> Result<bool, String> {
    let country = COUNTRIES
        .iter()
        .find(|country| country.code.eq_ignore_ascii_case(code.trim()));
    let country = country.ok_or_else(|| {
        let known: Vec<&str> = COUNTRIES.iter().map(|country| country.code).collect();
        format!(
            "the holidays of `{code}` are not known here, only those of {}",
            known.join(", ")
        )
    })?;
    let more: &[Rule] = match part {
        None => &[],
        Some(part) => {
            let found = country
                .parts
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(part.trim()));
            let known = || match country.parts {
                [] => format!("those of `{}` as a whole", country.code),
                parts => parts
                    .iter()
                    .map(|(name, _)| *name)
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            found.map(|(_, rules)| *rules).ok_or_else(|| {
                format!(
                    "the holidays of the part `{part}` of `{}` are not known here, only {}",
                    country.code,
                    known()
                )
            })?
        }
    };
    let rules: Vec<Rule> = country.rules.iter().chain(more).copied().collect();
    // New Year may move into the year before.
    let years = [date.year(), date.year().saturating_add(1)];
    Ok(years
        .iter()
        .any(|year| days(*year, &rules, country.moved).contains(&date)))
}

/// The holidays of a year.
fn days(year: i16, rules: &[Rule], moved: Moved) -> Vec<Date> {
    let found = rules
        .iter()
        .filter_map(|rule| Some((*rule, day(year, *rule)?)));
    let (fixed, other): (Vec<_>, Vec<_>) =
        found.partition(|(rule, _)| matches!(rule, Fixed(..) | Since(..)));
    let mut days: Vec<Date> = other.into_iter().map(|(_, day)| day).collect();
    // In their own order, so that one that moves gives way to those that stay.
    let weekend = |day: &Date| matches!(day.weekday(), Saturday | Sunday);
    let (late, stay): (Vec<Date>, Vec<Date>) = fixed
        .into_iter()
        .map(|(_, day)| day)
        .partition(|day| moved != Moved::Never && weekend(day));
    days.extend(stay);
    for day in late {
        let mut to = day;
        match (moved, day.weekday()) {
            (Moved::Nearest, Saturday) => to = day.yesterday().unwrap_or(day),
            (Moved::Nearest, _) => to = day.tomorrow().unwrap_or(day),
            _ => {
                while weekend(&to) || days.contains(&to) {
                    let Ok(next) = to.tomorrow() else { break };
                    to = next;
                }
            }
        }
        days.push(to);
    }
    days
}

fn day(year: i16, rule: Rule) -> Option<Date> {
    match rule {
        Fixed(month, day) => Date::new(year, month, day).ok(),
        Since(first, month, day) if year >= first => Date::new(year, month, day).ok(),
        Since(..) => None,
        Easter(after) => easter(year)?
            .checked_add(jiff::Span::new().days(after))
            .ok(),
        Nth(month, day, which) => Date::new(year, month, 1)
            .and_then(|first| first.nth_weekday_of_month(which, day))
            .ok(),
        Upto(month, day, weekday) => {
            let last = Date::new(year, month, day).ok()?;
            if last.weekday() == weekday {
                return Some(last);
            }
            last.nth_weekday(-1, weekday).ok()
        }
    }
}

/// Easter Sunday of the Gregorian calendar.
fn easter(year: i16) -> Option<Date> {
    let number = i32::from(year);
    let golden = number % 19;
    let century = number / 100;
    let leaps = century / 4;
    let correction = (8 * century + 13) / 25;
    let epact = (19 * golden + century - leaps - correction + 15) % 30;
    let epact = epact - (epact / 28) * (1 - (29 / (epact + 1)) * ((21 - golden) / 11));
    let weekday = (number + number / 4 + epact + 2 - century + leaps) % 7;
    let offset = epact - weekday;
    let month = 3 + (offset + 40) / 44;
    let day = offset + 28 - 31 * (month / 4);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holiday(date: &str, code: &str, part: Option<&str>) -> Result<bool, String> {
        is_holiday(date.parse().unwrap(), code, part)
    }

    #[test]
    fn easter_is_where_it_was() {
        for (year, expected) in [
            (1961, "1961-04-02"),
            (2000, "2000-04-23"),
            (2008, "2008-03-23"),
            (2019, "2019-04-21"),
            (2024, "2024-03-31"),
            (2025, "2025-04-20"),
            (2026, "2026-04-05"),
            (2038, "2038-04-25"),
        ] {
            assert_eq!(easter(year).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn days_are_holidays_or_not() {
        for (date, code, part, expected) in [
            ("2026-07-14", "fr", None, true),
            ("2026-07-15", "FR", None, false),
            ("2026-05-14", "FR", None, true),
            ("2026-05-25", "FR", None, true),
            ("2026-04-03", "FR", None, false),
            ("2026-04-03", "DE", None, true),
            ("2026-06-04", "DE", None, false),
            ("2026-06-04", "DE", Some("BY"), true),
            ("2026-11-18", "DE", Some("SN"), true),
            ("2017-11-22", "DE", Some("SN"), true),
            ("2018-03-08", "DE", Some("BE"), false),
            ("2026-03-08", "DE", Some("BE"), true),
            ("2026-11-26", "US", None, true),
            ("2026-07-03", "US", None, true),
            ("2026-07-04", "US", None, false),
            ("2021-12-31", "US", None, true),
            ("2022-01-01", "US", None, false),
            ("2020-06-19", "US", None, false),
            ("2026-05-25", "US", None, true),
            ("2022-12-26", "GB", None, true),
            ("2022-12-27", "GB", None, true),
            ("2021-12-27", "GB", None, true),
            ("2021-12-28", "GB", None, true),
            ("2026-08-31", "GB", Some("ENG"), true),
            ("2026-08-31", "GB", Some("SCT"), false),
            ("2026-06-20", "SE", None, true),
            ("2026-10-31", "SE", None, true),
            ("2026-12-24", "PL", None, true),
            ("2024-12-24", "PL", None, false),
        ] {
            assert_eq!(
                holiday(date, code, part),
                Ok(expected),
                "{date} {code} {part:?}"
            );
        }
    }

    #[test]
    fn what_is_not_known_is_told() {
        let error = holiday("2026-01-01", "XX", None).unwrap_err();
        assert!(
            error.contains("`XX` are not known") && error.contains("AT, BE"),
            "{error}"
        );
        let error = holiday("2026-01-01", "DE", Some("XX")).unwrap_err();
        assert!(error.contains("BB, BE"), "{error}");
        let error = holiday("2026-01-01", "FR", Some("IDF")).unwrap_err();
        assert!(error.contains("as a whole"), "{error}");
    }

    #[test]
    fn countries_stand_once_and_in_order() {
        assert!(COUNTRIES.is_sorted_by(|one, other| one.code < other.code));
    }
}
