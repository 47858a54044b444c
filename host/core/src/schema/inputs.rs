//! The schema of a flow's input declarations: what all have, and what belongs to each type.

use serde_json::{Map, Value, json};

/// The types of inputs with a line of description each, current names first.
pub const INPUT_TYPES: [(&str, &str); 19] = [
    ("STRING", "Any text"),
    ("SELECT", "One of several texts"),
    ("MULTISELECT", "Some of several texts"),
    ("ARRAY", "A list of values of one type"),
    ("INT", "A whole number"),
    ("FLOAT", "A number"),
    ("BOOL", "True or false"),
    ("BOOLEAN", "True or false"),
    ("DATETIME", "A moment, for example `2026-01-31T08:00:00Z`"),
    ("DATE", "A day, for example `2026-01-31`"),
    ("TIME", "A time of day, for example `08:00:00`"),
    ("DURATION", "A length of time, for example `PT5M`"),
    ("FILE", "A file"),
    ("JSON", "Any JSON value"),
    ("YAML", "Any YAML value"),
    ("URI", "An address"),
    ("EMAIL", "A mail address"),
    ("SECRET", "A text that is never shown"),
    ("ENUM", "Old form of SELECT"),
];

/// The item types of lists.
pub(crate) const ITEM_TYPES: [&str; 12] = [
    "STRING", "INT", "FLOAT", "BOOL", "BOOLEAN", "DATETIME", "DATE", "TIME", "DURATION", "JSON",
    "URI", "EMAIL",
];

/// The schema of an input declaration of this type: a closed object. For a type that does not exist only the keys of all.
pub fn input_schema(input_type: &str) -> Map<String, Value> {
    let mut properties = common();
    if let Value::Object(own) = own_keys(input_type) {
        properties.extend(own);
    }
    let required = match input_type {
        "ARRAY" => json!(["type", "itemType"]),
        _ => json!(["type"]),
    };
    let title = INPUT_TYPES
        .iter()
        .find(|(name, _)| *name == input_type)
        .map_or("Input", |(_, title)| title);
    let mut schema = Map::new();
    schema.insert("title".to_owned(), Value::from(title));
    schema.insert("type".to_owned(), Value::from("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    schema.insert("required".to_owned(), required);
    schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    schema
}

fn common() -> Map<String, Value> {
    let schema = json!({
        "id": {
            "type": "string",
            "pattern": "^[a-zA-Z0-9][.a-zA-Z0-9_-]*$",
            "x-what": "a name of letters, digits, `.`, `_` and `-` that begins with a letter or a digit",
            "description": "Name of the input, read as `inputs.<id>`",
        },
        "type": { "type": "string", "description": "Type of the value" },
        "description": { "type": "string", "description": "What the input is, in Markdown" },
        "displayName": { "type": "string", "maxLength": 64, "description": "Name to show" },
        "required": { "type": "boolean", "default": true, "description": "Whether a value must be there" },
        "defaults": { "description": "Value where none is given" },
        "prefill": { "description": "Value that a form starts with" },
        "dependsOn": {
            "type": "object",
            "description": "Other inputs that this one needs, and the condition under which it is asked for",
            "properties": {
                "inputs": { "type": "array", "items": { "type": "string" }, "description": "Ids of the other inputs" },
                "condition": { "type": "string", "description": "Condition under which this one is asked for" },
            },
            "additionalProperties": false,
        },
        "name": { "type": "string", "description": "Old form of `id`", "x-now": "id", "deprecated": true, "doNotSuggest": true },
    });
    match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

fn own_keys(input_type: &str) -> Value {
    let texts = |description: &str| json!({ "type": "array", "items": { "type": ["string", "number", "boolean"] }, "description": description });
    let text = |description: &str| json!({ "type": "string", "description": description });
    let flag = |description: &str| json!({ "type": "boolean", "default": false, "description": description });
    let item_type = |description: &str| json!({ "type": "string", "enum": ITEM_TYPES, "description": description });
    match input_type {
        "STRING" | "SECRET" => json!({
            "validator": text("Regular expression that must match the whole value"),
        }),
        "SELECT" | "ENUM" => json!({
            "values": texts("The texts to choose from"),
            "expression": text("Expression that gives the list to choose from"),
            "allowCustomValue": flag("Whether another value is good too"),
            "isRadio": flag("Whether a form shows radio buttons"),
            "autoSelectFirst": flag("Whether the first value is the default"),
        }),
        "MULTISELECT" => json!({
            "values": texts("The texts to choose from"),
            "options": { "type": "array", "items": { "type": "string" }, "description": "Old form of `values`", "x-now": "values", "deprecated": true, "doNotSuggest": true },
            "expression": text("Expression that gives the list to choose from"),
            "itemType": item_type("What each item is read as"),
            "allowCustomValue": flag("Whether other values are good too"),
            "autoSelectFirst": flag("Whether the first value is the default"),
        }),
        "ARRAY" => json!({ "itemType": item_type("What each item is read as") }),
        "INT" => json!({
            "min": { "type": "integer", "description": "The least" },
            "max": { "type": "integer", "description": "The most" },
        }),
        "FLOAT" => json!({
            "min": { "type": "number", "description": "The least" },
            "max": { "type": "number", "description": "The most" },
        }),
        "DATETIME" | "DATE" | "TIME" => json!({
            "after": text("The earliest"),
            "before": text("The latest"),
        }),
        "DURATION" => json!({
            "min": text("The least"),
            "max": text("The most"),
        }),
        "FILE" => json!({
            "extension": text("Ending of the stored file's name"),
            "allowedFileExtensions": texts("Endings that are good"),
        }),
        _ => json!({}),
    }
}
