//! From what tasks ask for, what was locked and what is installed to one plugin version for each task, or every conflict at once.

use std::sync::Arc;

use semver::Version;

use crate::descriptor::Descriptor;
use crate::lock::Lock;
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

/// One plugin version that can be loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Installed {
    /// What it says of itself.
    pub descriptor: Arc<Descriptor>,
    /// SHA-256 of the component, lower case hexadecimal; none where there is no component to compare.
    pub digest: Option<Arc<str>>,
}

impl From<Arc<Descriptor>> for Installed {
    fn from(descriptor: Arc<Descriptor>) -> Self {
        Self {
            descriptor,
            digest: None,
        }
    }
}

/// What was locked, and whether anything else may be chosen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Locking<'a> {
    /// The lock that lies beside the flow.
    pub lock: Option<&'a Lock>,
    /// Whether what is not in the lock is refused.
    pub strict: bool,
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
    /// Nothing in the lock satisfies the pin, and nothing else may be chosen.
    NotLocked {
        /// Which wish.
        wish: usize,
        /// The plugin.
        plugin: PluginId,
        /// Its locked versions, lowest first.
        locked: Vec<Version>,
        /// What would be chosen without the lock.
        otherwise: Option<Version>,
    },
    /// The locked version is not installed.
    LockedAbsent {
        /// Which wish.
        wish: usize,
        /// The plugin.
        plugin: PluginId,
        /// The locked version.
        locked: Version,
        /// Where it can be had, as the lock says.
        source: Option<String>,
        /// The installed versions that have the type, lowest first.
        installed: Vec<Version>,
    },
    /// The installed component is not the one that was locked under the same version.
    Changed {
        /// Which wish.
        wish: usize,
        /// The plugin.
        plugin: PluginId,
        /// The version of both.
        version: Version,
        /// SHA-256 of what was locked.
        locked: String,
        /// SHA-256 of what is installed.
        installed: String,
    },
}

/// Grants all wishes, or says of each that cannot be granted why.
///
/// The lock comes first, where it has a version that the pin lets through. Otherwise the highest matching version wins, pre-releases only
/// where they are named exactly.
///
/// # Errors
/// Every conflict, in the order of the wishes.
pub fn resolve(
    wishes: &[Wish<'_>],
    installed: &[Installed],
    locking: Locking<'_>,
) -> Result<Vec<Resolved>, Vec<Conflict>> {
    let mut granted = Vec::with_capacity(wishes.len());
    let mut conflicts = Vec::new();
    for (number, wish) in wishes.iter().enumerate() {
        match grant(number, *wish, installed, locking) {
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

/// An installed version that has the wanted type.
struct Offer<'a> {
    installed: &'a Installed,
    index: usize,
}

impl Offer<'_> {
    fn name(&self) -> (&PluginId, &Version) {
        (&self.installed.descriptor.id, self.version())
    }

    fn version(&self) -> &Version {
        &self.installed.descriptor.version
    }

    fn resolved(&self) -> Resolved {
        Resolved {
            plugin: Arc::clone(&self.installed.descriptor),
            index: self.index,
        }
    }
}

/// Grants a single wish; `number` goes into the conflict.
///
/// # Errors
/// See [`Conflict`].
pub fn grant(
    number: usize,
    wish: Wish<'_>,
    installed: &[Installed],
    locking: Locking<'_>,
) -> Result<Resolved, Conflict> {
    let mut offers: Vec<Offer<'_>> = installed
        .iter()
        .filter_map(|installed| {
            let index = installed.descriptor.task_type_index(wish.task_type)?;
            Some(Offer { installed, index })
        })
        .collect();
    offers.sort_by(|left, right| left.name().cmp(&right.name()));
    let Some(first) = offers.first() else {
        return Err(Conflict::UnknownType { wish: number });
    };
    let plugin = &first.installed.descriptor.id;
    if offers
        .iter()
        .any(|offer| offer.installed.descriptor.id != *plugin)
    {
        return Err(ambiguous(number, &offers));
    }
    let lets_through = |version: &Version| match wish.pin {
        Some(pin) => pin.matches(version),
        None => version.pre.is_empty(),
    };
    let oldest = wish.pin.is_some_and(VersionPin::wants_oldest);
    if let Some(locked) = locking.lock.and_then(|lock| {
        let mut matching = lock
            .of(plugin)
            .filter(|locked| lets_through(&locked.version));
        if oldest {
            matching.next()
        } else {
            matching.next_back()
        }
    }) {
        let Some(offer) = offers
            .iter()
            .find(|offer| *offer.version() == locked.version)
        else {
            return Err(Conflict::LockedAbsent {
                wish: number,
                plugin: plugin.clone(),
                locked: locked.version.clone(),
                source: locked.source.clone(),
                installed: versions(&offers),
            });
        };
        return match &offer.installed.digest {
            Some(digest) if **digest != *locked.digest => Err(Conflict::Changed {
                wish: number,
                plugin: plugin.clone(),
                version: locked.version.clone(),
                locked: locked.digest.clone(),
                installed: digest.to_string(),
            }),
            _ => Ok(offer.resolved()),
        };
    }
    let chosen = choose(number, plugin, &offers, lets_through, oldest);
    if locking.strict {
        return Err(Conflict::NotLocked {
            wish: number,
            locked: locking
                .lock
                .into_iter()
                .flat_map(|lock| lock.of(plugin))
                .map(|locked| locked.version.clone())
                .collect(),
            plugin: plugin.clone(),
            otherwise: chosen.ok().map(|resolved| resolved.plugin.version.clone()),
        });
    }
    chosen
}

/// The highest, or lowest, of the offers that are let through.
fn choose(
    number: usize,
    plugin: &PluginId,
    offers: &[Offer<'_>],
    lets_through: impl Fn(&Version) -> bool,
    oldest: bool,
) -> Result<Resolved, Conflict> {
    let mut matching = offers.iter().filter(|offer| lets_through(offer.version()));
    let chosen = if oldest {
        matching.next()
    } else {
        matching.next_back()
    };
    let Some(chosen) = chosen else {
        return Err(Conflict::Unsatisfied {
            wish: number,
            plugin: plugin.clone(),
            installed: versions(offers),
        });
    };
    let same: Vec<&Offer<'_>> = offers
        .iter()
        .filter(|offer| {
            lets_through(offer.version())
                && offer.version().cmp_precedence(chosen.version()).is_eq()
        })
        .collect();
    if same.len() > 1 {
        return Err(ambiguous(number, same));
    }
    Ok(chosen.resolved())
}

fn versions(offers: &[Offer<'_>]) -> Vec<Version> {
    offers.iter().map(|offer| offer.version().clone()).collect()
}

fn ambiguous<'a>(wish: usize, offers: impl IntoIterator<Item = &'a Offer<'a>>) -> Conflict {
    Conflict::Ambiguous {
        wish,
        offers: offers
            .into_iter()
            .map(|offer| {
                let descriptor = &offer.installed.descriptor;
                format!("{} {}", descriptor.id, descriptor.version)
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plugin(id: &str, version: &str, task_type: &str) -> Installed {
        let descriptor: Descriptor = serde_json::from_value(json!({
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
        .expect("a descriptor");
        Installed {
            descriptor: Arc::new(descriptor),
            digest: Some(digest(version).into()),
        }
    }

    fn digest(version: &str) -> String {
        format!("{:0>64}", version.len())
    }

    /// The outcome in a few words.
    fn outcome(granted: Result<Resolved, Conflict>) -> String {
        let listed = |versions: &[Version]| {
            versions
                .iter()
                .map(Version::to_string)
                .collect::<Vec<_>>()
                .join(",")
        };
        match granted {
            Ok(resolved) => resolved.plugin.version.to_string(),
            Err(Conflict::UnknownType { .. }) => "unknown".to_owned(),
            Err(Conflict::Unsatisfied { installed, .. }) => listed(&installed),
            Err(Conflict::Ambiguous { offers, .. }) => offers.join(","),
            Err(Conflict::NotLocked {
                locked, otherwise, ..
            }) => format!(
                "not locked: {}; otherwise {}",
                listed(&locked),
                otherwise.map_or("none".to_owned(), |version| version.to_string())
            ),
            Err(Conflict::LockedAbsent {
                locked, installed, ..
            }) => format!("absent: {locked}; {}", listed(&installed)),
            Err(Conflict::Changed { version, .. }) => format!("changed: {version}"),
        }
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
            let found = outcome(grant(0, wish, &installed, Locking::default()));
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
        let conflicts = resolve(&wishes, &installed, Locking::default()).expect_err("conflicts");
        assert_eq!(conflicts.len(), 2, "{conflicts:?}");
    }

    #[test]
    fn the_lock_comes_first_where_the_pin_lets_it() {
        let installed = [
            plugin("shell", "1.0.0", "a.Script"),
            plugin("shell", "1.2.0", "a.Script"),
            plugin("shell", "1.10.1", "a.Script"),
            plugin("shell", "2.0.0-rc.1", "a.Script"),
        ];
        let lock_of = |versions: &[&str]| {
            let mut lock = Lock::default();
            for version in versions {
                let (version, digest) = match version.strip_suffix('!') {
                    Some(version) => (version, "f".repeat(64)),
                    None => (*version, digest(version)),
                };
                lock.insert(crate::lock::Locked {
                    id: PluginId::new("shell").expect("an id"),
                    version: version.parse().expect(version),
                    digest,
                    api: "0.1".to_owned(),
                    source: None,
                });
            }
            lock
        };
        let check = |locked: &[&str], pin: Option<&str>, lenient: &str, strict: &str| {
            let pin = pin.map(|pin| VersionPin::parse(pin).expect(pin));
            let wish = Wish {
                task_type: "a.Script",
                pin: pin.as_ref(),
            };
            let lock = lock_of(locked);
            for (strict, expected) in [(false, lenient), (true, strict)] {
                let locking = Locking {
                    lock: Some(&lock),
                    strict,
                };
                let found = outcome(grant(0, wish, &installed, locking));
                assert_eq!(found, expected, "{locked:?} {pin:?} strict {strict}");
            }
        };
        check(&["1.0.0"], None, "1.0.0", "1.0.0");
        check(&["1.0.0"], Some("1"), "1.0.0", "1.0.0");
        check(&["1.0.0"], Some("latest"), "1.0.0", "1.0.0");
        check(&["1.0.0", "1.2.0"], Some("1"), "1.2.0", "1.2.0");
        check(&["1.0.0", "1.2.0"], Some("1.0"), "1.0.0", "1.0.0");
        check(&["1.2.0", "1.10.1"], Some("oldest"), "1.2.0", "1.2.0");
        check(
            &["1.0.0"],
            Some("1.2"),
            "1.2.0",
            "not locked: 1.0.0; otherwise 1.2.0",
        );
        check(&[], None, "1.10.1", "not locked: ; otherwise 1.10.1");
        check(
            &[],
            Some("3"),
            "1.0.0,1.2.0,1.10.1,2.0.0-rc.1",
            "not locked: ; otherwise none",
        );
        let absent = "absent: 1.1.0; 1.0.0,1.2.0,1.10.1,2.0.0-rc.1";
        check(&["1.1.0"], Some("1"), absent, absent);
        check(&["1.2.0!"], None, "changed: 1.2.0", "changed: 1.2.0");
        // What is locked for another pin does not matter, and a pre-release is not taken for a release.
        check(
            &["1.2.0!"],
            Some("1.10"),
            "1.10.1",
            "not locked: 1.2.0; otherwise 1.10.1",
        );
        check(
            &["2.0.0-rc.1"],
            None,
            "1.10.1",
            "not locked: 2.0.0-rc.1; otherwise 1.10.1",
        );
        check(
            &["2.0.0-rc.1"],
            Some("2.0.0-rc.1"),
            "2.0.0-rc.1",
            "2.0.0-rc.1",
        );
    }
}
