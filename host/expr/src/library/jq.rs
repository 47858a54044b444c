//! The `jq` filter: the jaq engine without anything that reaches the host (environment, clock,
//! inputs, exit), with a bound on the turns of every generator and on the number of results.
//!
//! A program can still make a large text by adding it to itself; memory alone bounds that.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use jaq_core::data::HasLut;
use jaq_core::load::parse::Def;
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::native::{bome, run, v};
use jaq_core::{Compiler, Ctx, DataT, Lut, Vars, unwrap_valr};
use jaq_json::{Num, Val};

use super::{Invocation, jq_guard, json};
use crate::error::Fail;
use crate::value::{Kind, Map, Value};

/// More results than this are refused.
const MAX_RESULTS: usize = 100_000;
/// Turns of generators in one run.
const MAX_TURNS: u64 = 200_000;
/// Programs longer than this are refused.
const MAX_PROGRAM: usize = 16 * 1024;

/// What native filters of a running program may use: nothing but the turns left.
#[derive(Clone)]
pub(crate) struct Data<'a> {
    lut: &'a Lut<Pure>,
    turns: &'a Cell<u64>,
}

/// The kind of data that programs run on.
#[derive(Debug)]
pub(crate) struct Pure;

impl DataT for Pure {
    type V<'a> = Val;
    type Data<'a> = Data<'a>;
}

impl<'a> HasLut<'a, Pure> for Data<'a> {
    fn lut(&self) -> &'a Lut<Pure> {
        self.lut
    }
}

/// A compiled program.
pub(crate) struct Program(jaq_core::Filter<Pure>);

impl std::fmt::Debug for Program {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Program")
    }
}

/// Native filters that are left out.
const NOT_OFFERED: &[&str] = &[
    "env",
    "halt",
    "now",
    "debug_empty",
    "stderr_empty",
    "localtime",
    "strflocaltime",
    "input_filename",
    "input_line_number",
    "inputs",
    "input",
    "get_search_list",
];

/// Definitions that are left out with them or replaced.
const REDEFINED: &[&str] = &[
    "debug",
    "stderr",
    "halt",
    "halt_error",
    "repeat",
    "recurse",
    "while",
    "until",
];

/// Generators that may run without end take a turn each time round.
const BEFORE: &str = r#"
def turn: if has_turn then . else turns_ended end;
def range(from; to; by): counted_range(from; to; by) | turn;
def repeat(f): def rec: turn | ., (f | rec); rec;
def recurse(f): def rec: turn | ., (f | rec); rec;
def recurse: recurse(.[]?);
def recurse(f; cond): recurse(f | if cond then . else ({}[] as $x | .) end);
def while(cond; update): def rec: turn | if cond then ., (update | rec) else ({}[] as $x | .) end; rec;
def until(cond; update): def rec: turn | if cond then . else update | rec end; rec;
"#;
const AFTER: &str = r#"
def IN(s): any(s == .; .);
def IN(src; s): any(src == s; .);
def INDEX(stream; key): reduce stream as $row ({}; .[$row | key | tostring] |= $row);
def INDEX(key): INDEX(.[]; key);
def leaf_paths: paths(scalars);
def isvalid(f): try (f | true) catch false;
def @csv: [.[] | if isstring then "\"" + gsub("\""; "\"\"") + "\"" elif . == null then "" elif isarray or isobject then error("a list or map is not valid in a csv row") else tostring end] | join(",");
def @tsv: [.[] | if isstring then gsub("\\\\"; "\\\\") | gsub("\t"; "\\t") | gsub("\n"; "\\n") | gsub("\r"; "\\r") elif . == null then "" elif isarray or isobject then error("a list or map is not valid in a tsv row") else tostring end] | join("\t");
"#;

/// Runs `value | jq('program')`; always a list, even of one result.
pub(super) fn filter(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let source = call.required_text(0)?;
    if source.len() > MAX_PROGRAM {
        return Err(Fail::limit(format!(
            "a jq program is at most {MAX_PROGRAM} bytes long"
        )));
    }
    let input = match &call.input.kind {
        Kind::Text(text) => json::parse(text, call.budget).map_err(|fail| {
            fail.help("`jq` reads a text as JSON; a text that is not JSON needs quotes")
        })?,
        _ => call.input.clone(),
    };
    let known = call.program.and_then(OnceLock::get).cloned();
    if known.is_none() {
        // Compiling loads jq's own definitions: dear, compared with what an expression costs.
        call.budget.charge(2_000)?;
    }
    let turns = call.budget.steps_left().min(MAX_TURNS);
    let job = || {
        let program = match known {
            Some(program) => program,
            None => Arc::new(Program::compile(&source)?),
        };
        let turns = Cell::new(turns);
        let results = program.run(to_jq(&input), &turns);
        Ok((program, results, turns.get()))
    };
    let finished = if needs_room(&source) {
        with_room(job)
    } else {
        catch_unwind(AssertUnwindSafe(job)).ok()
    };
    let (program, results, left) =
        finished.unwrap_or_else(|| Err(Fail::limit("the jq program makes something too large")))?;
    if let Some(slot) = call.program {
        let _ = slot.set(program);
    }
    call.budget.charge(turns - left)?;
    results.map(Value::list)
}

/// Whether a program may recurse deeply: in its own text, or by nesting what it makes.
fn needs_room(source: &str) -> bool {
    const SHORT: usize = 300;
    const WORDS: &[&str] = &[
        "def", "reduce", "foreach", "until", "while", "repeat", "recurse", "fromjson", "setpath",
    ];
    source.len() > SHORT || WORDS.iter().any(|word| source.contains(word))
}

/// Runs a job with a stack that its bounded number of turns cannot exhaust. The memory is only
/// taken as far as it is used.
fn with_room<T: Send>(job: impl FnOnce() -> T + Send) -> Option<T> {
    const STACK: usize = 256 * 1024 * 1024;
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, job)
            .ok()
            .and_then(|thread| thread.join().ok())
    })
}

impl Program {
    fn compile(source: &str) -> Result<Program, Fail> {
        let source = jq_guard::guarded(source).map_err(|name| {
            Fail::value(format!(
                "the jq program defines `{name}` by itself, which could run for ever"
            ))
            .help("use `recurse`, `repeat`, `while` or `until`")
        })?;
        Program::compile_unchecked(&source)
    }

    pub(super) fn compile_unchecked(source: &str) -> Result<Program, Fail> {
        let kept = |definition: &Def<&str>| !REDEFINED.contains(&definition.name);
        let own = |text| load::parse(text, |parser| parser.defs()).unwrap_or_default();
        let definitions = own(BEFORE)
            .into_iter()
            .chain(
                jaq_core::defs()
                    .chain(jaq_std::defs())
                    .chain(jaq_json::defs())
                    .filter(kept),
            )
            .chain(own(AFTER))
            .chain(own(jq_guard::DEFINITIONS));
        let natives = jaq_core::funs()
            .chain(jaq_std::funs())
            .chain(jaq_json::funs())
            .filter(|(name, ..)| !NOT_OFFERED.contains(name))
            .map(|(name, arity, native)| match (name, arity.len()) {
                ("range", 3) => ("counted_range", arity, native),
                _ => (name, arity, native),
            })
            .chain([run::<Pure>(("turns_ended", v(0), |_| {
                bome(Err(jaq_core::Error::str("too many steps")))
            }))])
            .chain([run::<Pure>(("has_turn", v(0), |cv| {
                let turns = cv.0.data().turns;
                turns.set(turns.get().saturating_sub(1));
                bome(Ok(Val::Bool(turns.get() > 0)))
            }))]);
        let arena = Arena::default();
        let file = File {
            code: source,
            path: (),
        };
        let modules = Loader::new(definitions)
            .load(&arena, file)
            .map_err(|errors| Fail::value(load_message(&errors)))?;
        Compiler::default()
            .with_funs(natives)
            .compile(modules)
            .map(Program)
            .map_err(|errors| {
                let what = errors
                    .first()
                    .and_then(|(_, found)| found.first())
                    .map_or_else(String::new, |(name, kind)| match kind {
                        jaq_core::compile::Undefined::Filter(arity) => {
                            format!(": there is no `{name}/{arity}`")
                        }
                        other => format!(": there is no {} `{name}`", other.as_str()),
                    });
                Fail::value(format!("the jq program does not compile{what}"))
            })
    }

    /// Runs the program on a document; gives the results as they print.
    #[cfg(test)]
    pub(super) fn run_on(&self, data: &serde_json::Value) -> Result<Vec<String>, Fail> {
        let turns = Cell::new(MAX_TURNS);
        let results = self.run(to_jq(&Value::from_json(data)), &turns)?;
        Ok(results.iter().map(Value::to_string).collect())
    }

    fn run(&self, input: Val, turns: &Cell<u64>) -> Result<Vec<Value>, Fail> {
        let data = Data {
            lut: &self.0.lut,
            turns,
        };
        let context = Ctx::<Pure>::new(data, Vars::new([]));
        let mut results = Vec::new();
        for output in self.0.id.run((context, input)).map(unwrap_valr) {
            if turns.get() == 0 {
                return Err(Fail::limit("the jq program takes too many steps"));
            }
            match output {
                Ok(value) => results.push(from_jq(&value, 0)?),
                // The message may show the data, which may come from a secret.
                Err(error) => return Err(Fail::value(error_message(&error))),
            }
            if results.len() > MAX_RESULTS {
                return Err(Fail::limit(format!(
                    "the jq program gives more than {MAX_RESULTS} results"
                )));
            }
        }
        if turns.get() == 0 {
            return Err(Fail::limit("the jq program takes too many steps"));
        }
        Ok(results)
    }
}

fn error_message(error: &jaq_core::Error<Val>) -> String {
    let text = error.to_string();
    let shown = match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    };
    format!("the jq program fails: {shown}")
}

fn load_message(errors: &load::Errors<&str, ()>) -> String {
    let what = errors
        .first()
        .map_or_else(String::new, |(_, error)| match error {
            load::Error::Lex(found) => {
                found.first().map_or_else(String::new, |(expected, rest)| {
                    format!(": expected {} at {}", expected.as_str(), place(rest))
                })
            }
            load::Error::Parse(found) => {
                found.first().map_or_else(String::new, |(expected, rest)| {
                    format!(": expected {} at {}", expected.as_str(), place(rest))
                })
            }
            load::Error::Io(_) => ": modules cannot be loaded".to_owned(),
        });
    format!("the jq program is not valid{what}")
}

fn place(rest: &str) -> String {
    let rest: String = rest.chars().take(20).collect();
    if rest.is_empty() {
        "the end".to_owned()
    } else {
        format!("`{rest}`")
    }
}

/// Takes a value over into jq.
fn to_jq(value: &Value) -> Val {
    match &value.kind {
        Kind::Null => Val::Null,
        Kind::Bool(flag) => Val::Bool(*flag),
        Kind::Int(number) => Val::Num(Num::from_integral(*number)),
        Kind::Float(number) => Val::from(*number),
        Kind::Text(text) => Val::from(text.to_string()),
        Kind::DateTime(_) => Val::from(value.render_text()),
        Kind::List(items) => items.iter().map(to_jq).collect(),
        Kind::Map(entries) => Val::obj(
            entries
                .iter()
                .map(|(key, item)| (Val::from(key.to_string()), to_jq(item)))
                .collect(),
        ),
    }
}

/// Takes a result over from jq; deeply nested ones are refused.
fn from_jq(value: &Val, depth: u32) -> Result<Value, Fail> {
    const MAX_DEPTH: u32 = 100;
    if depth > MAX_DEPTH {
        return Err(Fail::limit(format!(
            "the jq program gives more than {MAX_DEPTH} lists and maps inside one another"
        )));
    }
    Ok(match value {
        Val::Null => Value::null(),
        Val::Bool(flag) => Value::bool(*flag),
        Val::Num(number) => match number.as_isize() {
            Some(whole) if !matches!(number, Num::Float(_)) => Value::int(whole as i64),
            _ => Value::float(jaq_std::ValT::as_f64(value).unwrap_or(f64::NAN)),
        },
        Val::BStr(bytes) | Val::TStr(bytes) => {
            Value::text(String::from_utf8_lossy(bytes).into_owned())
        }
        Val::Arr(items) => Value::list(
            items
                .iter()
                .map(|item| from_jq(item, depth + 1))
                .collect::<Result<_, _>>()?,
        ),
        Val::Obj(entries) => {
            let mut map = Map::with_capacity(entries.len());
            for (key, item) in entries.iter() {
                let key: Arc<str> = match key {
                    Val::BStr(bytes) | Val::TStr(bytes) => {
                        Arc::from(String::from_utf8_lossy(bytes).into_owned())
                    }
                    other => Arc::from(other.to_string()),
                };
                map.insert(key, from_jq(item, depth + 1)?);
            }
            Value::map(map)
        }
    })
}
