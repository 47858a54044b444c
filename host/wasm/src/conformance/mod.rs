//! The suite for plugins: give it a component's bytes, get a list of named checks, each passed or failed with a reason.
//!
//! It needs no project of ours around it: the golden cases and the names of the host's properties are the caller's. What it asks of a
//! plugin is what the contract in `wit/` asks, and nothing of a language.

mod answer;
mod case;
mod examples;
mod mutation;
mod schema;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use crate::cache::Cache;
use crate::inspection::{Inspection, prepare};
use crate::limits::Limits;
use crate::plugin::{CallError, Plugin};
use crate::sandbox::Sandbox;
use serde_json::{Map, Value};
use taffrail_core::descriptor::Descriptor;
use taffrail_core::name::TaskType;
use taffrail_core::plan::{PlanContext, PlanRefusal, PlanRequest, TargetOs};

pub use case::{Case, CaseError};

/// What the suite may use beside the component.
#[derive(Debug, Clone, Default)]
pub struct Suite {
    /// Golden cases; without any the suite makes up properties from the schema.
    pub cases: Vec<Case>,
    /// Names of the properties that every script task has, which no plugin may claim.
    pub host_properties: Vec<String>,
    /// How many mutated properties to try; 300 where none is given.
    pub mutations: Option<usize>,
    /// The limits to run under; the host's own where none are given.
    pub limits: Option<Limits>,
}

/// One check and its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was checked, for example `plans are deterministic`.
    pub name: String,
    /// What was seen, or what is wrong.
    pub outcome: Result<String, String>,
}

impl Check {
    /// Whether it passed.
    pub fn passed(&self) -> bool {
        self.outcome.is_ok()
    }
}

impl std::fmt::Display for Check {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.outcome {
            Ok(note) if note.is_empty() => write!(formatter, "ok    {}", self.name),
            Ok(note) => write!(formatter, "ok    {}: {note}", self.name),
            Err(reason) => write!(formatter, "FAIL  {}: {reason}", self.name),
        }
    }
}

/// Runs the whole suite. A component that does not load gives one failed check; every later check stands in the list even where an
/// earlier one failed.
pub fn check(component: &[u8], suite: &Suite) -> Vec<Check> {
    check_cached(component, suite, &Cache::off())
}

/// The same with a cache, which spares compiling a large component again for every instance that the suite wants.
pub fn check_cached(component: &[u8], suite: &Suite, cache: &Cache) -> Vec<Check> {
    let sandbox = Arc::new(Sandbox::new(suite.limits.clone().unwrap_or_default()));
    let mut checks = Vec::new();
    let inspection = match prepare(&sandbox, cache, component, &suite.host_properties) {
        Ok(inspection) => inspection,
        Err(error) => {
            push(
                &mut checks,
                "loads and describes itself",
                Err(error.to_string()),
            );
            return checks;
        }
    };
    let load = || {
        let size = component.len() as u64;
        let bytes = || Ok(Cow::Borrowed(component));
        Plugin::obtain(&sandbox, cache, size, &inspection.digest, bytes)
    };
    let plugin = match load() {
        Ok(plugin) => plugin,
        Err(reason) => {
            push(&mut checks, "loads and describes itself", Err(reason));
            return checks;
        }
    };
    // Not what the cache remembers: how long it takes now. What it says is compared below.
    let began = Instant::now();
    let _ = plugin.describe();
    let milliseconds = began.elapsed().as_secs_f64() * 1e3;
    push(
        &mut checks,
        "loads and describes itself",
        Ok(format!(
            "plugin API {}, {} bytes, described in {milliseconds:.1} ms",
            inspection.api, inspection.size
        )),
    );
    push(
        &mut checks,
        "imports are allowed",
        Ok(format!(
            "{}; reaches: {}",
            listed(&inspection.imports),
            inspection.reach
        )),
    );
    let subject = Subject {
        plugin: &plugin,
        inspection: &inspection,
        suite,
    };
    push(
        &mut checks,
        "descriptor follows its schema",
        schema::descriptor(&plugin),
    );
    push(
        &mut checks,
        "property schemas are schemas",
        schema::properties(&inspection.descriptor),
    );
    push(
        &mut checks,
        "descriptor is the same twice",
        subject.described_twice(&load),
    );
    push(
        &mut checks,
        "examples parse and follow their schema",
        examples::check(&inspection.descriptor),
    );
    push(
        &mut checks,
        "an unknown task type is refused",
        subject.unknown_task_type(),
    );
    push(
        &mut checks,
        "plans are deterministic",
        subject.deterministic(&load),
    );
    let (traps, pointers) = subject.mutated();
    push(&mut checks, "no trap on mutated properties", traps);
    push(&mut checks, "complaints point at a property", pointers);
    for case in &suite.cases {
        push(
            &mut checks,
            &format!("golden case `{}`", case.name),
            subject.golden(case),
        );
    }
    checks
}

fn push(checks: &mut Vec<Check>, name: &str, outcome: Result<String, String>) {
    checks.push(Check {
        name: name.to_owned(),
        outcome,
    });
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.join(", ")
}

/// Loads the component once more.
type Load<'a> = dyn Fn() -> Result<Plugin, String> + 'a;

/// What the checks look at.
struct Subject<'a> {
    plugin: &'a Plugin,
    inspection: &'a Inspection,
    suite: &'a Suite,
}

impl Subject<'_> {
    fn descriptor(&self) -> &Descriptor {
        &self.inspection.descriptor
    }

    fn described_twice(&self, load: &Load<'_>) -> Result<String, String> {
        let other = load()?;
        let texts = [self.plugin, self.plugin, &other].map(Plugin::describe);
        let [first, second, third] = texts.map(|text| text.map_err(|error| error.to_string()));
        let first = first?;
        if first == second? && first == third? {
            return Ok(String::new());
        }
        Err("two calls of `describe` gave two documents".to_owned())
    }

    fn unknown_task_type(&self) -> Result<String, String> {
        let name = TaskType::new("io.taffrail.conformance.NoSuchTask")
            .map_err(|error| error.to_string())?;
        match self.plugin.plan(&request(name, Map::new())) {
            Err(CallError::Refused(PlanRefusal::UnknownTaskType(_))) => Ok(String::new()),
            Err(error) => Err(format!("the answer was not `unknown-task-type`: {error}")),
            Ok(_) => Err("it planned a task type that it does not have".to_owned()),
        }
    }

    /// The requests to start from: those of the golden cases, and made-up ones.
    fn seeds(&self) -> Vec<PlanRequest> {
        let golden = self.suite.cases.iter().map(|case| case.request.clone());
        let made_up = self.descriptor().task_types.iter().map(|task_type| {
            request(
                task_type.name.clone(),
                schema::sample(&task_type.properties_schema),
            )
        });
        golden.chain(made_up).collect()
    }

    fn deterministic(&self, load: &Load<'_>) -> Result<String, String> {
        if !self.inspection.reproducible {
            return Ok("not asked for: it can read a clock or random numbers".to_owned());
        }
        let other = load()?;
        let seeds = self.seeds();
        for seed in &seeds {
            let answers = [self.plugin, self.plugin, &other].map(|plugin| plugin.plan(seed));
            if answers[0] != answers[1] || answers[0] != answers[2] {
                return Err(format!(
                    "two calls gave two answers to {}",
                    Value::Object(seed.properties.clone())
                ));
            }
        }
        Ok(format!("{} requests, three times each", seeds.len()))
    }

    fn mutated(&self) -> (Result<String, String>, Result<String, String>) {
        let seeds = self.seeds();
        let amount = self.suite.mutations.unwrap_or(300);
        let mut refused = 0;
        let mut pointers = Ok(());
        for number in 0..amount {
            let Some(seed) = seeds.get(number % seeds.len().max(1)) else {
                break;
            };
            let mut mutated = seed.clone();
            mutation::mutate(&mut mutated.properties, number as u64);
            match self.plugin.plan(&mutated) {
                Ok(_) => {}
                Err(CallError::Refused(PlanRefusal::Internal(reason))) => {
                    return (
                        Err(failure(&mutated, &format!("internal error: {reason}"))),
                        pointers.map(|()| String::new()),
                    );
                }
                Err(CallError::Refused(PlanRefusal::InvalidProperties(remarks))) => {
                    refused += 1;
                    for remark in remarks {
                        if pointers.is_ok() && !points(&remark.pointer, &mutated.properties) {
                            let complaint = format!(
                                "`{}` ({}) points at `{}`",
                                remark.message, remark.code, remark.pointer
                            );
                            pointers = Err(failure(&mutated, &complaint));
                        }
                    }
                }
                Err(CallError::Refused(_)) => refused += 1,
                Err(CallError::Faulty(reason)) => {
                    return (
                        Err(failure(&mutated, &reason)),
                        pointers.map(|()| String::new()),
                    );
                }
            }
        }
        (
            Ok(format!("{amount} tried, {refused} refused")),
            pointers.map(|()| String::new()),
        )
    }

    fn golden(&self, case: &Case) -> Result<String, String> {
        let found = answer::canonical(&self.plugin.plan(&case.request))?;
        if found == case.expected {
            return Ok(String::new());
        }
        Err(format!(
            "{}\nexpected {}\nanswered {found}",
            case.source, case.expected
        ))
    }
}

fn failure(request: &PlanRequest, reason: &str) -> String {
    let mut properties = Value::Object(request.properties.clone()).to_string();
    if properties.len() > 1_000 {
        properties.truncate(properties.floor_char_boundary(1_000));
        properties.push('…');
    }
    format!(
        "{reason}; task type `{}`, properties {properties}",
        request.task_type
    )
}

/// Whether a pointer names a property: one that is there, or one that is missing from an object that is there.
fn points(pointer: &str, properties: &Map<String, Value>) -> bool {
    let root = Value::Object(properties.clone());
    if pointer.is_empty() {
        return false;
    }
    if root.pointer(pointer).is_some() {
        return true;
    }
    pointer
        .rsplit_once('/')
        .and_then(|(parent, _)| root.pointer(parent))
        .is_some_and(Value::is_object)
}

/// A request of a Linux process in `/job`.
fn request(task_type: TaskType, properties: Map<String, Value>) -> PlanRequest {
    PlanRequest {
        task_type,
        properties,
        context: PlanContext {
            task_id: "task".to_owned(),
            working_dir: "/job".to_owned(),
            output_dir: None,
            target_os: TargetOs::Linux,
            runner: "process".to_owned(),
            container_image: None,
            env: Vec::new(),
            fail_fast: None,
        },
    }
}
