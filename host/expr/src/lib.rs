//! The expression language of flows: Pebble's templates as Kestra sets them up, pure and bounded.
//! Knows no files, clock, network, environment or flow; all of that is behind [`Environment`].
//!
//! ```
//! use taffrail_expr::{Arguments, Environment, Limits, Template, Value};
//!
//! struct Inputs;
//!
//! impl Environment for Inputs {
//!     fn variable(&self, name: &str) -> Option<Value> {
//!         (name == "name").then(|| Value::text("Ada"))
//!     }
//!     fn names(&self) -> Vec<String> {
//!         vec!["name".to_owned()]
//!     }
//!     fn function(&self, _: &str, _: &Arguments) -> Option<Result<Value, String>> {
//!         None
//!     }
//!     fn function_names(&self) -> Vec<String> {
//!         Vec::new()
//!     }
//! }
//!
//! let template = Template::parse("Hello {{ name | upper }}{{ nick ?? '!' }}").unwrap();
//! let rendered = template.render(&Inputs, &Limits::default()).unwrap();
//! assert_eq!(rendered.text, "Hello ADA!");
//! ```
//!
//! # Text and tags
//!
//! `{{ expression }}` prints, `{% tag %}` acts, `{# comment #}` is dropped. A dash with a space
//! (`{{- x -}}`) trims the white space beside it; line breaks are kept otherwise. Text without `{`
//! is itself. What an expression prints is never evaluated again, except by `render()`.
//!
//! | Tag | Meaning |
//! | --- | --- |
//! | `raw`, `verbatim` | text that is not looked at (`verbatim` loses the white space at its start) |
//! | `if`, `elseif`, `else` | a boolean, a number or text; null, lists and maps are errors |
//! | `for x in list`, `else` | `loop.index` (from 0), `length`, `first`, `last`, `revindex`; over a map, `x.key` and `x.value`; null has no turns and no `else` |
//! | `set x = …` | changes `x` where it is known, else makes it until the end of the `for` |
//! | `filter name`, `macro name(a, b=1)` | a macro sees only its own parameters |
//!
//! `block`, `extends`, `include`, `import`, `from`, `embed`, `cache`, `flush`, `parallel` and
//! `autoescape` are refused.
//!
//! # Operators, loosest first
//!
//! | Operators | Notes |
//! | --- | --- |
//! | `c ? a : b` | only at the start of an expression or in brackets; null is false |
//! | `or`, `and` | null, lists and maps are errors |
//! | `is`, `is not`, `contains`, `in`, `isIn` | `is defined` absorbs what is missing, and is false for null |
//! | `==` `equals` `!=` `<` `>` `<=` `>=` | numbers by value; text never equals a number; order is for numbers only, and false beside null |
//! | `+` `-` | text joins, lists grow and shrink; else numbers, also from text |
//! | `*` `/` `%` | whole numbers stay whole: `7 / 2` is 3 |
//! | <code>&#124;</code> | a filter takes everything on its left that binds tighter |
//! | `~` | joins as text; null adds nothing |
//! | `..` `??` `???` | a range with both ends; the first that is not null; the first that is not missing |
//! | `not` `-` `+` | so `not a == b` is `(not a) == b` |
//! | `.name` `[key]` `f(…)` | a missing key is an error; `??`, `???`, `default` and `is defined` absorb it, though not through arithmetic and comparisons |
//!
//! `'…'` and `"…"` are text; a backslash only takes the quote along. `"a#{x}b"` puts a value in.
//!
//! # Filters, tests and functions
//!
//! [`filter_names`], [`test_names`] and [`function_names`] list them. Functions of
//! [`host_function_names`] are part of the language but answered by the [`Environment`]; a name
//! that is in no list is a [`SyntaxError`], with the nearest one. Dates take Java's patterns and
//! named forms, in English, in the zone of the environment or `timeZone`; weeks of a country
//! (`Y`, `w`, `e`) are refused. Regular expressions are those of the `regex` crate, without
//! looking around. `jq` is jaq without `env`, `input`, `halt`, `debug`, `stderr` and `now`, and
//! always gives a list.
//!
//! # Where the answers differ from Pebble's
//!
//! `tests/pebble-probes*.tsv` hold the real engine's answers to some 650 expressions and
//! `tests/java-formats.tsv` those of Java's formatters, `tests/documented-probes.tsv` what is documented of the rest; `tests/deviations.tsv` and
//! `tests/java-deviations.tsv` list every difference with its reason. In short: results beyond 64
//! bits are errors; lists compare numbers by value, so that `contains` finds them; lists and maps
//! are JSON wherever they become text; an entry of a map is a map; filters never change their
//! input; methods of Java objects do not exist, and the message names the filter to use.
//!
//! # Secrets
//!
//! A value made from a secret carries its name ([`Value::tainted`]) through every operator, filter
//! and function; [`Rendered::secrets`] tells which went into a text. Only data is followed, not
//! decisions: `secret('X') == 'y' ? 'a' : 'b'` prints an unmarked text. No message quotes a marked
//! value.
//!
//! # Bounds
//!
//! Parsing is bounded in nesting, rendering by [`Limits`]. Exceeding them is an error, never a
//! crash, with one exception: a jq program can make one text as large as memory allows.

mod environment;
mod error;
mod eval;
mod library;
mod limits;
mod print;
mod syntax;
mod template;
mod value;

pub use environment::{Arguments, Environment};
pub use error::{EvalError, EvalErrorKind, SyntaxError};
pub use library::names::{filter_names, function_names, host_function_names, nearest, test_names};
pub use library::words::shell_words;
pub use limits::Limits;
pub use syntax::reads::{ReadPath, Reads, Segment};
pub use template::{Rendered, RenderedKnown, Template};
pub use value::{Kind, Map, Value};
