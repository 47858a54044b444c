//! Makes every schema that occurs twice a definition: half the bytes, and editors are faster by as much.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::host_keys;

/// Schemas of fewer bytes are cheaper in place than behind a reference.
const WORTH_SHARING: usize = 60;

/// A pattern of so many bytes is shared by schemas of which different things are said.
const LONG_PATTERN: usize = 60;

/// What is shared with such a pattern.
const SHAPE: [&str; 4] = ["type", "pattern", "patternErrorMessage", "errorMessage"];

/// Keywords that hold one schema. Conditions are left in place: they are looked at together with what follows from them.
const ONE: [&str; 4] = ["items", "additionalProperties", "then", "else"];
/// Keywords that hold a list of schemas.
const LIST: [&str; 3] = ["anyOf", "oneOf", "allOf"];

/// Shares what occurs twice, at whatever depth. A schema inside a shared one counts once.
pub(super) fn share(document: &mut Value) {
    let Some(Value::Object(mut definitions)) = document.get_mut("definitions").map(Value::take)
    else {
        return;
    };
    let mut long = HashMap::new();
    for schema in definitions.values().chain([&*document]) {
        count_long_patterns(schema, &mut long);
    }
    for schema in definitions.values_mut().chain([&mut *document]) {
        set_apart_long_patterns(schema, &long);
    }
    let mut uses = Uses::default();
    for definition in definitions.values().chain([&*document]) {
        children(definition, "rule", &mut |name, schema| {
            uses.count(name, schema)
        });
    }
    let mut sharing = Sharing::new(&uses, &definitions);
    for definition in definitions.values_mut().chain([&mut *document]) {
        children_mut(definition, &mut |schema| sharing.replace(schema));
    }
    definitions.extend(sharing.bodies);
    definitions.sort_keys();
    document["definitions"] = Value::Object(definitions);
}

/// What a text with a long pattern must be, where something else is said of it, too: no title and no description of a key.
fn long_pattern(schema: &Value) -> Option<Value> {
    let map = schema.as_object()?;
    let long = map.get("pattern")?.as_str()?.len() >= LONG_PATTERN;
    if !long || map.contains_key("allOf") {
        return None;
    }
    let shape: Map<String, Value> = map
        .iter()
        .filter(|(keyword, _)| SHAPE.contains(&keyword.as_str()))
        .map(|(keyword, value)| (keyword.clone(), value.clone()))
        .collect();
    (shape.len() < map.len()).then_some(Value::Object(shape))
}

fn count_long_patterns(schema: &Value, long: &mut HashMap<u64, usize>) {
    if let Some(shape) = long_pattern(schema) {
        *long.entry(digest(&shape)).or_default() += 1;
    }
    children(schema, "", &mut |_, child| count_long_patterns(child, long));
}

/// Puts what a text must be into a schema of its own, which then is shared, where the same long pattern occurs more than once.
fn set_apart_long_patterns(schema: &mut Value, long: &HashMap<u64, usize>) {
    let shape = long_pattern(schema).filter(|shape| long.get(&digest(shape)) > Some(&1));
    if let (Some(shape), Value::Object(map)) = (shape, &mut *schema) {
        map.retain(|keyword, _| !SHAPE.contains(&keyword.as_str()));
        map.insert("allOf".to_owned(), json!([shape]));
    }
    children_mut(schema, &mut |child| set_apart_long_patterns(child, long));
}

/// How often each schema occurs.
#[derive(Default)]
struct Uses {
    /// By digest: the key it was first found under, and the count.
    found: HashMap<u64, (String, usize)>,
    /// The digests in the order in which they were found, so that the same document gets the same names.
    order: Vec<u64>,
}

impl Uses {
    fn count(&mut self, name: &str, schema: &Value) {
        if !worth_sharing(schema) {
            children(schema, name, &mut |name, child| self.count(name, child));
            return;
        }
        let digest = digest(schema);
        match self.found.get_mut(&digest) {
            Some((_, count)) => *count += 1,
            None => {
                self.found.insert(digest, (name.to_owned(), 1));
                self.order.push(digest);
                children(schema, name, &mut |name, child| self.count(name, child));
            }
        }
    }
}

/// The second walk, which puts references in place.
struct Sharing {
    names: HashMap<u64, String>,
    bodies: Map<String, Value>,
}

impl Sharing {
    fn new(uses: &Uses, definitions: &Map<String, Value>) -> Self {
        let mut taken: BTreeSet<String> = definitions.keys().cloned().collect();
        let mut names = HashMap::new();
        for digest in &uses.order {
            let (name, count) = &uses.found[digest];
            if *count > 1 {
                names.insert(*digest, unique(name, &mut taken));
            }
        }
        // What stands elsewhere in full and is a definition already.
        let defined = definitions
            .iter()
            .filter(|(name, _)| name.starts_with(host_keys::PREFIX));
        names.extend(defined.map(|(name, schema)| (digest(schema), name.clone())));
        Self {
            names,
            bodies: Map::new(),
        }
    }

    fn replace(&mut self, schema: &mut Value) {
        let name = if worth_sharing(schema) {
            self.names.get(&digest(schema)).cloned()
        } else {
            None
        };
        let Some(name) = name else {
            children_mut(schema, &mut |child| self.replace(child));
            return;
        };
        let mut body =
            std::mem::replace(schema, json!({ "$ref": format!("#/definitions/{name}") }));
        if !name.starts_with(host_keys::PREFIX) && !self.bodies.contains_key(&name) {
            children_mut(&mut body, &mut |child| self.replace(child));
            self.bodies.insert(name, body);
        }
    }
}

/// The name, or the name with the first number that is free.
pub(super) fn unique(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut unique = name.to_owned();
    let mut number = 1;
    while !taken.insert(unique.clone()) {
        number += 1;
        unique = format!("{name}.{number}");
    }
    unique
}

/// Stands for a schema, whatever the order of its keys. Of a document's few thousand schemas no two different ones have met in 64 bits, and
/// nothing in it is random, so that the tests would see it before anybody else.
fn digest(schema: &Value) -> u64 {
    match schema {
        // The sum has no order; sorting the keys would take longer than all else.
        Value::Object(map) => map.iter().fold(1, |sum, (keyword, value)| {
            mix(digest_of_bytes(keyword.as_bytes()), digest(value)).wrapping_add(sum)
        }),
        Value::Array(items) => items.iter().fold(2, |sum, item| mix(sum, digest(item))),
        Value::String(text) => mix(3, digest_of_bytes(text.as_bytes())),
        other => mix(4, digest_of_bytes(other.to_string().as_bytes())),
    }
}

fn digest_of_bytes(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let last = rest
        .iter()
        .fold(0, |last, byte| last << 8 | u64::from(*byte));
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    words.chain([last]).fold(bytes.len() as u64, mix)
}

/// Multiplied by an odd number without a pattern, high bits depend on low ones; the rotation brings them down again.
fn mix(left: u64, right: u64) -> u64 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let product = (left.rotate_left(29) ^ right).wrapping_mul(ODD);
    product ^ product >> 32
}

fn worth_sharing(schema: &Value) -> bool {
    schema.is_object() && schema.get("$ref").is_none() && longer_than(schema, WORTH_SHARING)
}

/// Whether the schema takes at least that many bytes as compact JSON.
fn longer_than(schema: &Value, bytes: usize) -> bool {
    fn left(value: &Value, bytes: usize) -> usize {
        let own = match value {
            Value::String(text) => text.len() + 2,
            Value::Object(map) => {
                return map
                    .iter()
                    .fold(bytes.saturating_sub(2), |rest, (key, child)| {
                        if rest == 0 {
                            return 0;
                        }
                        left(child, rest.saturating_sub(key.len() + 4))
                    });
            }
            Value::Array(items) => {
                return items.iter().fold(bytes.saturating_sub(2), |rest, child| {
                    if rest == 0 {
                        0
                    } else {
                        left(child, rest.saturating_sub(1))
                    }
                });
            }
            _ => 4,
        };
        bytes.saturating_sub(own)
    }
    left(schema, bytes) == 0
}

/// Calls back for the schemas directly inside of one, each with the key it stands under: its own as a property, else that of the schema
/// around it.
fn children(schema: &Value, name: &str, visit: &mut dyn FnMut(&str, &Value)) {
    let Value::Object(map) = schema else { return };
    for (keyword, value) in map {
        match value {
            Value::Object(properties) if keyword == "properties" => {
                for (key, child) in properties {
                    visit(key, child);
                }
            }
            Value::Object(_) if ONE.contains(&keyword.as_str()) => visit(name, value),
            Value::Array(items) if LIST.contains(&keyword.as_str()) => {
                for child in items {
                    visit(name, child);
                }
            }
            _ => {}
        }
    }
}

fn children_mut(schema: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    let Value::Object(map) = schema else { return };
    for (keyword, value) in map {
        match value {
            Value::Object(properties) if keyword == "properties" => {
                properties.values_mut().for_each(&mut *visit);
            }
            Value::Object(_) if ONE.contains(&keyword.as_str()) => visit(value),
            Value::Array(items) if LIST.contains(&keyword.as_str()) => {
                items.iter_mut().for_each(&mut *visit);
            }
            _ => {}
        }
    }
}
