//! Ports that are published: `[[ip:]host:]container[/protocol]`.

use std::fmt;
use std::net::IpAddr;

use super::scalar::{Scalar, scalar_type};

/// What one entry of `portBindings` publishes: one port of the container, or a range of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports {
    /// The bindings in the order of the container's ports; never empty.
    pub bindings: Vec<PortBinding>,
    text: String,
}

/// One published port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortBinding {
    /// The address of the host that it is published on; all where absent.
    pub address: Option<IpAddr>,
    /// The port of the host, or a range of which the engine takes a free one; the engine chooses where absent.
    pub host: Option<String>,
    /// The port of the container.
    pub container: u16,
    /// How it is spoken to.
    pub protocol: Protocol,
}

/// What a port speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// TCP, the default.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        })
    }
}

impl fmt::Display for Ports {
    /// As it was written.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl PortBinding {
    /// The container's port as the engine's interface names it: `80/tcp`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.container, self.protocol)
    }
}

impl Scalar for Ports {
    const WHAT: &'static str = "ports as `[ip:]host:container[/protocol]`, for example `8080:80`, `127.0.0.1:8080:80/udp` or `3000-3002:3000-3002`";

    fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (rest, protocol) = match text.split_once('/') {
            Some((rest, protocol)) => (rest, protocol),
            None => (text, "tcp"),
        };
        let protocol = match protocol.to_ascii_lowercase().as_str() {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            "sctp" => Protocol::Sctp,
            other => {
                return Err(format!(
                    "has the protocol `{other}` in `{text}`; allowed are tcp, udp and sctp"
                ));
            }
        };
        let (rest, container) = rest.rsplit_once(':').unwrap_or(("", rest));
        let (address, host) = match rest.strip_prefix('[') {
            Some(bracketed) => {
                let (address, host) = bracketed.split_once(']').ok_or_else(String::new)?;
                (address, host.strip_prefix(':').unwrap_or(host))
            }
            None => rest.rsplit_once(':').unwrap_or(("", rest)),
        };
        let address = match address {
            "" => None,
            text => Some(text.parse::<IpAddr>().map_err(|_| {
                format!("has `{text}` where an IP address of the host is expected")
            })?),
        };
        let (first, last) = range(container, text)?;
        let hosts = match host {
            "" => None,
            host => Some(range(host, text)?),
        };
        let many = last > first;
        let bindings = (first..=last).map(|container| {
            let host = hosts.map(|(from, to)| match (many, from == to) {
                (true, _) => (from + (container - first)).to_string(),
                (false, true) => from.to_string(),
                (false, false) => format!("{from}-{to}"),
            });
            PortBinding {
                address,
                host,
                container,
                protocol,
            }
        });
        if let Some((from, to)) = hosts
            && many
            && to - from != last - first
        {
            return Err(format!("has ranges of different lengths: `{text}`"));
        }
        Ok(Ports {
            bindings: bindings.collect(),
            text: text.to_owned(),
        })
    }
}

fn range(text: &str, whole: &str) -> Result<(u16, u16), String> {
    let port = |text: &str| match text.parse::<u16>() {
        Ok(port) if port > 0 && !text.starts_with('+') => Ok(port),
        _ if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => Err(format!(
            "has the port {text} in `{whole}`; ports go from 1 to 65535"
        )),
        _ => Err(String::new()),
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (port(first)?, port(last)?);
    if first > last {
        return Err(format!("has a range that goes down: `{whole}`"));
    }
    Ok((first, last))
}

scalar_type!(
    Ports,
    ["string", "integer"],
    r"^\s*((\[[0-9a-fA-F:.]+\]|[0-9.]+):)?([0-9]+(-[0-9]+)?)?:?[0-9]+(-[0-9]+)?(/[a-zA-Z]+)?\s*$",
    "Write ports as [ip:]host:container[/protocol], for example 8080:80 or 127.0.0.1:8080:80/udp.",
    ["8080:80", "127.0.0.1:8080:80/udp"]
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_as_users_of_the_engine_write_them() {
        let check = |text: &str, expected: &[(&str, &str, &str)]| {
            let ports = Ports::read(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            let found: Vec<(String, String, String)> = ports
                .bindings
                .iter()
                .map(|binding| {
                    let address = binding.address.map(|address| address.to_string());
                    (
                        address.unwrap_or_default(),
                        binding.host.clone().unwrap_or_default(),
                        binding.key(),
                    )
                })
                .collect();
            let found: Vec<(&str, &str, &str)> = found
                .iter()
                .map(|(address, host, key)| (address.as_str(), host.as_str(), key.as_str()))
                .collect();
            assert_eq!(found, expected, "{text}");
        };
        check("8080:80", &[("", "8080", "80/tcp")]);
        check("8080:80/udp", &[("", "8080", "80/udp")]);
        check("127.0.0.1:8080:80", &[("127.0.0.1", "8080", "80/tcp")]);
        check("127.0.0.1:8080:80/UDP", &[("127.0.0.1", "8080", "80/udp")]);
        check("127.0.0.1::80/sctp", &[("127.0.0.1", "", "80/sctp")]);
        check("[::1]:8080:80", &[("::1", "8080", "80/tcp")]);
        check("80", &[("", "", "80/tcp")]);
        check(":80", &[("", "", "80/tcp")]);
        check("9000-9010:80", &[("", "9000-9010", "80/tcp")]);
        check(
            "3000-3001:4000-4001",
            &[("", "3000", "4000/tcp"), ("", "3001", "4001/tcp")],
        );
        check("4000-4001", &[("", "", "4000/tcp"), ("", "", "4001/tcp")]);
    }

    #[test]
    fn wrong_ports_say_what_is_wrong() {
        let check = |text: &str, expected: &str| {
            let why = Ports::read(text).unwrap_err();
            assert!(why.contains(expected), "{text}: {why:?}");
        };
        check("", "");
        check("http", "");
        check("8080:", "");
        check("80:80:80:80", "where an IP address");
        check("[::1:80:80", "");
        check("localhost:80:80", "`localhost` where an IP address");
        check("0:80", "the port 0");
        check("65536:80", "the port 65536");
        check("80:70000", "the port 70000");
        check("80:80/http", "tcp, udp and sctp");
        check("82-80:80", "goes down");
        check("80-81:80-82", "different lengths");
        check("+80:80", "");
    }
}
