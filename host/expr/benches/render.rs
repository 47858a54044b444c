//! How many typical expressions one core renders in a minute: parsed before, as a flow's are once for many values, and parsed each time.

#![expect(clippy::print_stdout, reason = "a benchmark prints its numbers")]

use std::hint::black_box;
use std::time::Instant;

use serde_json::json;
use taffrail_expr::{Arguments, Environment, Limits, Template, Value};

/// What a minute must suffice for.
const GOAL: f64 = 1e6;
const TIMES: u32 = 200_000;

struct World {
    outputs: Value,
}

impl Environment for World {
    fn variable(&self, name: &str) -> Option<Value> {
        (name == "outputs").then(|| self.outputs.clone())
    }

    fn names(&self) -> Vec<String> {
        vec!["outputs".to_owned()]
    }

    fn function(&self, _: &str, _: &Arguments) -> Option<Result<Value, String>> {
        None
    }

    fn function_names(&self) -> Vec<String> {
        Vec::new()
    }
}

fn main() {
    let world = World {
        outputs: Value::from_json(&json!({ "a": { "vars": { "x": "a value" } }, "b": {} })),
    };
    for text in [
        "{{ outputs['a'].vars.x ?? 'd' }}",
        "{{ outputs['b'].vars.x ?? 'd' }}",
        "{{ outputs.a.vars | toJson }} and {{ outputs.a.vars.x | upper | replace({'A': 'b'}) }}",
    ] {
        let template = Template::parse(text).expect("it parses");
        let render = |template: &Template| {
            let rendered = template.render(&world, &Limits::default());
            black_box(rendered.expect("it renders"));
        };
        let parsed = per_minute(|| render(&template));
        let whole = per_minute(|| render(&Template::parse(black_box(text)).expect("it parses")));
        let verdict = if whole >= GOAL { "met" } else { "MISSED" };
        println!(
            "{text}\n  parsed before: {parsed:.1e} a minute, parsed each time: {whole:.1e} a minute, goal {GOAL:.0e}: {verdict}"
        );
    }
}

fn per_minute(mut work: impl FnMut()) -> f64 {
    let started = Instant::now();
    for _ in 0..TIMES {
        work();
    }
    60.0 * f64::from(TIMES) / started.elapsed().as_secs_f64()
}
