//! Asks whoever sits at the terminal.

use std::io::{BufRead, IsTerminal};

use taffrail_engine::ports::{BoxFuture, People};

use crate::outlet::{self, To};

/// The terminal that the program was started from, where it is one.
pub struct Terminal;

impl People for Terminal {
    fn ask<'a>(&'a self, question: &'a str) -> BoxFuture<'a, Option<String>> {
        let question = question.to_owned();
        Box::pin(async move {
            // In CI nobody answers, even where there is something like a terminal.
            if !std::io::stdin().is_terminal() || std::env::var_os("CI").is_some() {
                return None;
            }
            // A thread that reads cannot be stopped; it ends with the program.
            tokio::task::spawn_blocking(move || {
                outlet::write(To::Stderr, question.as_bytes());
                let mut line = String::new();
                match std::io::stdin().lock().read_line(&mut line) {
                    Ok(0) | Err(_) => None,
                    Ok(_) => Some(line.trim_end_matches(['\n', '\r']).to_owned()),
                }
            })
            .await
            .ok()
            .flatten()
        })
    }
}
