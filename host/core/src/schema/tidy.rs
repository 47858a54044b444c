//! Turns what schemars writes into the shape that editors serve best: no null for absent keys, flat enums with descriptions, no
//! private number formats.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// The tidied draft-07 schema of a type, without definitions: the host's types are described in place.
pub fn schema_of<T: JsonSchema>() -> Map<String, Value> {
    let generator = SchemaSettings::draft07()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    tidy(&mut schema);
    match schema {
        Value::Object(mut map) => {
            map.shift_remove("$schema");
            map
        }
        _ => Map::new(),
    }
}

fn tidy(schema: &mut Value) {
    let Value::Object(map) = schema else { return };
    drop_null(map);
    fold_enum(map);
    if map
        .get("format")
        .and_then(Value::as_str)
        .is_some_and(|format| {
            format.starts_with("uint") || format.starts_with("int") || format == "double"
        })
    {
        map.shift_remove("format");
    }
    for keyword in ["properties", "definitions"] {
        if let Some(Value::Object(children)) = map.get_mut(keyword) {
            children.values_mut().for_each(tidy);
        }
    }
    for keyword in ["items", "additionalProperties", "not", "if", "then", "else"] {
        if let Some(child) = map.get_mut(keyword) {
            tidy(child);
        }
    }
    for keyword in ["anyOf", "allOf", "oneOf"] {
        if let Some(Value::Array(children)) = map.get_mut(keyword) {
            children.iter_mut().for_each(tidy);
        }
    }
    if map.get("default") == Some(&Value::Null) {
        map.shift_remove("default");
    }
    if map.get("additionalProperties") == Some(&Value::Bool(true)) {
        map.shift_remove("additionalProperties");
    }
}

/// An absent key is absent; a key without a value is a mistake worth telling.
fn drop_null(map: &mut Map<String, Value>) {
    let described = map.contains_key("properties") || map.contains_key("additionalProperties");
    if let Some(Value::Array(types)) = map.get_mut("type")
        && types.len() == 2
        && !described
        && let Some(at) = types.iter().position(|name| name == "null")
    {
        types.remove(at);
        let only = types.remove(0);
        map.insert("type".to_owned(), only);
    } else if let Some(Value::Array(types)) = map.get_mut("type")
        && types.len() == 2
        && types.iter().any(|name| name == "object")
        && types.iter().any(|name| name == "null")
    {
        map.insert("type".to_owned(), Value::from("object"));
    }
    if let Some(Value::Array(names)) = map.get_mut("enum") {
        names.retain(|name| !name.is_null());
    }
    let Some(Value::Array(branches)) = map.get_mut("anyOf") else {
        return;
    };
    branches.retain(|branch| branch.get("type") != Some(&Value::from("null")));
    if let [Value::Object(only)] = branches.as_mut_slice() {
        let only = std::mem::take(only);
        map.shift_remove("anyOf");
        for (keyword, value) in only {
            map.entry(keyword).or_insert(value);
        }
    }
}

/// `oneOf` of constants becomes an enum with descriptions, in the order of the type.
fn fold_enum(map: &mut Map<String, Value>) {
    let Some(Value::Array(branches)) = map.get("oneOf") else {
        return;
    };
    let mut values = Vec::new();
    let mut descriptions = Vec::new();
    for branch in branches {
        let Some(value) = branch.get("const") else {
            return;
        };
        values.push(value.clone());
        descriptions.push(branch.get("description").cloned().unwrap_or_default());
    }
    map.shift_remove("oneOf");
    map.insert("type".to_owned(), Value::from("string"));
    map.insert("enum".to_owned(), Value::Array(values));
    map.insert("enumDescriptions".to_owned(), Value::Array(descriptions));
}
