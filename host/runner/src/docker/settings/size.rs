//! Amounts of memory: numbers with units that count in 1024s.

use std::fmt;

use super::scalar::{Scalar, scalar_type};

/// An amount of memory in bytes.
///
/// A number and a unit, in letters of any case: nothing or `B` is bytes, `K`, `KB` and `KiB` are 1024 of them, and so on with `M`, `G`,
/// `T` and `P`. Decimals are allowed, and what is less than a byte is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl Size {
    /// The number of bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }

    /// The number of bytes as the engine's interface has it. [`Size`] holds nothing larger.
    pub fn as_i64(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

impl fmt::Display for Size {
    /// In the largest unit in which it is a whole number: `512 MiB`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
        let mut count = self.0;
        let mut unit = 0;
        while count != 0 && count.is_multiple_of(1024) && unit + 1 < units.len() {
            count /= 1024;
            unit += 1;
        }
        write!(formatter, "{count} {}", units[unit])
    }
}

impl Scalar for Size {
    const WHAT: &'static str = "a size such as `512MB`, `0.5GB` or a number of bytes";

    fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let end = text
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let power = match unit.trim_start().to_ascii_lowercase().as_str() {
            "" | "b" => 0,
            "k" | "kb" | "kib" => 1,
            "m" | "mb" | "mib" => 2,
            "g" | "gb" | "gib" => 3,
            "t" | "tb" | "tib" => 4,
            "p" | "pb" | "pib" => 5,
            _ => return Err(String::new()),
        };
        let bytes = decimal(number, 1024_u128.pow(power)).ok_or_else(String::new)?;
        match u64::try_from(bytes) {
            Ok(bytes) if i64::try_from(bytes).is_ok() => Ok(Size(bytes)),
            _ => Err(format!("is more than any machine has: `{text}`")),
        }
    }
}

scalar_type!(
    Size,
    ["string", "number"],
    r"^\s*[0-9]+([.][0-9]+)?\s*([kKmMgGtTpP]([iI]?[bB])?|[bB])?\s*$",
    "Write a size as a number and a unit: 512MB, 0.5GB. Units count in 1024s.",
    ["512MB", "0.5GB"]
);

/// Reads a decimal number without sign or exponent, times a factor; what is left of the fraction is dropped.
pub(super) fn decimal(text: &str, factor: u128) -> Option<u128> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None => (text, "0"),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    // More digits than these say nothing about a byte or a billionth.
    let fraction = &fraction[..fraction.len().min(18)];
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let whole = whole.parse::<u128>().ok()?.checked_mul(factor)?;
    let part = fraction.parse::<u128>().ok()?.checked_mul(factor)? / scale;
    whole.checked_add(part)
}

/// Memory and swap together: a size, or all the swap that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwapSize {
    /// As much swap as the host has: `-1`.
    Unlimited,
    /// So much, memory included.
    Total(Size),
}

impl SwapSize {
    /// As the engine's interface has it.
    pub fn as_i64(self) -> i64 {
        match self {
            SwapSize::Unlimited => -1,
            SwapSize::Total(size) => size.as_i64(),
        }
    }
}

impl Scalar for SwapSize {
    const WHAT: &'static str = "a size such as `1GB`, or `-1` for all the swap of the host";

    fn read(text: &str) -> Result<Self, String> {
        if text.trim() == "-1" {
            return Ok(SwapSize::Unlimited);
        }
        Size::read(text).map(SwapSize::Total)
    }
}

scalar_type!(
    SwapSize,
    ["string", "number"],
    r"^\s*(-1|[0-9]+([.][0-9]+)?\s*([kKmMgGtTpP]([iI]?[bB])?|[bB])?)\s*$",
    "Write a size as a number and a unit: 1GB; -1 is all the swap of the host.",
    ["1GB", "-1"]
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_count_in_1024s() {
        let mega = 1024 * 1024;
        let check = |text: &str, bytes: Option<u64>| {
            assert_eq!(Size::read(text).ok().map(Size::bytes), bytes, "{text:?}");
        };
        check("512MB", Some(512 * mega));
        check("512Mb", Some(512 * mega));
        check("512mb", Some(512 * mega));
        check("512m", Some(512 * mega));
        check("512MiB", Some(512 * mega));
        check("512 MB", Some(512 * mega));
        check("0.5GB", Some(512 * mega));
        check("512000KB", Some(512_000 * 1024));
        check("524288KB", Some(512 * mega));
        check("1.5k", Some(1536));
        check("100000b", Some(100_000));
        check("100000", Some(100_000));
        check("1.9", Some(1));
        check("0.000000000000000000001g", Some(0));
        check("1t", Some(1024 * 1024 * mega));
        check("7pib", Some(7 * 1024 * 1024 * 1024 * mega));
        for wrong in [
            "",
            "MB",
            "12 parsecs",
            "-1",
            "+1",
            "1e3",
            "1,5GB",
            "1.GB",
            ".5GB",
            "0x10",
            "1 2",
            "NaN",
            "9223372036854775808",
            "99999999999999999999999999999999999999999999",
            "10000000p",
            "1ib",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn sizes_are_shown_in_whole_numbers() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Size::read(text).unwrap().to_string(), expected);
        };
        check("512MB", "512 MiB");
        check("0.5GB", "512 MiB");
        check("1025", "1025 bytes");
        check("2048k", "2 MiB");
        check("0", "0 bytes");
    }

    #[test]
    fn all_swap_is_minus_one() {
        assert_eq!(SwapSize::read("-1"), Ok(SwapSize::Unlimited));
        assert_eq!(SwapSize::read("1k").map(SwapSize::as_i64), Ok(1024));
        assert!(SwapSize::read("-2").is_err());
    }
}
