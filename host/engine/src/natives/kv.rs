//! Tasks of the key-value store.

use serde_json::{Value, json};
use taffrail_core::native::{KvGetKeysKeys, KvKind, KvOneKeys, KvSetKeys};
use taffrail_core::record::Failure;

use super::{Call, Done, failed};
use crate::kv::KvEntry;
use crate::scope::chain;

/// The namespace that a task works on: its own, or one above or below it.
fn namespace(call: &Call<'_>, wanted: Option<String>) -> Result<String, Failure> {
    let own = &call.scope.services().namespace;
    let wanted = wanted.unwrap_or_else(|| own.clone());
    let below = |inner: &str, outer: &str| {
        inner == outer
            || inner
                .strip_prefix(outer)
                .is_some_and(|rest| rest.starts_with('.'))
    };
    if below(own, &wanted) || below(&wanted, own) {
        return Ok(wanted);
    }
    Err(failed(format!(
        "the namespace `{wanted}` is another than `{own}`, and its keys are not read from here"
    )))
}

pub(super) fn get(call: &mut Call<'_>, keys: KvOneKeys) -> Result<Done, Failure> {
    let namespace = namespace(call, keys.namespace)?;
    let kv = &call.scope.services().kv;
    let found = kv
        .get(&namespace, &keys.key)
        .map_err(|error| failed(chain(&error)))?;
    if found.is_none() && keys.error_on_missing == Some(true) {
        return Err(failed(format!(
            "there is no key `{}` in `{namespace}`",
            keys.key
        )));
    }
    Ok(Done::with([("value", found.unwrap_or(Value::Null))]))
}

pub(super) fn set(call: &mut Call<'_>, keys: KvSetKeys) -> Result<Done, Failure> {
    let namespace = namespace(call, keys.namespace)?;
    let kv = &call.scope.services().kv;
    if keys.overwrite == Some(false) {
        let known = kv
            .get(&namespace, &keys.key)
            .map_err(|error| failed(chain(&error)))?;
        if known.is_some() {
            return Err(failed(format!(
                "the key `{}` is there already, and `overwrite` is false",
                keys.key
            )));
        }
    }
    let value = typed(keys.value, keys.kv_type).map_err(failed)?;
    let expires = keys
        .ttl
        .as_deref()
        .map(taffrail_core::duration::parse)
        .transpose()
        .map_err(|error| failed(error.to_string()))?
        .map(|ttl| {
            let seconds = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
            jiff::Timestamp::now().as_second().saturating_add(seconds)
        });
    let entry = KvEntry {
        key: keys.key,
        value,
        expires,
    };
    kv.set(&namespace, &entry)
        .map_err(|error| failed(chain(&error)))?;
    Ok(Done::default())
}

/// Gives a rendered value the type that is asked for.
fn typed(value: Value, kind: Option<KvKind>) -> Result<Value, String> {
    let text = match &value {
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    };
    let wrong = |what: &str| format!("`{text}` is not {what}");
    match kind {
        None => Ok(value),
        Some(KvKind::String | KvKind::Datetime | KvKind::Date | KvKind::Duration) => {
            Ok(match value {
                Value::String(_) => value,
                _ => Value::String(text),
            })
        }
        Some(KvKind::Number) => serde_json::from_str::<Value>(&text)
            .ok()
            .filter(Value::is_number)
            .ok_or_else(|| wrong("a number")),
        Some(KvKind::Boolean) => match text.to_ascii_lowercase().as_str() {
            "true" => Ok(json!(true)),
            "false" => Ok(json!(false)),
            _ => Err(wrong("`true` or `false`")),
        },
        Some(KvKind::Json) => match value {
            Value::String(_) => serde_json::from_str(&text).map_err(|_| wrong("JSON")),
            other => Ok(other),
        },
    }
}

pub(super) fn delete(call: &mut Call<'_>, keys: KvOneKeys) -> Result<Done, Failure> {
    let namespace = namespace(call, keys.namespace)?;
    let deleted = call
        .scope
        .services()
        .kv
        .delete(&namespace, &keys.key)
        .map_err(|error| failed(chain(&error)))?;
    if !deleted && keys.error_on_missing == Some(true) {
        return Err(failed(format!(
            "there is no key `{}` in `{namespace}`",
            keys.key
        )));
    }
    Ok(Done::with([("deleted", deleted.into())]))
}

pub(super) fn get_keys(call: &mut Call<'_>, keys: KvGetKeysKeys) -> Result<Done, Failure> {
    let namespace = namespace(call, keys.namespace)?;
    let mut found = call
        .scope
        .services()
        .kv
        .keys(&namespace)
        .map_err(|error| failed(chain(&error)))?;
    if let Some(prefix) = &keys.prefix {
        found.retain(|key| key.starts_with(prefix.as_str()));
    }
    Ok(Done::with([("keys", json!(found))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_type_that_is_asked_for() {
        let check = |value: Value, kind: Option<KvKind>, expected: Result<Value, ()>| {
            assert_eq!(
                typed(value.clone(), kind).map_err(drop),
                expected,
                "{value} {kind:?}"
            );
        };
        check(json!("5"), None, Ok(json!("5")));
        check(json!("5"), Some(KvKind::Number), Ok(json!(5)));
        check(json!("x"), Some(KvKind::Number), Err(()));
        check(json!("TRUE"), Some(KvKind::Boolean), Ok(json!(true)));
        check(json!(1), Some(KvKind::Boolean), Err(()));
        check(json!("{\"a\": 1}"), Some(KvKind::Json), Ok(json!({"a": 1})));
        check(json!(7), Some(KvKind::String), Ok(json!("7")));
    }
}
