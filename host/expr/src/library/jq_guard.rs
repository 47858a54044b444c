//! Keeps jq programs from running or growing without end before they are compiled: definitions
//! that call themselves are found, and products are rewritten to check the size of repeated text.

use std::fmt::Write;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::load::{self};
use jaq_core::ops::Math;
use jaq_core::path::{Opt, Part};

/// What the rewritten products call.
pub(super) const DEFINITIONS: &str = r#"
def product(l; r): r as $r | l as $l |
  if ($l | isstring) and ($r | isnumber) and $r > 1 and ($l | utf8bytelength) * $r > 1048576
  or ($r | isstring) and ($l | isnumber) and $l > 1 and ($r | utf8bytelength) * $l > 1048576
  then error("a repeated text is larger than 1 MiB") else $l * $r end;
"#;

/// Gives the program to compile, or the name of a definition that calls itself. A program that is
/// not valid is given back as it is: compiling says what is wrong.
pub(super) fn guarded(source: &str) -> Result<String, String> {
    let Some(term) = load::parse(source, |parser| parser.term()) else {
        return Ok(source.to_owned());
    };
    if let Some(name) = recursive_definition(&term) {
        return Err(name);
    }
    let mut multiplies = false;
    walk(&term, &mut |term| {
        multiplies |= matches!(
            term,
            Term::BinOp(
                _,
                BinaryOp::Math(Math::Mul) | BinaryOp::UpdateMath(Math::Mul),
                _
            )
        );
    });
    if !multiplies {
        return Ok(source.to_owned());
    }
    let mut written = String::new();
    print(&term, &mut written);
    Ok(written)
}

/// Finds a definition that calls itself: without the language's own generators, that is the only
/// way to run without end.
fn recursive_definition(term: &Term<&str>) -> Option<String> {
    let mut found = None;
    walk(term, &mut |term| {
        if let Term::Def(definitions, _) = term {
            for definition in definitions {
                walk(&definition.body, &mut |inner| {
                    if let Term::Call(name, _) = inner
                        && *name == definition.name
                    {
                        found = Some(definition.name.to_owned());
                    }
                });
            }
        }
    });
    found
}

/// Visits a term and all terms below.
fn walk<'s>(term: &Term<&'s str>, action: &mut dyn FnMut(&Term<&'s str>)) {
    action(term);
    match term {
        Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) => {}
        Term::Str(_, parts) => {
            for part in parts {
                if let StrPart::Term(inner) = part {
                    walk(inner, action);
                }
            }
        }
        Term::Arr(inner) => {
            if let Some(inner) = inner {
                walk(inner, action);
            }
        }
        Term::Obj(entries) => {
            for (key, value) in entries {
                walk(key, action);
                if let Some(value) = value {
                    walk(value, action);
                }
            }
        }
        Term::Neg(inner) | Term::Label(_, inner) => walk(inner, action),
        Term::BinOp(left, operator, right) => {
            walk(left, action);
            if let BinaryOp::Pipe(Some(pattern)) = operator {
                walk_pattern(pattern, action);
            }
            walk(right, action);
        }
        Term::Fold(_, generator, pattern, arguments) => {
            walk(generator, action);
            walk_pattern(pattern, action);
            arguments.iter().for_each(|inner| walk(inner, action));
        }
        Term::TryCatch(body, handler) => {
            walk(body, action);
            if let Some(handler) = handler {
                walk(handler, action);
            }
        }
        Term::IfThenElse(branches, otherwise) => {
            for (condition, then) in branches {
                walk(condition, action);
                walk(then, action);
            }
            if let Some(otherwise) = otherwise {
                walk(otherwise, action);
            }
        }
        Term::Def(definitions, body) => {
            for definition in definitions {
                walk(&definition.body, action);
            }
            walk(body, action);
        }
        Term::Call(_, arguments) => arguments.iter().for_each(|inner| walk(inner, action)),
        Term::Path(inner, path) => {
            walk(inner, action);
            for (part, _) in &path.0 {
                match part {
                    Part::Index(index) => walk(index, action),
                    Part::Range(from, to) => {
                        from.iter().chain(to).for_each(|inner| walk(inner, action));
                    }
                }
            }
        }
    }
}

fn walk_pattern<'s>(pattern: &Pattern<&'s str>, action: &mut dyn FnMut(&Term<&'s str>)) {
    match pattern {
        Pattern::Var(_) => {}
        Pattern::Arr(patterns) => {
            for inner in patterns {
                walk_pattern(inner, action);
            }
        }
        Pattern::Obj(entries) => {
            for (key, inner) in entries {
                walk(key, action);
                walk_pattern(inner, action);
            }
        }
    }
}

/// Writes a term in brackets, with checked products.
fn print(term: &Term<&str>, out: &mut String) {
    out.push('(');
    print_bare(term, out);
    out.push(')');
}

fn separated<'t, T: 't>(
    items: impl IntoIterator<Item = &'t T>,
    separator: &str,
    out: &mut String,
    mut one: impl FnMut(&T, &mut String),
) {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push_str(separator);
        }
        one(item, out);
    }
}

fn print_bare(term: &Term<&str>, out: &mut String) {
    match term {
        Term::Id => out.push('.'),
        Term::Recurse => out.push_str(".."),
        Term::Num(text) | Term::Var(text) => out.push_str(text),
        Term::Break(label) => {
            let _ = write!(out, "break {label}");
        }
        Term::Str(format, parts) => print_text(format.as_ref(), parts, out),
        Term::Arr(inner) => {
            out.push('[');
            if let Some(inner) = inner {
                print_bare(inner, out);
            }
            out.push(']');
        }
        Term::Obj(entries) => {
            out.push('{');
            separated(entries, ", ", out, |(key, value), out| match value {
                None => print_bare(key, out),
                Some(value) => {
                    print(key, out);
                    out.push(':');
                    print(value, out);
                }
            });
            out.push('}');
        }
        Term::Neg(inner) => {
            out.push('-');
            print(inner, out);
        }
        Term::BinOp(left, operator, right) => print_operator(left, operator, right, out),
        Term::Label(label, inner) => {
            let _ = write!(out, "label {label} | ");
            print(inner, out);
        }
        Term::Fold(name, generator, pattern, arguments) => {
            out.push_str(name);
            out.push(' ');
            print(generator, out);
            out.push_str(" as ");
            print_pattern(pattern, out);
            out.push('(');
            separated(arguments, "; ", out, print);
            out.push(')');
        }
        Term::TryCatch(body, handler) => {
            out.push_str("try ");
            print(body, out);
            if let Some(handler) = handler {
                out.push_str(" catch ");
                print(handler, out);
            }
        }
        Term::IfThenElse(branches, otherwise) => {
            for (index, (condition, then)) in branches.iter().enumerate() {
                out.push_str(if index == 0 { "if " } else { " elif " });
                print(condition, out);
                out.push_str(" then ");
                print(then, out);
            }
            if let Some(otherwise) = otherwise {
                out.push_str(" else ");
                print(otherwise, out);
            }
            out.push_str(" end");
        }
        Term::Def(definitions, body) => {
            for Def { name, args, body } in definitions {
                let _ = write!(out, "def {name}");
                if !args.is_empty() {
                    let _ = write!(out, "({})", args.join("; "));
                }
                out.push_str(": ");
                print(body, out);
                out.push_str("; ");
            }
            print(body, out);
        }
        Term::Call(name, arguments) => {
            out.push_str(name);
            if !arguments.is_empty() {
                out.push('(');
                separated(arguments, "; ", out, print);
                out.push(')');
            }
        }
        Term::Path(inner, path) => {
            print(inner, out);
            for (part, optional) in &path.0 {
                out.push('[');
                match part {
                    Part::Index(index) => print(index, out),
                    Part::Range(None, None) => {}
                    Part::Range(from, to) => {
                        from.iter().for_each(|from| print(from, out));
                        out.push(':');
                        to.iter().for_each(|to| print(to, out));
                    }
                }
                out.push(']');
                if matches!(optional, Opt::Optional) {
                    out.push('?');
                }
            }
        }
    }
}

fn print_operator(
    left: &Term<&str>,
    operator: &BinaryOp<&str>,
    right: &Term<&str>,
    out: &mut String,
) {
    let symbol = match operator {
        BinaryOp::Math(Math::Mul) => {
            out.push_str("product(");
            print(left, out);
            out.push_str("; ");
            print(right, out);
            out.push(')');
            return;
        }
        BinaryOp::UpdateMath(Math::Mul) => {
            print(right, out);
            out.push_str(" as $checked_factor | ");
            print(left, out);
            out.push_str(" |= product(.; $checked_factor)");
            return;
        }
        BinaryOp::Pipe(Some(pattern)) => {
            print(left, out);
            out.push_str(" as ");
            print_pattern(pattern, out);
            out.push_str(" | ");
            print(right, out);
            return;
        }
        BinaryOp::Pipe(None) => "|".to_owned(),
        BinaryOp::Comma => ",".to_owned(),
        BinaryOp::Alt => "//".to_owned(),
        BinaryOp::Or => "or".to_owned(),
        BinaryOp::And => "and".to_owned(),
        BinaryOp::Math(math) => math.as_str().to_owned(),
        BinaryOp::Cmp(compare) => compare.as_str().to_owned(),
        BinaryOp::Assign => "=".to_owned(),
        BinaryOp::Update => "|=".to_owned(),
        BinaryOp::UpdateMath(math) => format!("{}=", math.as_str()),
        BinaryOp::UpdateAlt => "//=".to_owned(),
    };
    print(left, out);
    let _ = write!(out, " {symbol} ");
    print(right, out);
}

fn print_pattern(pattern: &Pattern<&str>, out: &mut String) {
    match pattern {
        Pattern::Var(name) => out.push_str(name),
        Pattern::Arr(patterns) => {
            out.push('[');
            separated(patterns, ", ", out, print_pattern);
            out.push(']');
        }
        Pattern::Obj(entries) => {
            out.push('{');
            separated(entries, ", ", out, |(key, inner), out| {
                print(key, out);
                out.push(':');
                print_pattern(inner, out);
            });
            out.push('}');
        }
    }
}

fn print_text(format: Option<&&str>, parts: &[StrPart<&str, Term<&str>>], out: &mut String) {
    if let Some(format) = format {
        out.push_str(format);
        out.push(' ');
    }
    out.push('"');
    for part in parts {
        match part {
            StrPart::Str(text) => out.push_str(text),
            StrPart::Char(character) => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            StrPart::Term(inner) => {
                out.push('\\');
                print(inner, out);
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::jq::Program;

    #[test]
    fn a_rewritten_program_gives_the_same() {
        let data = serde_json::json!({
            "a": 5, "s": "xy", "l": [3, 1, {"k": "v", "n": 2}], "m": {"p": {"q": 7}},
        });
        for program in [
            ".a * 2 + 1 * 3",
            ".a * -2",
            "2 * .a / 5 * 3 - 4 % 3",
            ".l[0] * .l[1], .l[2].n * 10",
            ".m * {p: {r: 1 * 2}}",
            ".l | map(numbers * 2) | add",
            "[.l[]? | .n? // 1 | . * 2]",
            "{a: (.a * 2), \"b c\": 1, (.s): 2, \"x\\(.a)\": 3, @base64 \"y\": 4, s}",
            ".a as $x | [$x * $x, {$x}]",
            ". as {a: $x, l: [$y, $z]} | $x * $y * $z",
            ". as {$a, \"s\": $t} | [$a * 2, $t]",
            "reduce .l[:2][] as $n (1; . * $n)",
            "[foreach range(1; 5) as $i (1; . * $i; [$i, .])]",
            "if .a * 2 == 10 then \"ten\" elif .a > 3 then 1 else 2 end",
            "if .a * 2 == 11 then 1 end",
            "try (.s * {}) catch \"no\"",
            "[.[] | try (. * 2)]",
            "def f(g; $h): g * $h; f(.a; 3)",
            "def f: . * 2; def g: f * 3; .a | f, g",
            ".a *= 3",
            ".l[0] *= 3 | .l[1] |= . * 4 | .m.p.q += 2 * 2 | .z //= 1",
            "(.l[0], .l[1]) *= 2",
            "\"é\\n\\t\\\"\\u00e9 \\(.a * 2) 😀\"",
            "@csv \"\\([.a * 2, .s])\"",
            "[.s, .a * 2] | @json, @text",
            "label $out | .l[] | numbers | ., (. * 2 | if . > 3 then break $out else . end)",
            "[.l[1:]?, .l[:1], .l[-1:]] | length * 2",
            "[..] | length * 1",
            ".s * 2",
            "2 * .s",
            "-(.a) * 2, (-.a * 2)",
            ".a * 2 < 11 and (.a * 2 > 9 or false) | not",
            ".m[\"p\"].q * 2, .m.p[\"q\"]?, .\"m\".\"p\".q * 1",
            "[.l[] | select(type == \"number\") * 2]",
            "[limit(2; .l[] | numbers * 10)]",
            "1e2 * 1.5, 0.1 * 3",
            "$__loc__ | .line * 2",
            "(1, 2) * (3, 4)",
        ] {
            let written = guarded(program).unwrap();
            let run = |source: &str| {
                Program::compile_unchecked(source)
                    .and_then(|compiled| compiled.run_on(&data))
                    .map_err(|fail| fail.message)
            };
            let (plain, checked) = (run(program), run(&written));
            // Several products of streams come in another order.
            let sorted = |outcome: Result<Vec<String>, String>| {
                outcome.map(|mut results| {
                    results.sort();
                    results
                })
            };
            assert_eq!(sorted(plain), sorted(checked), "{program}\n{written}");
        }
    }

    #[test]
    fn definitions_that_call_themselves_are_found() {
        for (program, name) in [
            ("def f: f; f", "f"),
            (
                "[1] | map(def g($x): if $x > 0 then g($x - 1) else 0 end; g(3))",
                "g",
            ),
            ("def a: def b: a; b; a", "a"),
            ("\"\\(def h: h; h)\"", "h"),
        ] {
            assert_eq!(guarded(program), Err(name.to_owned()), "{program}");
        }
        assert!(guarded("def f: 1; def g: f; g, f").is_ok());
    }
}
