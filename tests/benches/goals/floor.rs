//! The floors: the least that a program could do to give the same result, as parts that this benchmark plays when it starts itself.

use std::io::{Read, Write};
use std::process::{Command, ExitCode, Stdio};

/// The length of a printed line with its end.
const LINE: usize = 64;

/// Plays one part.
pub fn play(part: &str, arguments: &[String]) -> ExitCode {
    let text = |index: usize| arguments.get(index).map(String::as_str).unwrap_or_default();
    let number = |index: usize| text(index).parse::<usize>().unwrap_or(1);
    let done = match part {
        "nothing" => Ok(()),
        "spawn" => spawn(number(0)),
        "print" => print(number(0)),
        "pass" => pass(text(0), text(1)),
        "records" => records(text(0), text(1)),
        "sleep" => sleep(),
        "container" => crate::container_floor::play(arguments),
        "validate" => validate(text(0), &arguments[1..]),
        _ => Err(std::io::Error::other("no such part")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{part}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One shell after another, its output read through a pipe.
fn spawn(count: usize) -> std::io::Result<()> {
    for _ in 0..count {
        shell_through_a_pipe()?;
    }
    Ok(())
}

/// One shell that says hello, its output read through a pipe.
pub fn shell_through_a_pipe() -> std::io::Result<()> {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "echo hello"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let mut printed = Vec::new();
    if let Some(mut pipe) = child.stdout.take() {
        pipe.read_to_end(&mut printed)?;
    }
    let ended = child.wait()?;
    match ended.success() && printed == b"hello\n" {
        true => Ok(()),
        false => Err(std::io::Error::other("the shell did not say hello")),
    }
}

/// Prints so many million bytes of short lines as fast as it goes.
fn print(megabytes: usize) -> std::io::Result<()> {
    let mut line = [b'x'; LINE];
    line[LINE - 1] = b'\n';
    let block = line.repeat(1024);
    let mut out = std::io::stdout().lock();
    let mut left = megabytes * 1_000_000;
    while left > 0 {
        let length = left.min(block.len());
        out.write_all(&block[..length])?;
        left -= length;
    }
    out.flush()
}

/// A child of this program that prints, with a large pipe.
fn printing(megabytes: &str) -> std::io::Result<(std::process::Child, std::process::ChildStdout)> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--floor=print", megabytes])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let pipe = child
        .stdout
        .take()
        .ok_or_else(|| std::io::Error::other("no pipe"))?;
    let _ = rustix::pipe::fcntl_setpipe_size(&pipe, 1024 * 1024);
    Ok((child, pipe))
}

/// Copies a child's output to a log file and to standard output, as it is.
fn pass(megabytes: &str, log: &str) -> std::io::Result<()> {
    let (mut child, mut pipe) = printing(megabytes)?;
    let mut log = std::fs::File::create(log)?;
    let mut out = std::io::stdout().lock();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let length = pipe.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        log.write_all(&buffer[..length])?;
        out.write_all(&buffer[..length])?;
    }
    child.wait().map(drop)
}

/// Copies a child's output to a log file as it is, and to standard output as one JSON record a line.
fn records(megabytes: &str, log: &str) -> std::io::Result<()> {
    let (mut child, mut pipe) = printing(megabytes)?;
    let mut log = std::fs::File::create(log)?;
    let mut out = std::io::stdout().lock();
    let (mut buffer, mut made) = (vec![0; 256 * 1024], Vec::new());
    let (mut filled, mut number) = (0, 0u64);
    loop {
        let length = pipe.read(&mut buffer[filled..])?;
        if length == 0 {
            break;
        }
        log.write_all(&buffer[filled..filled + length])?;
        filled += length;
        let mut rest = &buffer[..filled];
        made.clear();
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            made.extend_from_slice(b"{\"v\":1,\"event\":\"line\",\"seq\":");
            made.extend_from_slice(number.to_string().as_bytes());
            made.extend_from_slice(b",\"time\":\"2026-01-01T00:00:00.000000000Z\",\"task\":\"task_0\",\"stream\":\"stdout\",\"text\":\"");
            for &byte in &rest[..end] {
                if byte < 0x20 || matches!(byte, b'"' | b'\\') {
                    made.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
                } else {
                    made.push(byte);
                }
            }
            made.extend_from_slice(b"\"}\n");
            number += 1;
            rest = &rest[end + 1..];
        }
        let left = rest.len();
        buffer.copy_within(filled - left..filled, 0);
        filled = left;
        out.write_all(&made)?;
    }
    child.wait().map(drop)
}

/// Waits for a child that says `ready` and sleeps.
fn sleep() -> std::io::Result<()> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", "echo ready; exec sleep 60"])
        .stdin(Stdio::null())
        .stdout(Stdio::inherit())
        .spawn()?;
    child.wait().map(drop)
}

/// Reads flows into bare values and holds each against a schema.
fn validate(schema: &str, flows: &[String]) -> std::io::Result<()> {
    let schema: serde_json::Value = serde_json::from_slice(&std::fs::read(schema)?)?;
    let validator = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft7)
        .build(&schema)
        .map_err(|error| std::io::Error::other(error.to_string()))?;
    for flow in flows {
        let text = std::fs::read_to_string(flow)?;
        let value: serde_json::Value =
            serde_yaml::from_str(&text).map_err(std::io::Error::other)?;
        if !validator.is_valid(&value) {
            return Err(std::io::Error::other(format!(
                "{flow} does not fit the schema"
            )));
        }
    }
    Ok(())
}
