//! Devices of the engine's machine: handed in, asked for, and slowed down.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::pairs::Pairs;
use super::scalar::{Item, Scalar, list, lists, maybe, scalar_type};
use super::size::Size;

/// A device that the container gets: `host[:container[:permissions]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its path on the engine's machine.
    pub host: String,
    /// Its path in the container.
    pub container: String,
    /// What may be done with it, of `r`, `w` and `m`.
    pub permissions: String,
}

impl Scalar for Device {
    const WHAT: &'static str = "a device as `host[:container[:permissions]]`, for example `/dev/fuse` or `/dev/sda:/dev/xvda:r`";

    fn read(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let is_access = |text: &str| {
            !text.is_empty() && text.len() <= 3 && text.chars().all(|letter| "rwm".contains(letter))
        };
        let (host, container, permissions) = match parts.as_slice() {
            [host] => (*host, *host, "rwm"),
            [host, access] if is_access(access) => (*host, *host, *access),
            [host, container] => (*host, *container, "rwm"),
            [host, container, access] if is_access(access) => (*host, *container, *access),
            [_, _, access] => {
                return Err(format!(
                    "has the permissions `{access}`; they are made of `r`, `w` and `m`"
                ));
            }
            _ => return Err(String::new()),
        };
        if !host.starts_with('/') || !container.starts_with('/') {
            return Err(String::new());
        }
        Ok(Device {
            host: host.to_owned(),
            container: container.to_owned(),
            permissions: permissions.to_owned(),
        })
    }
}

scalar_type!(
    Device,
    "string",
    "^/[^:]*(:/[^:]*)?(:[rwm]{1,3})?$",
    "Write host[:container[:permissions]], for example /dev/fuse.",
    ["/dev/fuse", "/dev/sda:/dev/xvda:r"]
);

/// Which devices the container may use or make: `c 10:229 rwm`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRule(String);

impl DeviceRule {
    /// The rule as the engine's interface has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Scalar for DeviceRule {
    const WHAT: &'static str =
        "a rule of kind, numbers and permissions such as `c 10:229 rwm` or `b 8:* r`";

    fn read(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(' ').collect();
        let number = |text: &str| {
            text == "*" || (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        };
        match parts.as_slice() {
            [kind, numbers, access]
                if ["a", "b", "c"].contains(kind)
                    && numbers
                        .split_once(':')
                        .is_some_and(|(major, minor)| number(major) && number(minor))
                    && (1..=3).contains(&access.len())
                    && access.chars().all(|letter| "rwm".contains(letter)) =>
            {
                Ok(DeviceRule(text.to_owned()))
            }
            _ => Err(String::new()),
        }
    }
}

scalar_type!(
    DeviceRule,
    "string",
    "^[abc] ([0-9]+|[*]):([0-9]+|[*]) [rwm]{1,3}$",
    "Write kind, numbers and permissions, for example c 10:229 rwm.",
    ["c 10:229 rwm"]
);

/// One request
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeviceRequest {
    /// Name of the driver, for example `nvidia`; any that has the capabilities where absent
    #[serde(default, deserialize_with = "maybe")]
    pub driver: Option<String>,
    /// How many devices; `-1` is all
    #[serde(default)]
    pub count: Option<DeviceCount>,
    /// Identifiers of devices, in place of `count`
    #[serde(default, deserialize_with = "list")]
    pub device_ids: Vec<String>,
    /// Capabilities that the driver must have: any of these lists, all in it
    #[serde(default, deserialize_with = "lists")]
    #[schemars(example = [["gpu"]])]
    pub capabilities: Vec<Vec<String>>,
    /// Options for the driver, handed on as they are
    #[serde(default)]
    pub options: Pairs<'='>,
}

/// How many devices are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceCount(i64);

impl DeviceCount {
    /// The number as the engine's interface has it; -1 is all.
    pub fn value(self) -> i64 {
        self.0
    }
}

impl Scalar for DeviceCount {
    const WHAT: &'static str = "a number of devices, or `-1` for all";

    fn read(text: &str) -> Result<Self, String> {
        match i64::read(text) {
            Ok(count) if count >= -1 => Ok(DeviceCount(count)),
            _ if text == "all" => Ok(DeviceCount(-1)),
            _ => Err(String::new()),
        }
    }
}

scalar_type!(
    DeviceCount,
    ["integer", "string"],
    r"^\s*(-1|[0-9]+|all)\s*$",
    "Write a number of devices, or -1 for all.",
    [1, -1]
);

/// A limit of one block device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerDevice<T> {
    /// Path of the device.
    pub path: String,
    /// The limit.
    pub limit: T,
}

/// A limit that stands behind a device's path.
pub(super) trait DeviceLimit: Scalar {
    /// The key of the map form.
    const KEY: &'static str;
    /// Pattern of the text form.
    const PATTERN: &'static str;
    /// Text form for messages.
    const EXAMPLE: &'static str;
    /// What the key of the map form says.
    const DESCRIPTION: &'static str;
}

/// How many bytes a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BytesPerSecond(pub Size);

impl Scalar for BytesPerSecond {
    const WHAT: &'static str = "a size such as `2MB`";

    fn read(text: &str) -> Result<Self, String> {
        Size::read(text).map(BytesPerSecond)
    }
}

impl DeviceLimit for BytesPerSecond {
    const KEY: &'static str = "rate";
    const PATTERN: &'static str = r"^/[^:]*:[0-9]+([.][0-9]+)?\s*([kKmMgGtTpP]([iI]?[bB])?|[bB])?$";
    const EXAMPLE: &'static str = "/dev/sda:2MB";
    const DESCRIPTION: &'static str = "Bytes a second, for example `2MB`";
}

/// How many operations a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperationsPerSecond(pub i64);

impl Scalar for OperationsPerSecond {
    const WHAT: &'static str = "a whole number that is not negative";

    fn read(text: &str) -> Result<Self, String> {
        match i64::read(text) {
            Ok(count) if count >= 0 => Ok(OperationsPerSecond(count)),
            _ => Err(String::new()),
        }
    }
}

impl DeviceLimit for OperationsPerSecond {
    const KEY: &'static str = "rate";
    const PATTERN: &'static str = "^/[^:]*:[0-9]+$";
    const EXAMPLE: &'static str = "/dev/sda:1000";
    const DESCRIPTION: &'static str = "Operations a second";
}

/// A share of the time of block devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockWeight(pub u16);

impl Scalar for BlockWeight {
    const WHAT: &'static str = "a whole number from 10 to 1000";

    fn read(text: &str) -> Result<Self, String> {
        match i64::read(text).map(u16::try_from) {
            Ok(Ok(weight)) if (10..=1000).contains(&weight) => Ok(BlockWeight(weight)),
            _ => Err(String::new()),
        }
    }
}

scalar_type!(
    BlockWeight,
    ["integer", "string"],
    r"^\s*([1-9][0-9]{1,2}|1000)\s*$",
    "Write a whole number from 10 to 1000.",
    [500]
);

impl DeviceLimit for BlockWeight {
    const KEY: &'static str = "weight";
    const PATTERN: &'static str = "^/[^:]*:[0-9]+$";
    const EXAMPLE: &'static str = "/dev/sda:500";
    const DESCRIPTION: &'static str = "Weight from 10 to 1000";
}

struct PerDeviceVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: DeviceLimit> Visitor<'de> for PerDeviceVisitor<T> {
    type Value = PerDevice<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "a device and its limit, `{}`, or a map of `path` and `{}`",
            T::EXAMPLE,
            T::KEY
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        let wrong = || {
            E::custom(format!(
                "must be a device and its limit such as `{}`, not `{text}`",
                T::EXAMPLE
            ))
        };
        let (path, limit) = text.rsplit_once(':').ok_or_else(wrong)?;
        if !path.starts_with('/') {
            return Err(wrong());
        }
        let limit = T::read(limit).map_err(|_| {
            E::custom(format!(
                "must be a device and its limit such as `{}`, not `{text}`: the limit is {}",
                T::EXAMPLE,
                T::WHAT
            ))
        })?;
        Ok(PerDevice {
            path: path.to_owned(),
            limit,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut path, mut limit) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            if key == "path" {
                let text = map.next_value::<Item<String>>()?.0;
                if !text.starts_with('/') {
                    return Err(de::Error::custom(format!(
                        "has the path `{text}`, which is not absolute"
                    )));
                }
                path = Some(text);
            } else if key == T::KEY {
                limit = Some(map.next_value::<Item<T>>()?.0);
            } else {
                return Err(de::Error::custom(format!(
                    "has no key `{key}`; its keys are `path` and `{}`",
                    T::KEY
                )));
            }
        }
        match (path, limit) {
            (Some(path), Some(limit)) => Ok(PerDevice { path, limit }),
            (None, _) => Err(de::Error::custom("needs the key `path`")),
            _ => Err(de::Error::custom(format!("needs the key `{}`", T::KEY))),
        }
    }
}

impl<'de, T: DeviceLimit> Deserialize<'de> for PerDevice<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PerDeviceVisitor(std::marker::PhantomData))
    }
}

impl<T: DeviceLimit> JsonSchema for PerDevice<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PerDevice".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [
                {
                    "type": "string",
                    "pattern": T::PATTERN,
                    "patternErrorMessage": format!("Write a device and its limit, for example {}.", T::EXAMPLE),
                    "x-what": format!("a device and its limit such as `{}`", T::EXAMPLE),
                    "examples": [T::EXAMPLE],
                },
                {
                    "type": "object",
                    "properties": {
                        "path": { "type": "string", "description": "Absolute path of the device" },
                        (T::KEY): { "type": ["string", "number"], "description": T::DESCRIPTION },
                    },
                    "required": ["path", T::KEY],
                    "additionalProperties": false,
                },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn devices_are_read_in_all_forms() {
        let check = |text: &str, expected: Option<[&str; 3]>| {
            let found = Device::read(text).ok();
            let found = found
                .as_ref()
                .map(|device| [&*device.host, &*device.container, &*device.permissions]);
            assert_eq!(found, expected, "{text}");
        };
        check("/dev/fuse", Some(["/dev/fuse", "/dev/fuse", "rwm"]));
        check("/dev/a:/dev/b", Some(["/dev/a", "/dev/b", "rwm"]));
        check("/dev/a:r", Some(["/dev/a", "/dev/a", "r"]));
        check("/dev/a:/dev/b:rw", Some(["/dev/a", "/dev/b", "rw"]));
        check("/dev/a:/dev/b:x", None);
        check("dev/a", None);
        check("/dev/a:b", None);
        check("", None);
        check("/a:/b:r:w", None);
    }

    #[test]
    fn rules_have_three_parts() {
        for good in ["c 10:229 rwm", "b 8:* r", "a *:* rwm"] {
            assert!(DeviceRule::read(good).is_ok(), "{good}");
        }
        for wrong in [
            "",
            "c 10:229",
            "d 1:1 r",
            "c 1 r",
            "c 1:1 x",
            "c 1:1  r",
            "c 1:1 rwmr",
        ] {
            assert!(DeviceRule::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn limits_are_read_in_both_forms() {
        let check = |value: Value, expected: Result<(&str, u64), &str>| {
            let found: Result<PerDevice<BytesPerSecond>, _> = serde_json::from_value(value.clone());
            match (found, expected) {
                (Ok(found), Ok((path, bytes))) => {
                    assert_eq!(
                        (&*found.path, found.limit.0.bytes()),
                        (path, bytes),
                        "{value}"
                    );
                }
                (Err(error), Err(part)) => {
                    assert!(error.to_string().contains(part), "{value}: {error}");
                }
                (found, _) => panic!("{value}: {found:?}"),
            }
        };
        check(json!("/dev/sda:2MB"), Ok(("/dev/sda", 2 * 1024 * 1024)));
        check(
            json!({"path": "/dev/sda", "rate": "1k"}),
            Ok(("/dev/sda", 1024)),
        );
        check(
            json!({"path": "/dev/sda", "rate": 1024}),
            Ok(("/dev/sda", 1024)),
        );
        check(json!("/dev/sda"), Err("such as `/dev/sda:2MB`"));
        check(json!("sda:1"), Err("such as"));
        check(
            json!("/dev/sda:fast"),
            Err("not `/dev/sda:fast`: the limit is a size"),
        );
        check(json!({"path": "/dev/sda"}), Err("needs the key `rate`"));
        check(json!({"rate": 1}), Err("needs the key `path`"));
        check(json!({"path": "sda", "rate": 1}), Err("not absolute"));
        check(
            json!({"path": "/dev/sda", "speed": 1}),
            Err("no key `speed`"),
        );
        check(json!([1]), Err("a device and its limit"));
    }
}
