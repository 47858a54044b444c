//! The versions of one type: each pin leads to the shape of the version that it chooses, as `core/resolve` would.

use std::collections::BTreeMap;

use semver::Version;
use serde_json::{Map, Value, json};

use super::union::escape;
use super::{SHARED, host_keys, missing, polish};
use crate::version::VersionPin;

/// As many pins are offered; the newest come first.
const OFFERED: usize = 15;

/// Operators such as `^1.2` and `>=1, <2`: the newest shape stands for them, as a schema cannot compare versions.
const REQUIREMENTS: &str = r"[\^~<>=].*|.*,.*";

/// Writes the shapes of a choice as definitions; the answer refers to the right one.
pub(super) fn write(
    name: &str,
    shapes: Vec<(Option<Version>, Map<String, Value>)>,
    at_base: &[&str],
    definitions: &mut BTreeMap<String, Value>,
) -> Value {
    let (versions, shapes): (Vec<Option<Version>>, Vec<_>) = shapes.into_iter().unzip();
    let installed: Vec<&Version> = versions.iter().flatten().collect();
    // Versions whose shapes are the same share one definition.
    let mut groups: Vec<(Value, Vec<&Version>)> = Vec::new();
    for (version, mut shape) in versions.iter().zip(shapes) {
        pin_property(&mut shape, &installed);
        polish::object(&mut shape);
        missing::soften(&mut shape, &[], at_base);
        let shape = Value::Object(shape);
        match groups.iter_mut().find(|(known, _)| *known == shape) {
            Some((_, same)) => same.extend(version),
            None => groups.push((shape, version.iter().collect())),
        }
    }
    let Some(newest) = newest_group(&groups) else {
        return json!({});
    };
    if groups.len() == 1 {
        let (shape, _) = groups.remove(0);
        return add(name, shape, definitions);
    }
    let pins = pins(&installed);
    let mut refs: Vec<Value> = Vec::new();
    for (shape, same) in &groups {
        let last = same.last().map(ToString::to_string).unwrap_or_default();
        refs.push(add(&format!("{name}@{last}"), shape.clone(), definitions));
    }
    let mut chain = refs[newest].clone();
    for (index, (_, same)) in groups.iter().enumerate() {
        let own: Vec<String> = pins
            .iter()
            .filter(|(_, version)| same.contains(version))
            .map(|(pin, _)| pin.clone())
            .collect();
        if index == newest || own.is_empty() {
            continue;
        }
        let pattern = format!("^({})$", own.join("|"));
        chain = json!({
            "if": {
                "type": "object",
                "properties": { "version": { "type": "string", "pattern": pattern } },
                "required": ["version"],
            },
            "then": refs[index],
            "else": chain,
        });
    }
    definitions.insert(name.to_owned(), chain);
    json!({ "$ref": format!("#/definitions/{name}") })
}

fn newest_group(groups: &[(Value, Vec<&Version>)]) -> Option<usize> {
    groups
        .iter()
        .enumerate()
        .max_by_key(|(_, (_, versions))| {
            versions
                .iter()
                .map(|version| (version.pre.is_empty(), *version))
                .max()
        })
        .map(|(index, _)| index)
}

/// Every pin that some version satisfies, as a pattern, with the version that it chooses.
fn pins<'a>(versions: &[&'a Version]) -> Vec<(String, &'a Version)> {
    let mut texts: Vec<String> = Vec::new();
    for version in versions {
        texts.push(version.to_string());
        if version.pre.is_empty() {
            texts.push(format!("{}.{}", version.major, version.minor));
            texts.push(version.major.to_string());
        }
    }
    texts.sort();
    texts.dedup();
    let mut found: Vec<(String, &Version)> = texts
        .iter()
        .filter_map(|text| Some((escape(text), chosen(text, versions)?)))
        .collect();
    for (pattern, word) in [
        (r"[Ll][Aa][Tt][Ee][Ss][Tt]|\*", "LATEST"),
        ("[Oo][Ll][Dd][Ee][Ss][Tt]", "OLDEST"),
    ] {
        if let Some(version) = chosen(word, versions) {
            found.push((pattern.to_owned(), version));
        }
    }
    found
}

fn chosen<'a>(pin: &str, versions: &[&'a Version]) -> Option<&'a Version> {
    let pin = VersionPin::parse(pin).ok()?;
    let matching = versions.iter().filter(|version| pin.matches(version));
    if pin.wants_oldest() {
        matching.min().copied()
    } else {
        matching.max().copied()
    }
}

/// Narrows `version` to what is installed, and offers that.
fn pin_property(shape: &mut Map<String, Value>, versions: &[&Version]) {
    let Some(Value::Object(property)) = shape
        .get_mut("properties")
        .and_then(|properties| properties.get_mut("version"))
    else {
        return;
    };
    if versions.is_empty() {
        return;
    }
    let mut newest_first = versions.to_vec();
    newest_first.sort_by(|left, right| right.cmp(left));
    newest_first.dedup();
    let mut offered: Vec<String> = Vec::new();
    for version in &newest_first {
        let parts = [
            version.major.to_string(),
            format!("{}.{}", version.major, version.minor),
            version.to_string(),
        ];
        let from = if version.pre.is_empty() { 0 } else { 2 };
        for pin in &parts[from..] {
            if !offered.contains(pin) {
                offered.push(pin.clone());
            }
        }
    }
    offered.truncate(OFFERED);
    offered.push("LATEST".to_owned());
    let patterns: Vec<String> = pins(versions).into_iter().map(|(pin, _)| pin).collect();
    let installed: Vec<String> = newest_first.iter().map(ToString::to_string).collect();
    property.insert("examples".to_owned(), json!(offered));
    property.insert(
        "pattern".to_owned(),
        json!(format!("^({}|{REQUIREMENTS})$", patterns.join("|"))),
    );
    property.insert(
        "patternErrorMessage".to_owned(),
        json!(format!(
            "No installed version is meant by that. Installed: {}.",
            installed.join(", ")
        )),
    );
}

/// Adds a schema and what it defines itself; the answer refers to it.
fn add(name: &str, mut schema: Value, definitions: &mut BTreeMap<String, Value>) -> Value {
    let own = schema
        .as_object_mut()
        .and_then(|map| map.shift_remove("definitions"));
    if let Some(Value::Object(own)) = own {
        rename(&mut schema, name);
        for (inner, mut definition) in own {
            rename(&mut definition, name);
            definitions.insert(format!("{name}.{inner}"), definition);
        }
    }
    definitions.insert(name.to_owned(), schema);
    json!({ "$ref": format!("#/definitions/{name}") })
}

/// Makes the references of a schema to its own definitions point to where these are now.
fn rename(schema: &mut Value, owner: &str) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(target)) = map.get_mut("$ref")
                && let Some(name) = target.strip_prefix("#/definitions/")
                && !SHARED.contains(&name)
                && !name.starts_with(host_keys::PREFIX)
            {
                *target = format!("#/definitions/{owner}.{name}");
            }
            map.values_mut().for_each(|child| rename(child, owner));
        }
        Value::Array(items) => items.iter_mut().for_each(|child| rename(child, owner)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_leads_where_the_host_would_go() {
        let versions: Vec<Version> = ["1.0.0", "1.1.0", "1.10.0", "2.0.0-rc.1"]
            .iter()
            .map(|text| text.parse().expect("a version"))
            .collect();
        let versions: Vec<&Version> = versions.iter().collect();
        let found = pins(&versions);
        let check = |pin: &str, expected: Option<&str>| {
            let matching: Vec<String> = found
                .iter()
                .filter(|(pattern, _)| {
                    let pattern = regex::Regex::new(&format!("^({pattern})$")).expect("a pattern");
                    pattern.is_match(pin)
                })
                .map(|(_, version)| version.to_string())
                .collect();
            assert_eq!(matching, Vec::from_iter(expected), "{pin}");
            let host = chosen(pin, &versions).map(ToString::to_string);
            assert_eq!(host.as_deref(), expected, "{pin} for the host");
        };
        check("1", Some("1.10.0"));
        check("1.1", Some("1.1.0"));
        check("1.10", Some("1.10.0"));
        check("1.0.0", Some("1.0.0"));
        check("2", None);
        check("2.0.0-rc.1", Some("2.0.0-rc.1"));
        check("latest", Some("1.10.0"));
        check("OLDEST", Some("1.0.0"));
        check("11", None);
    }
}
