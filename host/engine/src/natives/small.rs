//! Tasks that log, hand out values, hold up or end the flow.

use serde_json::Value;
use taffrail_core::native::{
    AssertKeys, EchoKeys, ExitKeys, ExitState, FailKeys, LabelsKeys, LogKeys, OutputValuesKeys,
    PublishKeys, PublishedMetric, ReturnKeys, SetVariablesKeys, SleepKeys, Texts,
    UnsetVariablesKeys,
};
use taffrail_core::output::{LogLevel, Metric, MetricKind};
use taffrail_core::record::{Failure, State};
use taffrail_expr::{Kind, Value as ExprValue};

use super::{Call, Done, failed};
use crate::task::holds;

pub(super) fn log(call: &mut Call<'_>, keys: LogKeys) -> Result<Done, Failure> {
    let level = keys.level.unwrap_or(LogLevel::Info);
    for message in keys.message.into_texts() {
        call.log(level, &message);
    }
    Ok(Done::default())
}

pub(super) fn echo(call: &mut Call<'_>, keys: EchoKeys) -> Result<Done, Failure> {
    let level = keys.level.unwrap_or(LogLevel::Info);
    for message in Texts::One(keys.format).into_texts() {
        call.log(level, &message);
    }
    Ok(Done::default())
}

pub(super) fn give(call: &mut Call<'_>, keys: ReturnKeys) -> Result<Done, Failure> {
    let value = keys.format.unwrap_or_default();
    call.log(LogLevel::Debug, &value);
    Ok(Done::with([("value", Value::String(value))]))
}

pub(super) fn output_values(keys: OutputValuesKeys) -> Result<Done, Failure> {
    Ok(Done::with([("values", Value::Object(keys.values))]))
}

pub(super) fn assert(call: &mut Call<'_>, keys: AssertKeys) -> Result<Done, Failure> {
    let written = call.task.node.get("conditions");
    let mut wrong = 0;
    for (index, condition) in keys.conditions.iter().enumerate() {
        if !holds(condition) {
            wrong += 1;
            let text = written
                .and_then(|list| list.items().get(index)?.scalar())
                .map_or_else(|| condition.to_string(), |scalar| scalar.text.to_string());
            call.log(LogLevel::Error, &format!("does not hold: {text}"));
        }
    }
    if wrong == 0 {
        return Ok(Done::with([
            ("failed", 0.into()),
            ("success", keys.conditions.len().into()),
        ]));
    }
    Err(failed(keys.error_message.unwrap_or_else(|| {
        format!(
            "{wrong} of {} conditions do not hold",
            keys.conditions.len()
        )
    })))
}

pub(super) fn fail(keys: FailKeys) -> Result<Done, Failure> {
    if keys
        .condition
        .as_ref()
        .is_some_and(|condition| !holds(condition))
    {
        return Ok(Done::default());
    }
    Err(failed(
        keys.error_message
            .unwrap_or_else(|| "Task failure".to_owned()),
    ))
}

pub(super) fn exit(keys: ExitKeys) -> Result<Done, Failure> {
    let state = match keys.state.unwrap_or_default() {
        ExitState::Success => State::Success,
        ExitState::Warning => State::Warning,
        ExitState::Failed => State::Failed,
        ExitState::Killed | ExitState::Canceled | ExitState::Cancelled => State::Killed,
    };
    Ok(Done {
        exit: Some(state),
        ..Done::default()
    })
}

pub(super) async fn sleep(keys: SleepKeys) -> Result<Done, Failure> {
    let time = taffrail_core::duration::parse(&keys.duration)
        .map_err(|error| failed(error.to_string()))?;
    tokio::time::sleep(time).await;
    Ok(Done::default())
}

pub(super) fn labels(call: &mut Call<'_>, keys: LabelsKeys) -> Result<Done, Failure> {
    for (key, value) in keys.labels.into_pairs() {
        let value = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        call.scope
            .live()
            .insert("labels", &[key.into()], ExprValue::text(value));
    }
    Ok(Done::default())
}

pub(super) fn set_variables(call: &mut Call<'_>, keys: SetVariablesKeys) -> Result<Done, Failure> {
    let live = call.scope.live();
    if keys.overwrite == Some(false)
        && let Some(known) = keys.variables.keys().find(|name| {
            live.get("vars")
                .is_some_and(|vars| vars.get(name).is_some())
        })
    {
        return Err(failed(format!(
            "the variable `{known}` is there already, and `overwrite` is false"
        )));
    }
    for (name, value) in keys.variables {
        live.insert("vars", &[name.into()], ExprValue::from_json(&value));
    }
    Ok(Done::default())
}

pub(super) fn unset_variables(
    call: &mut Call<'_>,
    keys: UnsetVariablesKeys,
) -> Result<Done, Failure> {
    let live = call.scope.live();
    let mut entries = match live.get("vars").map(|vars| vars.kind) {
        Some(Kind::Map(entries)) => (*entries).clone(),
        _ => taffrail_expr::Map::default(),
    };
    for name in &keys.variables {
        if entries.shift_remove(name.as_str()).is_none() && keys.ignore_missing != Some(true) {
            return Err(failed(format!("there is no variable `{name}`")));
        }
    }
    live.set("vars", ExprValue::map(entries));
    Ok(Done::default())
}

pub(super) fn publish(keys: PublishKeys) -> Result<Done, Failure> {
    let metrics = keys
        .metrics
        .into_iter()
        .map(metric)
        .collect::<Result<_, _>>()?;
    Ok(Done {
        metrics,
        ..Done::default()
    })
}

fn metric(keys: PublishedMetric) -> Result<Metric, Failure> {
    let name = keys.name;
    let kind = match keys.kind.to_ascii_lowercase().as_str() {
        "counter" => MetricKind::Counter,
        "timer" => MetricKind::Timer,
        "gauge" => MetricKind::Gauge,
        other => {
            return Err(failed(format!(
                "metric `{name}`: `{other}` is no `counter`, `timer` or `gauge`"
            )));
        }
    };
    let text = plain(keys.value);
    let value = match text.trim().parse::<f64>() {
        Ok(value) => value,
        Err(_) if kind == MetricKind::Timer => taffrail_core::duration::parse(&text)
            .map_err(|error| failed(format!("metric `{name}`: {error}")))?
            .as_secs_f64(),
        Err(_) => return Err(failed(format!("metric `{name}`: `{text}` is no number"))),
    };
    let tags = keys.tags.unwrap_or_default();
    Ok(Metric {
        name,
        kind,
        value,
        tags: tags
            .into_iter()
            .map(|(tag, value)| (tag, plain(value)))
            .collect(),
    })
}

fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
