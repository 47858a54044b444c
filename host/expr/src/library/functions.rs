//! The functions of the language: which names exist, and the pure ones implemented here. The rest
//! belong to the host, behind [`crate::Environment`].

use std::sync::Arc;

use crate::environment::Arguments;
use crate::error::Fail;
use crate::library::{ion, json};
use crate::limits::Budget;
use crate::value::{Kind, Value};

/// A function's name and who answers it.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) provider: Provider,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    /// Implemented here.
    Language,
    /// Answered by the environment, always alike for the same execution.
    Host,
    /// Answered by the environment, differently from call to call or from run to run.
    Impure,
}

/// Every function of the language.
pub(crate) const FUNCTIONS: &[Function] = &[
    language("block"),
    language("fromIon"),
    language("fromJson"),
    language("json"),
    language("max"),
    language("min"),
    language("range"),
    language("render"),
    language("renderOnce"),
    host("appLink"),
    host("credential"),
    host("currentEachOutput"),
    host("decrypt"),
    impure("encrypt"),
    host("env"),
    impure("errorLogs"),
    host("fetchContext"),
    host("fileEmpty"),
    host("fileExists"),
    host("fileSize"),
    host("fileURI"),
    impure("http"),
    impure("id"),
    host("isFileEmpty"),
    host("dayOfMonth"),
    host("dayOfWeek"),
    host("hourOfDay"),
    host("isDateAfter"),
    host("isDateBefore"),
    host("isDateBetween"),
    host("isDayWeekInMonth"),
    host("isLastWorkingDay"),
    host("isPublicHoliday"),
    host("isWeekend"),
    host("monthOfYear"),
    impure("kv"),
    host("loopOutputs"),
    impure("now"),
    host("printContext"),
    impure("randomInt"),
    impure("randomPort"),
    host("read"),
    host("secret"),
    impure("tasksWithState"),
    impure("uuid"),
    host("yaml"),
];

const fn language(name: &'static str) -> Function {
    Function {
        name,
        provider: Provider::Language,
    }
}

const fn host(name: &'static str) -> Function {
    Function {
        name,
        provider: Provider::Host,
    }
}

const fn impure(name: &'static str) -> Function {
    Function {
        name,
        provider: Provider::Impure,
    }
}

/// Runs a pure function; `None` where it is not one of these.
pub(crate) fn call(
    name: &str,
    arguments: &Arguments,
    budget: &mut Budget,
) -> Option<Result<Value, Fail>> {
    let taint = |value: Value| {
        arguments
            .values()
            .fold(value, |value, argument| value.with_taint(argument.taint()))
    };
    let result = match name {
        "max" => extreme(name, arguments, |candidate, best| candidate > best),
        "min" => extreme(name, arguments, |candidate, best| candidate < best),
        "range" => named(name, arguments, &["start", "end", "increment"]).and_then(|values| {
            let [start, end, increment] = values.as_slice() else {
                return Err(Fail::kind("`range` takes `start`, `end` and `increment`"));
            };
            match (start, end) {
                (Some(start), Some(end)) => range(start, end, increment.as_ref(), budget),
                _ => Err(Fail::kind("`range` needs `start` and `end`")),
            }
        }),
        "fromIon" => named(name, arguments, &["ion", "allRows"]).and_then(|values| {
            let [Some(ion), all_rows] = values.as_slice() else {
                return Err(Fail::kind("`fromIon` needs an argument `ion`"));
            };
            let all_rows = all_rows.as_ref().and_then(Value::as_bool) == Some(true);
            ion::from_ion(ion, all_rows, budget)
        }),
        "fromJson" | "json" => {
            named(name, arguments, &["json"]).and_then(|mut values| match values.pop().flatten() {
                None => Err(Fail::kind(format!("`{name}` needs an argument `json`"))),
                Some(value) => json::parse_argument(name, &value, budget),
            })
        }
        _ => return None,
    };
    Some(result.map(taint))
}

/// Sorts arguments into parameters.
pub(crate) fn named(
    name: &str,
    arguments: &Arguments,
    parameters: &[&str],
) -> Result<Vec<Option<Value>>, Fail> {
    if arguments.positional.len() > parameters.len() {
        return Err(Fail::kind(format!(
            "`{name}` takes at most {} arguments: {}",
            parameters.len(),
            listed(parameters)
        )));
    }
    let mut values: Vec<Option<Value>> = arguments.positional.iter().cloned().map(Some).collect();
    values.resize(parameters.len(), None);
    for (given, value) in &arguments.named {
        match parameters.iter().position(|known| *known == given.as_ref()) {
            Some(index) => values[index] = Some(value.clone()),
            None => {
                return Err(Fail::kind(format!(
                    "`{name}` has no argument `{given}`, only {}",
                    listed(parameters)
                )));
            }
        }
    }
    Ok(values)
}

pub(crate) fn listed(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn extreme(name: &str, arguments: &Arguments, better: fn(f64, f64) -> bool) -> Result<Value, Fail> {
    let mut best: Option<(&Value, f64)> = None;
    for value in &arguments.positional {
        if value.is_null() {
            continue;
        }
        let number = match value.kind {
            Kind::Int(number) => number as f64,
            Kind::Float(number) => number,
            _ if arguments.positional.len() == 1 => return Ok(value.clone()),
            _ => {
                return Err(Fail::kind(format!(
                    "`{name}` compares numbers, not {}",
                    value.kind.name()
                )));
            }
        };
        if best.is_none_or(|(_, known)| better(number, known)) {
            best = Some((value, number));
        }
    }
    Ok(best.map_or_else(Value::null, |(value, _)| value.clone()))
}

/// Counts from `start` to `end`, both included; also over single characters.
pub(crate) fn range(
    start: &Value,
    end: &Value,
    increment: Option<&Value>,
    budget: &mut Budget,
) -> Result<Value, Fail> {
    let step = match increment.map(|value| &value.kind) {
        None | Some(Kind::Null) => 1,
        Some(Kind::Int(step)) => *step,
        Some(Kind::Float(step)) => *step as i64,
        Some(kind) => {
            return Err(Fail::kind(format!(
                "the increment of a range must be a whole number, not {}",
                kind.name()
            )));
        }
    };
    if step == 0 {
        return Err(Fail::value("the increment of a range cannot be 0"));
    }
    let character = |text: &Arc<str>| {
        let mut characters = text.chars();
        characters.next().filter(|_| characters.next().is_none())
    };
    match (&start.kind, &end.kind) {
        (Kind::Text(first), Kind::Text(last)) => {
            let (Some(first), Some(last)) = (character(first), character(last)) else {
                return Err(Fail::value("a range over text takes single characters"));
            };
            let numbers = count(
                i64::from(u32::from(first)),
                i64::from(u32::from(last)),
                step,
                budget,
            )?;
            Ok(Value::list(
                numbers
                    .into_iter()
                    .filter_map(|number| char::from_u32(number as u32))
                    .map(|character| Value::text(character.to_string()))
                    .collect(),
            ))
        }
        _ => match (whole(start), whole(end)) {
            (Some(first), Some(last)) => Ok(Value::list(
                count(first, last, step, budget)?
                    .into_iter()
                    .map(Value::int)
                    .collect(),
            )),
            _ => Err(Fail::kind(format!(
                "a range goes from a number to a number or from a character to a character, not from {} to {}",
                start.kind.name(),
                end.kind.name()
            ))),
        },
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value.kind {
        Kind::Int(number) => Some(number),
        Kind::Float(number) => Some(number as i64),
        _ => None,
    }
}

fn count(first: i64, last: i64, step: i64, budget: &mut Budget) -> Result<Vec<i64>, Fail> {
    let distance = i128::from(last) - i128::from(first);
    let turns = distance / i128::from(step);
    if distance.signum() * i128::from(step.signum()) < 0 {
        return Ok(Vec::new());
    }
    budget.charge(u64::try_from(turns + 1).unwrap_or(u64::MAX))?;
    Ok((0..=turns as i64).map(|turn| first + turn * step).collect())
}
