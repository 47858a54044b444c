//! A quick look at a value: whether it surely fits a schema. It compiles nothing, which for most flows takes longer than all else that is
//! done with them before they run. Where it does not say yes, the whole validator is asked, so it need not know everything.

use serde_json::{Map, Value};

/// The deepest that schemas lie in one another; a reference may lead round in a circle.
const DEEPEST: usize = 40;

/// What says nothing of values.
const SILENT: [&str; 16] = [
    "$comment",
    "$schema",
    "default",
    "definitions",
    "deprecated",
    "description",
    "doNotSuggest",
    "enumDescriptions",
    "errorMessage",
    "examples",
    "markdownDescription",
    "markdownEnumDescriptions",
    "patternErrorMessage",
    "readOnly",
    "title",
    "writeOnly",
];

/// Whether the value fits the strict schema, and so fits the one with expressions allowed, which allows more: keywords that take a value
/// for not being another are not looked into.
pub(super) fn fits(schema: &Value, value: &Value) -> bool {
    Look { root: schema }.schema(schema, value, 0)
}

struct Look<'a> {
    root: &'a Value,
}

impl Look<'_> {
    fn schema(&self, schema: &Value, value: &Value, depth: usize) -> bool {
        match schema {
            Value::Bool(any) => *any,
            Value::Object(map) => depth < DEEPEST && self.map(map, value, depth + 1),
            _ => false,
        }
    }

    fn map(&self, map: &Map<String, Value>, value: &Value, depth: usize) -> bool {
        map.iter().all(|(keyword, rule)| {
            self.keyword(map, keyword, rule, value, depth)
                || SILENT.contains(&keyword.as_str())
                || keyword.starts_with("x-")
        })
    }

    fn keyword(
        &self,
        map: &Map<String, Value>,
        keyword: &str,
        rule: &Value,
        value: &Value,
        depth: usize,
    ) -> bool {
        let each = |rule: &Value| self.schema(rule, value, depth);
        match (keyword, rule) {
            ("type", Value::String(name)) => is_of(name, value),
            ("type", Value::Array(names)) => names
                .iter()
                .any(|name| name.as_str().is_some_and(|name| is_of(name, value))),
            ("const", only) => only == value,
            ("enum", Value::Array(values)) => values.contains(value),
            ("anyOf", Value::Array(rules)) => rules.iter().any(each),
            ("allOf", Value::Array(rules)) => rules.iter().all(each),
            ("$ref", Value::String(target)) => self
                .definition(target)
                .is_some_and(|rule| self.schema(rule, value, depth)),
            ("required", Value::Array(names)) => value.as_object().is_none_or(|object| {
                names
                    .iter()
                    .all(|name| name.as_str().is_some_and(|name| object.contains_key(name)))
            }),
            ("properties", Value::Object(rules)) => value.as_object().is_none_or(|object| {
                object.iter().all(|(name, value)| {
                    rules
                        .get(name)
                        .is_none_or(|rule| self.schema(rule, value, depth))
                })
            }),
            ("additionalProperties", rule) => value.as_object().is_none_or(|object| {
                let named = map.get("properties").and_then(Value::as_object);
                !map.contains_key("patternProperties")
                    && object.iter().all(|(name, value)| {
                        named.is_some_and(|named| named.contains_key(name))
                            || self.schema(rule, value, depth)
                    })
            }),
            ("propertyNames", rule) => value.as_object().is_none_or(|object| {
                object
                    .keys()
                    .all(|name| self.schema(rule, &Value::from(name.as_str()), depth))
            }),
            ("items", Value::Object(_) | Value::Bool(_)) => value
                .as_array()
                .is_none_or(|items| items.iter().all(|item| self.schema(rule, item, depth))),
            ("pattern", Value::String(pattern)) => {
                value.as_str().is_none_or(|text| matches(pattern, text))
            }
            ("minLength" | "maxLength", limit) => value
                .as_str()
                .is_none_or(|text| is_within(keyword, text.chars().count(), limit)),
            ("minItems" | "maxItems", limit) => value
                .as_array()
                .is_none_or(|items| is_within(keyword, items.len(), limit)),
            ("minProperties" | "maxProperties", limit) => value
                .as_object()
                .is_none_or(|object| is_within(keyword, object.len(), limit)),
            ("minimum" | "maximum", limit) => match (value, value.as_i64(), limit.as_i64()) {
                (Value::Number(_), Some(number), Some(limit)) => {
                    (keyword == "minimum" && number >= limit)
                        || (keyword == "maximum" && number <= limit)
                }
                (value, ..) => !value.is_number(),
            },
            _ => false,
        }
    }

    fn definition(&self, target: &str) -> Option<&Value> {
        let name = target.strip_prefix("#/definitions/")?;
        // Names with escapes are left to others.
        let is_plain = !name.contains(['~', '%', '/']);
        is_plain.then(|| self.root.get("definitions")?.get(name))?
    }
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => false,
    }
}

fn is_within(keyword: &str, count: usize, limit: &Value) -> bool {
    let limit = limit.as_u64().and_then(|limit| usize::try_from(limit).ok());
    limit.is_some_and(|limit| match keyword.starts_with("min") {
        true => count >= limit,
        false => count <= limit,
    })
}

/// Whether a text surely matches a pattern of the kind that ids have: `^[a-z][a-z0-9._-]*$`, one character of a set, then any of another.
fn matches(pattern: &str, text: &str) -> bool {
    // Names of things elsewhere.
    if pattern == r"^[^\s]+$" {
        return !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    }
    let sets = || {
        let (first, rest) = pattern.strip_prefix("^[")?.split_once("][")?;
        Some((first, rest.strip_suffix("]*$")?))
    };
    let Some((first, rest)) = sets() else {
        return false;
    };
    let mut characters = text.bytes();
    characters.next().is_some_and(|one| is_in(first, one)) && characters.all(|one| is_in(rest, one))
}

/// Whether a character is surely in a set of letters, digits, ranges of these, `.`, `_` and, at the end, `-`.
fn is_in(set: &str, wanted: u8) -> bool {
    let (set, has_dash) = match set.strip_suffix('-') {
        Some(set) => (set, true),
        None => (set, false),
    };
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._".contains(byte);
    let mut found = has_dash && wanted == b'-';
    let mut rest = set.as_bytes();
    loop {
        rest = match rest {
            [] => return found,
            [from, b'-', to, rest @ ..]
                if from.is_ascii_alphanumeric() && to.is_ascii_alphanumeric() =>
            {
                found |= (*from..=*to).contains(&wanted);
                rest
            }
            [one, rest @ ..] if plain(one) => {
                found |= *one == wanted;
                rest
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Schemas of every keyword that is looked at, and of some that are not.
    fn schemas() -> Vec<Value> {
        vec![
            json!({ "type": "string", "minLength": 1, "maxLength": 3 }),
            json!({ "type": ["integer", "boolean"], "minimum": 0, "maximum": 5 }),
            json!({ "type": "integer" }),
            json!({ "type": "number", "minimum": 1 }),
            json!({ "enum": ["a", 1, null] }),
            json!({ "const": "a" }),
            json!({ "pattern": "^[a-z][a-z0-9._-]*$" }),
            json!({ "pattern": "^[a-c_][A-Z0-1]*$" }),
            json!({ "pattern": "^a|b$" }),
            json!({ "pattern": "^[^\\s]+$" }),
            json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "integer" }, "minItems": 1, "maxItems": 2 }] }),
            json!({ "allOf": [{ "type": "object" }, { "required": ["a"] }] }),
            json!({ "oneOf": [{ "type": "string" }, { "minLength": 2 }] }),
            json!({ "not": { "type": "string" } }),
            json!({ "not": {} }),
            json!({ "format": "date" }),
            json!({ "multipleOf": 2 }),
            json!({ "uniqueItems": true }),
            json!({ "type": "object", "properties": { "a": { "$ref": "#/definitions/few" } }, "additionalProperties": false, "minProperties": 1 }),
            json!({ "type": "object", "additionalProperties": { "type": "string" }, "maxProperties": 1, "propertyNames": { "maxLength": 1 } }),
            json!({ "patternProperties": { "^b": { "type": "string" } }, "additionalProperties": false }),
            json!({ "$ref": "#/definitions/round" }),
            json!({ "if": { "type": "string" }, "then": false, "title": "x", "x-what": 1 }),
            json!(true),
            json!(false),
        ]
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            (-2i64..8).prop_map(Value::from),
            prop_oneof![Just(1.0), Just(1.5)].prop_map(Value::from),
            "[abA1._-]{0,4}|\\PC{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(("[ab]{1,2}", inner), 0..3)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_surely_fits_is_valid(value in values()) {
            for schema in schemas() {
                let root = json!({
                    "properties": { "value": schema },
                    "definitions": {
                        "few": { "type": "array", "items": { "type": "string" } },
                        "round": { "anyOf": [{ "type": "string" }, { "items": { "$ref": "#/definitions/round" }, "type": "array" }] },
                    },
                });
                let value = json!({ "value": value });
                let fits = fits(&root, &value);
                prop_assert!(!fits || jsonschema::draft7::is_valid(&root, &value), "{root} {value}");
            }
        }
    }

    #[test]
    fn what_flows_are_made_of_surely_fits() {
        let schema = json!({
            "type": "object",
            "title": "A task",
            "properties": {
                "id": { "type": "string", "pattern": "^[a-zA-Z0-9][a-zA-Z0-9_-]*$", "minLength": 1 },
                "many": { "type": "array", "items": { "anyOf": [{ "type": "integer" }, { "type": "string" }] } },
                "kind": { "type": "string", "enum": ["A", "B"], "enumDescriptions": ["a", "b"], "default": "A" },
                "env": { "type": "object", "additionalProperties": { "type": "string" } },
                "refused": { "not": {} },
            },
            "required": ["id"],
            "additionalProperties": false,
        });
        let whole =
            json!({ "id": "a-1", "many": [1, "b"], "kind": "B", "env": { "a": "{{ b }}" } });
        assert!(fits(&schema, &whole));
        for (key, value) in [
            ("id", json!("-a")),
            ("id", json!("")),
            ("many", json!([true])),
            ("kind", json!("{{ c }}")),
            ("env", json!({ "a": 1 })),
            ("refused", json!(1)),
            ("other", json!(1)),
        ] {
            let mut wrong = whole.clone();
            wrong[key] = value;
            assert!(!fits(&schema, &wrong), "{wrong}");
        }
        assert!(!fits(&schema, &json!({ "kind": "A" })));
    }
}
