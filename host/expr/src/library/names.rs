//! Which names the language has, and what to say about those it has not.

use crate::error::{Span, SyntaxError};
use crate::library::functions::{FUNCTIONS, Provider};
use crate::library::{FILTERS, Filter, TESTS, Test};

pub(crate) fn find_filter(name: &str) -> Option<&'static Filter> {
    FILTERS
        .iter()
        .flat_map(|family| family.iter())
        .find(|filter| filter.name == name)
}

pub(crate) fn find_test(name: &str) -> Option<&'static Test> {
    TESTS.iter().find(|test| test.name == name)
}

/// Lists the filters, in no particular order.
pub fn filter_names() -> Vec<&'static str> {
    FILTERS
        .iter()
        .flat_map(|family| family.iter())
        .map(|filter| filter.name)
        .collect()
}

/// Lists the tests that may follow `is`.
pub fn test_names() -> Vec<&'static str> {
    TESTS.iter().map(|test| test.name).collect()
}

/// Lists the functions of the language, those included that only a host can answer.
pub fn function_names() -> Vec<&'static str> {
    FUNCTIONS.iter().map(|function| function.name).collect()
}

/// Lists the functions that this crate leaves to the host.
pub fn host_function_names() -> Vec<&'static str> {
    FUNCTIONS
        .iter()
        .filter(|function| function.provider != Provider::Language)
        .map(|function| function.name)
        .collect()
}

/// Mistakes seen in published flows and what was meant.
const FILTER_HINTS: &[(&str, &str)] = &[
    ("truncate", "write `abbreviate(length)`"),
    ("ternary", "write `condition ? yes : no`"),
    ("dateFormat", "write `date('yyyy-MM-dd')`"),
    ("date_format", "write `date('yyyy-MM-dd')`"),
    ("tojson", "write `toJson`"),
    ("to_json", "write `toJson`"),
    ("fromJson", "it is a function: write `fromJson(text)`"),
    ("from_json", "it is a function: write `fromJson(text)`"),
    ("toUpperCase", "write `upper`"),
    ("uppercase", "write `upper`"),
    ("toLowerCase", "write `lower`"),
    ("lowercase", "write `lower`"),
    ("size", "write `length`"),
    ("count", "write `length`"),
    ("len", "write `length`"),
    ("int", "write `number('INT')`"),
    ("float", "write `number('DOUBLE')`"),
    ("map", "write `jq('map(…)')`"),
    ("select", "write `jq('map(select(…))')`"),
    ("selectattr", "write `jq('map(select(…))')`"),
    ("substring", "write `slice(from, to)`"),
    (
        "contains",
        "it is an operator: write `text contains 'part'`",
    ),
    ("concat", "it is an operator: write `a ~ b`"),
    ("unique", "write `distinct`"),
    ("b64encode", "write `base64encode`"),
    ("b64decode", "write `base64decode`"),
    ("url_encode", "write `urlencode`"),
    ("url_decode", "write `urldecode`"),
    ("quote", "write `sh`"),
    ("sum", "write `jq('add') | first`"),
];

/// Filters of the language that this crate does not have.
const FILTERS_ELSEWHERE: &[(&str, &str)] = &[("nl2br", "HTML is not supported")];

/// Methods of Java objects seen in flows and the filters that do the same.
pub(crate) const METHOD_HINTS: &[(&str, &str)] = &[
    ("toUpperCase", "| upper"),
    ("toLowerCase", "| lower"),
    ("size", "| length"),
    ("length", "| length"),
    ("isEmpty", "is empty"),
    ("contains", "contains"),
    ("startsWith", "| startsWith('…')"),
    ("endsWith", "| endsWith('…')"),
    ("replace", "| replace({'old': 'new'})"),
    ("replaceAll", "| regexReplace('pattern', 'new')"),
    ("split", "| split(',')"),
    ("substring", "| slice(from, to)"),
    ("trim", "| trim"),
    ("strip", "| trim"),
    ("get", "['key']"),
    ("getOrDefault", "['key'] ?? 'default'"),
    ("containsKey", "contains 'key'"),
    ("keySet", "| keys"),
    ("values", "| values"),
    ("equals", "=="),
    ("toString", "| string"),
    ("format", "| date('yyyy-MM-dd')"),
    ("plusDays", "| dateAdd(1, 'DAYS')"),
    ("minusDays", "| dateAdd(-1, 'DAYS')"),
    ("toEpochMilli", "| timestampMilli"),
    ("upper", "| upper"),
    ("lower", "| lower"),
    (
        "items",
        "a `for` over a map gives entries with `.key` and `.value`",
    ),
    ("join", "| join(',')"),
];

pub(crate) fn unknown_filter(name: &str, span: Span) -> SyntaxError {
    if let Some((_, why)) = FILTERS_ELSEWHERE.iter().find(|(known, _)| *known == name) {
        return SyntaxError::new(span, format!("the filter `{name}` is not available: {why}"));
    }
    let error = SyntaxError::new(span, format!("there is no filter `{name}`"));
    match FILTER_HINTS.iter().find(|(known, _)| *known == name) {
        Some((_, hint)) => error.with_help(*hint),
        None => with_nearest(error, name, filter_names()),
    }
}

pub(crate) fn unknown_test(name: &str, span: Span) -> SyntaxError {
    let names = test_names();
    let listed = names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    let error = SyntaxError::new(
        span,
        format!("there is no test `{name}`; the tests are {listed}"),
    );
    match name {
        "none" | "undefined" | "nil" => error.with_help(match name {
            "undefined" => "write `is not defined`",
            _ => "write `is null`",
        }),
        "string" | "number" | "true" | "false" => error.with_help("compare with `==` instead"),
        "in" => error.with_help("write `value in list` or `list contains value`"),
        _ => with_nearest(error, name, names),
    }
}

pub(crate) fn unknown_function(name: &str, span: Span, macros: Vec<&str>) -> SyntaxError {
    let error = SyntaxError::new(span, format!("there is no function or macro `{name}`"));
    let hint = match name {
        "toJson" => Some("it is a filter: write `value | toJson`"),
        "len" | "length" => Some("it is a filter: write `value | length`"),
        "date" => Some("write `now() | date('yyyy-MM-dd')`"),
        "concat" => Some("write `a ~ b`"),
        "parent" | "i18n" => Some("templates made of several files are not supported"),
        "random" => Some("write `randomInt(0, 10)`"),
        _ => None,
    };
    match hint {
        Some(hint) => error.with_help(hint),
        None if find_filter(name).is_some() => {
            error.with_help(format!("it is a filter: write `value | {name}`"))
        }
        None => with_nearest(
            error,
            name,
            function_names().into_iter().chain(macros).collect(),
        ),
    }
}

const TAGS: &[&str] = &[
    "if",
    "elseif",
    "else",
    "endif",
    "for",
    "endfor",
    "set",
    "raw",
    "endraw",
    "verbatim",
    "endverbatim",
    "filter",
    "endfilter",
    "macro",
    "endmacro",
    "block",
    "endblock",
];

/// What is said of tags of Pebble that only make sense with several files.
const SEVERAL_FILES: &str = "templates made of several files are not supported: write what is shared as a `macro` or a `block` in the same text";

/// Tags of Pebble that only make sense with several files, threads or HTML, and what is said of each.
const UNSUPPORTED_TAGS: &[(&str, &str)] = &[
    (
        "autoescape",
        "nothing is escaped here, so it can be left out",
    ),
    (
        "cache",
        "nothing is kept between renderings, so it can be left out",
    ),
    ("embed", SEVERAL_FILES),
    ("extends", SEVERAL_FILES),
    (
        "flush",
        "the text is handed over as a whole, so it can be left out",
    ),
    ("from", SEVERAL_FILES),
    ("import", SEVERAL_FILES),
    ("include", SEVERAL_FILES),
    (
        "parallel",
        "a text is rendered by one thread, so it can be left out",
    ),
];

pub(crate) fn unknown_tag(name: &str, span: Span) -> Result<(), SyntaxError> {
    let unsupported = |name: &str| UNSUPPORTED_TAGS.iter().find(|(known, _)| *known == name);
    if let Some((_, why)) = unsupported(name) {
        let error = SyntaxError::new(span, format!("the tag `{name}` is not supported"));
        return Err(error.with_help(*why));
    }
    // Reported at its opening already.
    if name
        .strip_prefix("end")
        .is_some_and(|opened| unsupported(opened).is_some())
    {
        return Ok(());
    }
    let error = SyntaxError::new(span, format!("there is no tag `{name}`"));
    Err(match name {
        "elif" | "elsif" | "elseIf" => error.with_help("write `elseif`"),
        "end" => error.with_help("write `endif` or `endfor`"),
        "let" | "var" | "assign" => error.with_help("write `set`"),
        "foreach" | "each" | "while" => error.with_help("write `for element in list`"),
        "switch" | "case" | "unless" => error.with_help("write `if` and `elseif`"),
        _ => with_nearest(error, name, TAGS.to_vec()),
    })
}

fn with_nearest(error: SyntaxError, name: &str, candidates: Vec<&str>) -> SyntaxError {
    match nearest(name, candidates.iter().copied()) {
        Some(near) => error.with_help(format!("did you mean `{near}`?")),
        None => error,
    }
}

/// Finds the most similar name, if one is near: a third of the letters may differ, and letter case
/// counts for nothing.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lowered = name.to_lowercase();
    let allowed = (name.chars().count() / 3).max(1);
    candidates
        .filter(|candidate| *candidate != name)
        .map(|candidate| {
            let distance = strsim::damerau_levenshtein(&lowered, &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, candidate)| {
            *distance <= allowed && *distance < candidate.chars().count()
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
