//! From what tasks ask for and what is installed to one plugin version for each task, or every conflict at once.

use std::sync::Arc;

use semver::Version;

use crate::descriptor::Descriptor;
use crate::name::PluginId;
use crate::version::VersionPin;

/// What one task asks for.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The task type as written, which may be an older name.
    pub task_type: &'a str,
    /// The version that the author asked for.
    pub pin: Option<&'a VersionPin>,
}

/// The answer to one wish.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The plugin in the chosen version.
    pub plugin: Arc<Descriptor>,
    /// Which of its task types is meant.
    pub index: usize,
}

/// Why a wish cannot be granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// No installed plugin has the task type.
    UnknownType {
        /// Which wish.
        wish: usize,
    },
    /// Plugins have it, but none in a version that the pin lets through.
    Unsatisfied {
        /// Which wish.
        wish: usize,
        /// The plugin.
        plugin: PluginId,
        /// Its installed versions that have the type, lowest first.
        installed: Vec<Version>,
    },
    /// Two plugins, or two builds of one version, offer the type alike.
    Ambiguous {
        /// Which wish.
        wish: usize,
        /// What offers it, `id version`.
        offers: Vec<String>,
    },
}

/// Grants all wishes, or says of each that cannot be granted why.
///
/// The highest matching version wins, pre-releases only where they are named exactly.
///
/// # Errors
/// Every conflict, in the order of the wishes.
pub fn resolve(
    wishes: &[Wish<'_>],
    installed: &[Arc<Descriptor>],
) -> Result<Vec<Resolved>, Vec<Conflict>> {
    let mut granted = Vec::with_capacity(wishes.len());
    let mut conflicts = Vec::new();
    for (number, wish) in wishes.iter().enumerate() {
        match grant(number, *wish, installed) {
            Ok(resolved) => granted.push(resolved),
            Err(conflict) => conflicts.push(conflict),
        }
    }
    if conflicts.is_empty() {
        Ok(granted)
    } else {
        Err(conflicts)
    }
}

/// Grants a single wish; `number` goes into the conflict.
///
/// # Errors
/// See [`Conflict`].
pub fn grant(
    number: usize,
    wish: Wish<'_>,
    installed: &[Arc<Descriptor>],
) -> Result<Resolved, Conflict> {
    let mut offers: Vec<Resolved> = installed
        .iter()
        .filter_map(|plugin| {
            let index = plugin.task_type_index(wish.task_type)?;
            Some(Resolved {
                plugin: Arc::clone(plugin),
                index,
            })
        })
        .collect();
    offers.sort_by(|left, right| {
        (&left.plugin.id, &left.plugin.version).cmp(&(&right.plugin.id, &right.plugin.version))
    });
    let Some(first) = offers.first() else {
        return Err(Conflict::UnknownType { wish: number });
    };
    let plugin = first.plugin.id.clone();
    if offers.iter().any(|offer| offer.plugin.id != plugin) {
        return Err(ambiguous(number, &offers));
    }
    let matching: Vec<&Resolved> = offers
        .iter()
        .filter(|offer| match wish.pin {
            Some(pin) => pin.matches(&offer.plugin.version),
            None => offer.plugin.version.pre.is_empty(),
        })
        .collect();
    let oldest = wish.pin.is_some_and(VersionPin::wants_oldest);
    let chosen = if oldest {
        matching.first()
    } else {
        matching.last()
    };
    let Some(chosen) = chosen else {
        return Err(Conflict::Unsatisfied {
            wish: number,
            plugin,
            installed: offers
                .iter()
                .map(|offer| offer.plugin.version.clone())
                .collect(),
        });
    };
    let same: Vec<Resolved> = matching
        .iter()
        .filter(|offer| {
            offer
                .plugin
                .version
                .cmp_precedence(&chosen.plugin.version)
                .is_eq()
        })
        .map(|offer| (*offer).clone())
        .collect();
    if same.len() > 1 {
        return Err(ambiguous(number, &same));
    }
    Ok((*chosen).clone())
}

fn ambiguous(wish: usize, offers: &[Resolved]) -> Conflict {
    Conflict::Ambiguous {
        wish,
        offers: offers
            .iter()
            .map(|offer| format!("{} {}", offer.plugin.id, offer.plugin.version))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plugin(id: &str, version: &str, task_type: &str) -> Arc<Descriptor> {
        Arc::new(
            serde_json::from_value(json!({
                "descriptorVersion": 1,
                "id": id,
                "version": version,
                "title": "test",
                "taskTypes": [{
                    "name": task_type,
                    "aliases": ["old.Name"],
                    "title": "test",
                    "propertiesSchema": {},
                }],
            }))
            .expect("a descriptor"),
        )
    }

    #[test]
    fn every_wish_is_answered() {
        let installed = [
            plugin("shell", "1.0.0", "a.Script"),
            plugin("shell", "1.2.0", "a.Script"),
            plugin("shell", "1.10.1", "a.Script"),
            plugin("shell", "2.0.0-rc.1", "a.Script"),
            plugin("one", "1.0.0", "b.Script"),
            plugin("two", "1.0.0", "b.Script"),
            plugin("twin", "1.0.0+a", "c.Script"),
            plugin("twin", "1.0.0+b", "c.Script"),
        ];
        let check = |task_type: &str, pin: Option<&str>, expected: &str| {
            let pin = pin.map(|pin| VersionPin::parse(pin).expect(pin));
            let wish = Wish {
                task_type,
                pin: pin.as_ref(),
            };
            let found = match grant(0, wish, &installed) {
                Ok(resolved) => resolved.plugin.version.to_string(),
                Err(Conflict::UnknownType { .. }) => "unknown".to_owned(),
                Err(Conflict::Unsatisfied { installed, .. }) => installed
                    .iter()
                    .map(Version::to_string)
                    .collect::<Vec<_>>()
                    .join(","),
                Err(Conflict::Ambiguous { offers, .. }) => offers.join(","),
            };
            assert_eq!(found, expected, "{task_type} {pin:?}");
        };
        check("a.Script", None, "1.10.1");
        check("a.Script", Some("1"), "1.10.1");
        check("a.Script", Some("1.2"), "1.2.0");
        check("a.Script", Some("oldest"), "1.0.0");
        check("a.Script", Some("2.0.0-rc.1"), "2.0.0-rc.1");
        check("a.Script", Some("2"), "1.0.0,1.2.0,1.10.1,2.0.0-rc.1");
        check("d.Script", None, "unknown");
        check("b.Script", None, "one 1.0.0,two 1.0.0");
        check("c.Script", None, "twin 1.0.0+a,twin 1.0.0+b");
    }

    #[test]
    fn all_conflicts_come_at_once() {
        let installed = [plugin("shell", "1.0.0", "a.Script")];
        let pin = VersionPin::parse("3").expect("a pin");
        let wishes = [
            Wish {
                task_type: "x.Y",
                pin: None,
            },
            Wish {
                task_type: "a.Script",
                pin: None,
            },
            Wish {
                task_type: "a.Script",
                pin: Some(&pin),
            },
        ];
        let conflicts = resolve(&wishes, &installed).expect_err("conflicts");
        assert_eq!(conflicts.len(), 2, "{conflicts:?}");
    }
}
