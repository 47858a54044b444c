//! The table of results: what was measured, its floor, the goal, and whether it was met.

use std::fmt;
use std::time::Duration;

/// A figure with its unit.
#[derive(Debug, Clone, Copy)]
pub enum Amount {
    /// A time.
    Time(Duration),
    /// Millions of bytes.
    Megabytes(f64),
    /// Millions of bytes a second.
    Rate(f64),
}

impl Amount {
    fn number(self) -> f64 {
        match self {
            Amount::Time(time) => time.as_secs_f64(),
            Amount::Megabytes(number) | Amount::Rate(number) => number,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Amount::Time(time) if time.as_secs() >= 1 => {
                write!(formatter, "{:.2} s", time.as_secs_f64())
            }
            Amount::Time(time) => write!(formatter, "{:.2} ms", time.as_secs_f64() * 1e3),
            Amount::Megabytes(number) => write!(formatter, "{number:.1} MB"),
            Amount::Rate(number) => write!(formatter, "{number:.0} MB/s"),
        }
    }
}

/// A bound on a figure.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// Our figure is at most this.
    AtMost(Amount),
    /// Our figure is at least this.
    AtLeast(Amount),
    /// Our figure is at most this many times the floor's.
    Times(f64),
}

impl fmt::Display for Goal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Goal::AtMost(amount) => write!(formatter, "<= {amount}"),
            Goal::AtLeast(amount) => write!(formatter, ">= {amount}"),
            Goal::Times(times) => write!(formatter, "<= {times} x"),
        }
    }
}

struct Row {
    cells: [String; 5],
    verdict: &'static str,
}

/// What was measured so far.
#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Enters a figure. Without a goal it is told for comparison.
    pub fn enter(&mut self, scenario: &str, floor: Option<Amount>, ours: Amount, goals: &[Goal]) {
        let ratio = floor.map(|floor| ours.number() / floor.number());
        let met = goals.iter().all(|goal| match goal {
            Goal::AtMost(most) => ours.number() <= most.number(),
            Goal::AtLeast(least) => ours.number() >= least.number(),
            Goal::Times(times) => ratio.is_some_and(|ratio| ratio <= *times),
        });
        let verdict = match (goals.is_empty(), met) {
            (true, _) => "",
            (false, true) => "met",
            (false, false) => "MISSED",
        };
        let goals: Vec<String> = goals.iter().map(Goal::to_string).collect();
        self.push(Row {
            cells: [
                scenario.to_owned(),
                floor.map(|floor| floor.to_string()).unwrap_or_default(),
                ours.to_string(),
                ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
                goals.join(", "),
            ],
            verdict,
        });
    }

    /// Enters what cannot be measured yet, and why, or what went wrong.
    pub fn tell(&mut self, scenario: &str, why: &str) {
        let cells = [scenario, "", why, "", ""].map(str::to_owned);
        self.push(Row {
            cells,
            verdict: "not measured",
        });
    }

    fn push(&mut self, row: Row) {
        eprintln!("  {}: {} {}", row.cells[0], row.cells[2], row.verdict);
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = Row {
            cells: ["scenario", "floor", "ours", "ratio", "goal"].map(str::to_owned),
            verdict: "",
        };
        let rows: Vec<&Row> = std::iter::once(&head).chain(&self.rows).collect();
        let width = |column: usize| {
            rows.iter()
                .map(|row| row.cells[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: [usize; 5] = std::array::from_fn(width);
        for row in rows {
            write!(formatter, "{:<width$}", row.cells[0], width = widths[0])?;
            for (cell, width) in row.cells.iter().zip(widths).take(4).skip(1) {
                write!(formatter, "  {cell:>width$}")?;
            }
            writeln!(
                formatter,
                "  {:<width$}  {}",
                row.cells[4],
                row.verdict,
                width = widths[4]
            )?;
        }
        Ok(())
    }
}
