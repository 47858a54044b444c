//! What the original's engine, which is written in Java, calls the kinds of values.

use super::Parameters::None as Nothing;
use super::{Filter, Invocation};
use crate::error::Fail;
use crate::value::{Kind, Value};

pub(super) const FILTERS: &[Filter] = &[Filter {
    name: "className",
    parameters: Nothing,
    run: class_name,
}];

fn class_name(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    let name = match &call.input.kind {
        Kind::Null => return Ok(Value::null()),
        Kind::Bool(_) => "java.lang.Boolean",
        Kind::Int(number) if i32::try_from(*number).is_ok() => "java.lang.Integer",
        Kind::Int(_) => "java.lang.Long",
        Kind::Float(_) => "java.lang.Double",
        Kind::Text(_) => "java.lang.String",
        Kind::List(_) => "java.util.ArrayList",
        Kind::Map(_) => "java.util.LinkedHashMap",
        Kind::DateTime(_) => "java.time.ZonedDateTime",
    };
    Ok(Value::text(name))
}
