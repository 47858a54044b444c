//! Calls: the functions that runflow documents, with their arguments in a list or by name.

use hcl_edit::expr::{Expression, FuncCall};
use taffrail_core::diagnostic::{Code as DiagnosticCode, Diagnostic};
use taffrail_core::yaml::Span;

use crate::builtins::{self, Builtin};
use crate::code::{Code, Guess};
use crate::constant;
use crate::names::with_nearest;
use crate::node::place;
use crate::reader::{Context, Reader};

/// The functions of runflow itself; those of Python are in [`builtins`].
const OWN: [&str; 9] = [
    "call",
    "concat",
    "datetime",
    "join",
    "lower",
    "split",
    "todatetime",
    "tojson",
    "upper",
];

/// Those that only mean something in `_retry`.
pub(crate) const WAITS: [&str; 5] = [
    "wait_chain",
    "wait_exponential",
    "wait_fixed",
    "wait_random",
    "wait_random_exponential",
];

/// A call with its arguments as operands.
pub(crate) struct Call<'e> {
    pub name: &'e str,
    pub span: Span,
    pub arguments: Vec<Code>,
    pub named: Vec<(String, &'e Expression)>,
}

impl Reader<'_> {
    pub(crate) fn call(&mut self, call: &FuncCall, context: &Context) -> Code {
        let unit = context.unit;
        let name = call.name.name.as_str();
        let span = place(&call.name.name);
        if call.name.is_namespaced() {
            self.wrong(
                unit,
                DiagnosticCode::HclUnsupported,
                span,
                "functions of Python modules do not run here",
            );
            return Code::wrong();
        }
        if WAITS.contains(&name) {
            self.wrong(
                unit,
                DiagnosticCode::HclUnsupported,
                span,
                format!("`{name}` means something in `wait` of `_retry` only"),
            );
            return Code::wrong();
        }
        if name == "call" {
            return self.method(call, context);
        }
        if self.units[unit].functions.iter().any(|known| known == name) {
            return Code::wrong();
        }
        let builtin = builtins::find(name);
        if builtin.is_none() && !OWN.contains(&name) {
            let known: Vec<&str> = OWN.into_iter().chain(builtins::names()).collect();
            let diagnostic = Diagnostic::error(
                DiagnosticCode::UnknownFunction,
                span,
                format!("there is no function `{name}`"),
            );
            let diagnostic = with_nearest(diagnostic, span, name, &known);
            self.say(unit, diagnostic);
            return Code::wrong();
        }
        let Some(call) = self.taken_apart(name, span, call, context) else {
            return Code::wrong();
        };
        match builtin {
            Some(builtin) => self.builtin(&call, builtin, context),
            None => self.own(&call, context),
        }
    }

    /// The arguments, those of a last `[…]...` among them, and those of a last `{…}...` by name.
    fn taken_apart<'e>(
        &mut self,
        name: &'e str,
        span: Span,
        call: &'e FuncCall,
        context: &Context,
    ) -> Option<Call<'e>> {
        let mut written: Vec<&Expression> = call.args.iter().collect();
        let mut named = Vec::new();
        if call.args.expand_final() {
            let last = written.pop()?;
            match last {
                Expression::Array(items) => written.extend(items.iter()),
                Expression::Object(object) => {
                    let entries = constant::entries(object).unwrap_or_default();
                    named.extend(entries.into_iter().map(|(key, _, value)| (key, value)));
                }
                other => {
                    self.wrong(
                        context.unit,
                        DiagnosticCode::HclUnsupported,
                        place(other),
                        "what stands before `...` must be written out here, as `[…]...` or `{…}...`",
                    );
                    return None;
                }
            }
        }
        let arguments = written
            .into_iter()
            .map(|argument| self.expression(argument, context))
            .collect();
        Some(Call {
            name,
            span,
            arguments,
            named,
        })
    }

    /// Whether a call has as many arguments as its function takes; told where it has not.
    pub(crate) fn takes(
        &mut self,
        unit: usize,
        call: &Call<'_>,
        least: usize,
        most: usize,
        what: &str,
    ) -> bool {
        let given = call.arguments.len();
        let good = (least..=most).contains(&given);
        if !good {
            self.wrong(
                unit,
                DiagnosticCode::WrongValue,
                call.span,
                format!("`{}` takes {what}, not {given} arguments", call.name),
            );
        }
        good
    }

    /// Whether a call has no arguments by name but these; told where it has.
    pub(crate) fn named_only(&mut self, unit: usize, call: &Call<'_>, allowed: &[&str]) -> bool {
        let Some((wrong, at)) = call
            .named
            .iter()
            .find(|(name, _)| !allowed.contains(&name.as_str()))
        else {
            return true;
        };
        let span = place(*at);
        let message = format!("`{}` takes no argument `{wrong}`", call.name);
        let diagnostic = Diagnostic::error(DiagnosticCode::UnknownFunction, span, message);
        let mut diagnostic = with_nearest(diagnostic, span, wrong, allowed);
        if let Some(help) = &mut diagnostic.help {
            // The span is that of the value.
            help.replacement = None;
        }
        self.say(unit, diagnostic);
        false
    }

    fn own(&mut self, call: &Call<'_>, context: &Context) -> Code {
        let unit = context.unit;
        if call.name == "tojson" {
            return self.json_of(call, context);
        }
        if !self.named_only(unit, call, &[]) {
            return Code::wrong();
        }
        let (least, most, what) = match call.name {
            "lower" | "upper" | "todatetime" => (1, 1, "one text"),
            "split" => (2, 2, "a separator and a text"),
            "join" => (2, 2, "a separator and a list"),
            "datetime" => (
                3,
                7,
                "year, month, day, and hour, minute, second, microsecond",
            ),
            _ => (0, 64, "lists"),
        };
        if !self.takes(unit, call, least, most, what) {
            return Code::wrong();
        }
        let arguments = &call.arguments;
        match call.name {
            "lower" => arguments[0].filter("lower", Guess::Text),
            "upper" => arguments[0].filter("upper", Guess::Text),
            "split" => all(arguments).jq(
                ".[0] as $by | .[1] | split($by)",
                Guess::List,
            ),
            "join" => arguments[1].filter(&format!("join({})", arguments[0].text), Guess::Text),
            "concat" => match arguments.as_slice() {
                [] => Code::new("[]", Guess::List),
                [only] => only.clone(),
                several => {
                    let texts: Vec<&str> =
                        several.iter().map(|list| list.text.as_str()).collect();
                    Code::new(format!("({})", texts.join(" + ")), Guess::List)
                }
            },
            "datetime" => all(arguments).jq(
                // Python prints a moment without zone so, with the fraction where there is one.
                r#"[.[0], .[1] - 1, .[2], (.[3] // 0), (.[4] // 0), (.[5] // 0), 0, 0] as $at | ($at | mktime | strftime("%Y-%m-%d %H:%M:%S")) + (if (.[6] // 0) == 0 then "" else "." + ((1000000 + .[6]) | tostring | .[1:]) end)"#,
                Guess::Text,
            ),
            _ => arguments[0].filter("date('yyyy-MM-dd HH:mm:ssxxx')", Guess::Text),
        }
    }

    /// JSON as Python writes it: a blank behind commas and colons, and nothing but ASCII, unless it is told otherwise.
    fn json_of(&mut self, call: &Call<'_>, context: &Context) -> Code {
        let unit = context.unit;
        let names = ["indent", "separators", "sort_keys", "ensure_ascii"];
        if !self.takes(unit, call, 1, 1, "one value") || !self.named_only(unit, call, &names) {
            return Code::wrong();
        }
        let mut layout: Vec<String> = Vec::new();
        let mut ascii = "true".to_owned();
        let mut separated = false;
        for (name, value) in &call.named {
            let code = self.expression(value, context);
            match name.as_str() {
                "indent" => {
                    separated = true;
                    layout.push(format!("indent={}", code.text));
                }
                "separators" => {
                    separated = true;
                    layout.push(format!("separators={}", code.text));
                }
                "sort_keys" => layout.push(format!("sortKeys={}", code.text)),
                _ => ascii = code.text,
            }
        }
        if !separated {
            layout.push("separators=[', ', ': ']".to_owned());
        }
        layout.push(format!("ascii={ascii}"));
        call.arguments[0].filter(&format!("toJson({})", layout.join(", ")), Guess::Text)
    }

    /// `call(object, "method", [arguments])`, for the methods of texts, and `json` of the answer of a server.
    fn method(&mut self, call: &FuncCall, context: &Context) -> Code {
        let unit = context.unit;
        let span = place(&call.name.name);
        let written: Vec<&Expression> = call.args.iter().collect();
        let (object, name, list) = match written.as_slice() {
            [object, name] => (*object, *name, None),
            [object, name, list] | [object, name, list, _] => (*object, *name, Some(*list)),
            _ => {
                self.wrong(
                    unit,
                    DiagnosticCode::WrongValue,
                    span,
                    "`call` takes an object, the name of a method, and a list of its arguments",
                );
                return Code::wrong();
            }
        };
        let Some(method) = constant::text(name) else {
            self.wrong(
                unit,
                DiagnosticCode::HclUnsupported,
                place(name),
                "the name of the method must be written out here",
            );
            return Code::wrong();
        };
        let arguments: Vec<Code> = match list {
            None => Vec::new(),
            Some(Expression::Array(items)) => items
                .iter()
                .map(|item| self.expression(item, context))
                .collect(),
            Some(other) => {
                self.wrong(
                    unit,
                    DiagnosticCode::HclUnsupported,
                    place(other),
                    "the arguments of the method must be written out here, as a list",
                );
                return Code::wrong();
            }
        };
        let object = self.expression(object, context);
        match builtins::method(&object, &method, &arguments) {
            Some(code) => code,
            None => {
                let known: Vec<&str> = builtins::METHODS.iter().map(|row| row.0).collect();
                let takes = builtins::METHODS.iter().find(|row| row.0 == method);
                let diagnostic = match takes {
                    Some((_, count)) => Diagnostic::error(
                        DiagnosticCode::WrongValue,
                        place(name),
                        format!(
                            "the method `{method}` takes {count} arguments at most, not {}",
                            arguments.len()
                        ),
                    ),
                    None => with_nearest(
                        Diagnostic::error(
                            DiagnosticCode::UnknownFunction,
                            place(name),
                            format!("there is no method `{method}` here"),
                        ),
                        place(name),
                        &method,
                        &known,
                    ),
                };
                let mut diagnostic = diagnostic;
                if let Some(help) = &mut diagnostic.help {
                    // The span holds the quotes, too.
                    help.replacement = None;
                }
                self.say(unit, diagnostic);
                Code::wrong()
            }
        }
    }

    fn builtin(&mut self, call: &Call<'_>, builtin: &Builtin, context: &Context) -> Code {
        let unit = context.unit;
        if !self.takes(unit, call, builtin.least, builtin.most, builtin.takes)
            || !self.named_only(unit, call, &[])
        {
            return Code::wrong();
        }
        (builtin.make)(&call.arguments)
    }
}

/// All arguments as one list.
pub(crate) fn all(arguments: &[Code]) -> Code {
    let texts: Vec<&str> = arguments.iter().map(|code| code.text.as_str()).collect();
    Code::new(format!("[{}]", texts.join(", ")), Guess::List)
}
