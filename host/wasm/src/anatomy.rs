//! Reads what a component is made of, wants and offers from its bytes alone; nothing is compiled or run here.

use wasmparser::{Encoding, Parser, Payload};

use crate::limits::TierLimits;
use crate::text::{bytes, harmless};

/// The names that a component imports and exports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Anatomy {
    /// Names of the imports, in the file's order.
    pub(crate) imports: Vec<String>,
    /// Names of the exports, in the file's order.
    pub(crate) exports: Vec<String>,
}

/// Why a file is not worth compiling.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AnatomyError {
    /// It is something else, or broken.
    #[error("it is not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// It is larger or more intricate than a plugin may be.
    #[error("it has {found}, and at most {most} are allowed for a component of {size}")]
    TooMuch {
        /// What there is too much of, with its number.
        found: String,
        /// The limit.
        most: String,
        /// Size of the file in words.
        size: String,
    },
}

impl Anatomy {
    /// Walks through the file and counts what the compiler would have to work on.
    pub(crate) fn read(component: &[u8], limits: &TierLimits) -> Result<Self, AnatomyError> {
        let not_a_component = |reason: &str| AnatomyError::NotAComponent(reason.to_owned());
        match component {
            [] => return Err(not_a_component("it is empty")),
            [0, b'a', b's', b'm', ..] => {}
            [0x7f, b'E', b'L', b'F', ..] => {
                return Err(not_a_component("it is a native program or library (ELF)"));
            }
            _ => return Err(not_a_component(without_magic(component))),
        }
        let mut counts = Counts::new(limits, component.len());
        let mut anatomy = Anatomy::default();
        // Whether each enclosing level, outermost first, is a component; a core module is a level too.
        let mut levels: Vec<Encoding> = Vec::new();
        for payload in Parser::new(0).parse_all(component) {
            let payload = payload.map_err(broken)?;
            match payload {
                Payload::Version { encoding, num, .. } => {
                    if levels.is_empty() && encoding == Encoding::Module {
                        return Err(not_a_component(
                            "it is a core module (version 1); wrap it with `taffrail-plugin-build` or `wasm-tools component new`",
                        ));
                    }
                    if encoding == Encoding::Component && num != 0xd {
                        return Err(AnatomyError::NotAComponent(format!(
                            "its binary format has number {num}, and 13 is wanted"
                        )));
                    }
                    levels.push(encoding);
                    counts.nesting(levels.len() - 1)?;
                }
                Payload::End(_) => {
                    levels.pop();
                }
                Payload::TypeSection(section) => counts.types(section.count())?,
                Payload::CoreTypeSection(section) => counts.types(section.count())?,
                Payload::ComponentTypeSection(section) => counts.types(section.count())?,
                Payload::CodeSectionStart { count, size, .. } => counts.code(count, size)?,
                Payload::CodeSectionEntry(body) => {
                    let range = body.range();
                    counts.body(range.end.saturating_sub(range.start))?;
                }
                Payload::ComponentImportSection(section) => {
                    counts.externs(section.count())?;
                    for import in section {
                        let import = import.map_err(broken)?;
                        if levels.len() == 1 {
                            anatomy.imports.push(import.name.name.to_owned());
                        }
                    }
                }
                Payload::ComponentExportSection(section) => {
                    counts.externs(section.count())?;
                    for export in section {
                        let export = export.map_err(broken)?;
                        if levels.len() == 1 {
                            anatomy.exports.push(export.name.name.to_owned());
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(anatomy)
    }
}

/// Says what a file without the magic number most likely is.
fn without_magic(file: &[u8]) -> &'static str {
    let start = file.get(..256).unwrap_or(file);
    let whole = match std::str::from_utf8(start) {
        Ok(_) => start.len(),
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(_) => 0,
    };
    let looks_like_text = whole > 0
        && String::from_utf8_lossy(&start[..whole])
            .chars()
            .all(|character| !character.is_control() || character.is_whitespace());
    match start.trim_ascii_start() {
        [b'(', ..] => {
            "it is WebAssembly in text form; turn it into the binary form with `wasm-tools parse`"
        }
        _ if looks_like_text => "it is a text file",
        _ => "it does not start with the magic number of WebAssembly",
    }
}

/// The parser's own words, which quote names from the file.
fn broken(error: wasmparser::BinaryReaderError) -> AnatomyError {
    AnatomyError::NotAComponent(if error.message().contains("unexpected end") {
        format!("it ends in the middle, at byte {}", error.offset())
    } else {
        format!("{} at byte {}", harmless(error.message()), error.offset())
    })
}

/// Sums over the whole file, each checked as it grows.
struct Counts<'a> {
    limits: &'a TierLimits,
    size: usize,
    functions: usize,
    code: usize,
    types: usize,
    externs: usize,
}

impl<'a> Counts<'a> {
    fn new(limits: &'a TierLimits, size: usize) -> Self {
        Self {
            limits,
            size,
            functions: 0,
            code: 0,
            types: 0,
            externs: 0,
        }
    }

    fn check(&self, found: usize, most: usize, what: &str) -> Result<(), AnatomyError> {
        if found <= most {
            return Ok(());
        }
        Err(AnatomyError::TooMuch {
            found: format!("{found} {what}"),
            most: most.to_string(),
            size: bytes(self.size as u64),
        })
    }

    fn nesting(&self, levels: usize) -> Result<(), AnatomyError> {
        self.check(
            levels,
            self.limits.nesting,
            "or more levels of components inside components",
        )
    }

    fn types(&mut self, count: u32) -> Result<(), AnatomyError> {
        self.types = self.types.saturating_add(count as usize);
        self.check(self.types, self.limits.types, "types")
    }

    fn externs(&mut self, count: u32) -> Result<(), AnatomyError> {
        self.externs = self.externs.saturating_add(count as usize);
        self.check(self.externs, self.limits.externs, "imports and exports")
    }

    fn code(&mut self, functions: u32, size: u32) -> Result<(), AnatomyError> {
        self.functions = self.functions.saturating_add(functions as usize);
        self.code = self.code.saturating_add(size as usize);
        self.check(self.functions, self.limits.functions, "functions")?;
        self.check(self.code, self.limits.code, "bytes of code")
    }

    fn body(&self, size: usize) -> Result<(), AnatomyError> {
        self.check(size, self.limits.body, "bytes of code in one function")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &[u8]) -> Result<Anatomy, String> {
        Anatomy::read(file, &TierLimits::standard()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_no_component_is_named() {
        let module = wat::parse_str("(module)").unwrap();
        let component = wat::parse_str("(component (core module (func)))").unwrap();
        for (file, reason) in [
            (&b""[..], "it is empty"),
            (b"\x7fELF\x02\x01\x01", "ELF"),
            (b"#!/bin/sh\necho", "it is a text file"),
            (b" (module)", "text form"),
            (b"\xff\xfe\x00\x01", "magic number"),
            (&module, "it is a core module"),
            (b"\0asm\x07\0\0\0", "unknown binary version"),
            (b"\0asm\x0c\0\x01\0", "unknown binary version"),
            (b"\0as", "magic number"),
            (b"\0asm\x0d\0", "it ends in the middle"),
            (&component[..component.len() - 1], "it ends in the middle"),
        ] {
            let error = read(file).expect_err(reason);
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn imports_and_exports_of_the_outermost_level() {
        let component = wat::parse_str(
            r#"(component
                (import "wasi:cli/exit@0.2.0" (instance))
                (component (import "inner" (func)))
                (instance $empty)
                (export "a:b/c@1.0.0" (instance $empty)))"#,
        )
        .unwrap();
        let anatomy = read(&component).unwrap();
        assert_eq!(anatomy.imports, ["wasi:cli/exit@0.2.0"]);
        assert_eq!(anatomy.exports, ["a:b/c@1.0.0"]);
    }

    #[test]
    fn bombs_are_refused_before_anything_is_compiled() {
        let nested = format!("{}{}", "(component ".repeat(60), ")".repeat(60));
        let functions = format!("(component (core module {}))", "(func)".repeat(20_001));
        let types = format!("(component {})", "(type (list u8))".repeat(5_001));
        let body = format!(
            "(component (core module (func {})))",
            "nop ".repeat(128 << 10)
        );
        let code = format!(
            "(component (core module {}))",
            format!("(func {})", "nop ".repeat(60_000)).repeat(70)
        );
        let names = format!(
            "(component {})",
            "(import \"a\" (func))".replace('a', &"a".repeat(100_001))
        );
        for (text, reason) in [
            (nested, "9 or more levels"),
            (functions, "20001 functions"),
            (types, "types"),
            (body, "131074 bytes of code in one function"),
            (code, "bytes of code"),
            (names, "string size out of bounds"),
        ] {
            let component = wat::parse_str(&text).unwrap();
            let error = read(&component).expect_err(reason);
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn every_cut_is_refused() {
        let component =
            wat::parse_str("(component (core module (func) (memory 1)) (type (list u8)))").unwrap();
        for length in 0..component.len() {
            // A cut at a section's border is a shorter component, which then lacks its exports.
            if let Ok(anatomy) = read(&component[..length]) {
                assert!(anatomy.exports.is_empty());
            }
        }
    }
}
