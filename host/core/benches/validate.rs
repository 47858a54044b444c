//! Compares `validate` of a flow to reading the same text into a bare value and checking that against one bare schema, in the same run.

#![expect(clippy::print_stdout, reason = "a benchmark's answer goes to stdout")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use taffrail_core::descriptor::Descriptor;
use taffrail_core::schema::compose;
use taffrail_core::validate::{Checker, check};
use taffrail_core::yaml::{Limits, parse};
use taffrail_runner::registry;

const ROUNDS: usize = 30;

fn main() {
    let plugins = plugins();
    let runners = registry::fragments();
    let schema = compose(&plugins, &runners);
    let validator = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft7)
        .build(&schema)
        .expect("the composed schema compiles");
    for (name, text) in [
        ("1,000 tasks", flow(1000)),
        ("10 tasks", flow(10)),
        ("2 tasks", flow(2)),
    ] {
        let checker = Checker::new(plugins.clone(), runners.clone());
        let checked = check(&text, &checker);
        assert!(checked.is_good(), "{:?}", checked.diagnostics.first());
        let (mut ours, mut reading, mut floor, mut floor_reading) =
            (vec![], vec![], vec![], vec![]);
        for _ in 0..ROUNDS {
            ours.push(time(|| {
                black_box(check(black_box(&text), &checker));
            }));
            reading.push(time(|| {
                black_box(parse(black_box(&text), &Limits::default()));
            }));
            floor_reading.push(time(|| {
                black_box(serde_yaml::from_str::<Value>(black_box(&text)).ok());
            }));
            floor.push(time(|| {
                let value: Value = serde_yaml::from_str(black_box(&text)).expect("YAML");
                assert!(validator.is_valid(&value));
            }));
        }
        let [ours, reading, floor, floor_reading] =
            [ours, reading, floor, floor_reading].map(median);
        println!(
            "{name}, {} kB: validate {ours:?} (of it reading {reading:?}), serde_yaml + jsonschema {floor:?} (reading {floor_reading:?}), ratio {:.2}",
            text.len() / 1000,
            ours.as_secs_f64() / floor.as_secs_f64(),
        );
    }
    let text = flow(3);
    let mut cold: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            time(|| {
                let checker = Checker::new(plugins.clone(), runners.clone());
                black_box(check(black_box(&text), &checker));
            })
        })
        .collect();
    cold.sort();
    println!(
        "one small flow, schemas compiled: {:?}",
        cold[cold.len() / 2]
    );
    let checker = Checker::new(plugins.clone(), runners.clone());
    let many = time(|| {
        for _ in 0..250 {
            black_box(check(black_box(&text), &checker));
        }
    });
    println!("250 small flows: {many:?}");
    let compose_time = time(|| {
        black_box(compose(&plugins, &runners).to_string());
    });
    println!(
        "compose and print the schema: {compose_time:?}, {} bytes",
        schema.to_string().len()
    );
}

/// A flow whose tasks look like what people write: 282 bytes each.
fn flow(tasks: usize) -> String {
    let mut text = String::from(
        "id: many_tasks\nnamespace: company.team\n\ninputs:\n  - id: name\n    type: STRING\n    defaults: world\n\ntasks:\n",
    );
    for number in 0..tasks {
        let before = match number {
            0 => "{{ inputs.name }}".to_owned(),
            _ => format!("{{{{ outputs.task_{}.vars.value ?? 'none' }}}}", number - 1),
        };
        writeln!(
            text,
            "  - id: task_{number}\n    type: io.kestra.plugin.scripts.shell.Commands\n    taskRunner:\n      type: io.kestra.plugin.core.runner.Process\n    env:\n      GREETING: \"{before}\"\n    outputFiles:\n      - out.txt\n    commands:\n      - echo \"$GREETING\" > out.txt\n"
        )
        .expect("a string");
    }
    text
}

fn plugins() -> Vec<Arc<Descriptor>> {
    ["shell", "python"]
        .into_iter()
        .map(|plugin| {
            let file = format!(
                "{}/../../plugins/{plugin}/descriptor.json",
                env!("CARGO_MANIFEST_DIR")
            );
            let text = std::fs::read_to_string(file).expect("a descriptor");
            let descriptor: Descriptor = serde_json::from_str(&text).expect("a good descriptor");
            Arc::new(descriptor)
        })
        .collect()
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
