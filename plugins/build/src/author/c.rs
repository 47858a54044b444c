//! C: clang, or zig, for WebAssembly with a C library.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, iter};

use super::build::Order;
use super::tools::{Missing, Trouble, failed, find, into_venv, run, say};
use super::wrap;

/// The package of PyPI that brings a C compiler and a C library along.
const PACKAGE: &str = "ziglang==0.17.0";
/// Where Debian keeps the C library for WebAssembly.
const LIBRARY: &str = "/usr/include/wasm32-wasi/stdlib.h";

/// A C compiler and what it is told to compile for WebAssembly.
struct Compiler {
    name: &'static str,
    program: PathBuf,
    arguments: &'static [&'static str],
}

pub(super) fn build(order: &Order<'_>) -> Result<(Vec<u8>, String), Trouble> {
    let Some(compiler) = compiler(order.folder) else {
        return Err(Trouble::Missing(Missing {
            tool: "a C compiler for WebAssembly with a C library".to_owned(),
            ways: "on Debian: `apt install clang lld wasi-libc`; with pip: `pip install ziglang`; or the WASI SDK, its folder in WASI_SDK_PATH",
            commands: into_venv(order.folder, PACKAGE),
        }));
    };
    let build = order.folder.join("build");
    let header = build.join("descriptor.h");
    fs::write(&header, literal(order.descriptor))
        .map_err(|error| failed(format!("cannot write `{}`: {error}", header.display())))?;
    let mut sources: Vec<PathBuf> = fs::read_dir(order.folder)
        .map_err(|error| failed(format!("cannot list `{}`: {error}", order.folder.display())))?
        .filter_map(|entry| Some(PathBuf::from(entry.ok()?.file_name())))
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    sources.sort();
    let out = build.join("core.wasm");
    run(Command::new(&compiler.program)
        .current_dir(order.folder)
        .args(compiler.arguments)
        .args([
            "-Os",
            "-Wall",
            "-mexec-model=reactor",
            "-Ibuild",
            "-Wl,--strip-all",
            "-o",
        ])
        .arg(&out)
        .args(&sources))?;
    let module = fs::read(&out)
        .map_err(|error| failed(format!("cannot read `{}`: {error}", out.display())))?;
    let _ = fs::remove_file(&out);
    Ok((wrap::wrap(module)?, compiler.name.to_owned()))
}

/// The first compiler that there is: the WASI SDK's, zig in the project's environment, clang with Debian's library, any other zig.
fn compiler(folder: &Path) -> Option<Compiler> {
    if let Some(sdk) = env::var_os("WASI_SDK_PATH") {
        return Some(Compiler {
            name: "clang of the WASI SDK",
            program: PathBuf::from(sdk).join("bin/clang"),
            arguments: &["--target=wasm32-wasip1"],
        });
    }
    let zig = |program: PathBuf| Compiler {
        name: "zig",
        program,
        arguments: &["cc", "-target", "wasm32-wasi"],
    };
    let own = folder.join(".venv/bin/python-zig");
    if own.is_file() {
        return Some(zig(own));
    }
    let names = iter::once("clang".to_owned())
        .chain((14..40).rev().map(|version| format!("clang-{version}")));
    let linked = |program: &PathBuf| {
        // A clang without its linker for WebAssembly answers with the bare name.
        say(
            program,
            &["--target=wasm32-wasi", "-print-prog-name=wasm-ld"],
        )
        .is_some_and(|linker| Path::new(&linker).is_absolute())
    };
    let clang = names.filter_map(|name| find(folder, &name)).find(linked);
    match clang.filter(|_| Path::new(LIBRARY).is_file()) {
        Some(program) => Some(Compiler {
            name: "clang",
            program,
            // The compiler's own run-time library is a package of its own, and nothing here needs it.
            arguments: &["--target=wasm32-wasi", "-nodefaultlibs", "-lc"],
        }),
        None => find(folder, "zig").map(zig),
    }
}

/// A text as a constant of C.
fn literal(text: &str) -> String {
    let mut code =
        String::from("/* The text of descriptor.json. */\nstatic const char DESCRIPTOR[] =\n");
    for line in text.split_inclusive('\n') {
        code.push_str("  \"");
        for byte in line.bytes() {
            match byte {
                b'\n' => code.push_str("\\n"),
                b'"' | b'\\' => code.extend(['\\', char::from(byte)]),
                // Octal: a hexadecimal escape would go on into the next character. `?` for fear of trigraphs.
                0..0x20 | b'?' | 0x7f.. => code.push_str(&format!("\\{byte:03o}")),
                _ => code.push(char::from(byte)),
            }
        }
        code.push_str("\"\n");
    }
    code.push_str("  ;\n");
    code
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn any_text_is_a_constant() {
        let code = literal("{\n \"é?\"\\\n}");
        let expected = "static const char DESCRIPTOR[] =\n  \"{\\n\"\n  \" \\\"\\303\\251\\077\\\"\\\\\\n\"\n  \"}\"\n  ;\n";
        assert!(code.ends_with(expected), "{code}");
    }
}
