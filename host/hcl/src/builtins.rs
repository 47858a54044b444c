//! The built-in functions of Python that runflow hands on, and the methods of texts, as far as they are of use in a flow.

use crate::code::{Code, Guess};
use crate::functions::all;

/// One function.
pub(crate) struct Builtin {
    pub name: &'static str,
    /// How many arguments it takes.
    pub least: usize,
    pub most: usize,
    /// The same in words.
    pub takes: &'static str,
    pub make: fn(&[Code]) -> Code,
}

const MANY: usize = 64;

/// A number in another base, with the prefix that Python gives it.
macro_rules! based {
    ($prefix:literal, $base:literal) => {
        |arguments: &[Code]| {
            arguments[0].jq(
                concat!(
                    r#"(if . < 0 then "-"#,
                    $prefix,
                    r#"" else ""#,
                    $prefix,
                    r#"" end) + ([(if . < 0 then -. else . end) | recurse(if . >= "#,
                    $base,
                    r#" then (. / "#,
                    $base,
                    r#" | floor) else empty end) | . % "#,
                    $base,
                    r#" | "0123456789abcdef"[.:. + 1]] | reverse | join(""))"#
                ),
                Guess::Text,
            )
        }
    };
}

macro_rules! builtins {
    ($($name:literal $least:literal $most:tt $takes:literal $make:expr;)*) => {
        static BUILTINS: &[Builtin] = &[
            $(Builtin { name: $name, least: $least, most: $most, takes: $takes, make: $make },)*
        ];
    };
}

builtins! {
    "abs" 1 1 "one number" |a| a[0].filter("abs", Guess::Number);
    "all" 1 1 "one list" |a| a[0].jq("all(. != null and . != false and . != 0 and . != \"\" and . != [] and . != {})", Guess::Bool);
    "any" 1 1 "one list" |a| a[0].jq("any(. != null and . != false and . != 0 and . != \"\" and . != [] and . != {})", Guess::Bool);
    "bin" 1 1 "one whole number" based!("0b", "2");
    "bool" 1 1 "one value" |a| Code::new(a[0].truth(), Guess::Bool);
    "chr" 1 1 "one whole number" |a| a[0].jq("[.] | implode", Guess::Text);
    "dict" 1 1 "one map" |a| a[0].clone();
    "enumerate" 1 1 "one list" |a| a[0].jq("[range(length) as $i | [$i, .[$i]]]", Guess::List);
    "float" 1 1 "one value" |a| a[0].filter("number('DOUBLE')", Guess::Number);
    "hex" 1 1 "one whole number" based!("0x", "16");
    "int" 1 1 "one value" |a| a[0].jq("tonumber | if . < 0 then ceil else floor end", Guess::Number);
    "len" 1 1 "one text, list or map" |a| a[0].filter("length", Guess::Number);
    "list" 1 1 "one list or map" |a| a[0].jq("if type == \"object\" then [to_entries[] | .key] elif type == \"string\" then split(\"\") else . end", Guess::List);
    "max" 1 MANY "numbers, or one list" |a| several(a).jq("max", Guess::Unknown);
    "min" 1 MANY "numbers, or one list" |a| several(a).jq("min", Guess::Unknown);
    "oct" 1 1 "one whole number" based!("0o", "8");
    "ord" 1 1 "one letter" |a| a[0].jq("explode | first", Guess::Number);
    "pow" 2 2 "two numbers" |a| all(a).jq("pow(.[0]; .[1]) | if . == floor then floor else . end", Guess::Number);
    "range" 1 3 "an end, or a start, an end and a step" |a| all(a).jq("if length == 1 then [range(.[0])] elif length == 2 then [range(.[0]; .[1])] else [range(.[0]; .[1]; .[2])] end", Guess::List);
    "reversed" 1 1 "one list" |a| a[0].filter("reverse", Guess::List);
    "round" 1 1 "one number" |a| a[0].jq("round", Guess::Number);
    "set" 1 1 "one list" |a| a[0].filter("distinct", Guess::List);
    "sorted" 1 1 "one list" |a| a[0].jq("sort", Guess::List);
    "str" 1 1 "one value" |a| a[0].filter("string", Guess::Text);
    "sum" 1 2 "a list, and a start" |a| match a {
        [list, start] => Code::new(format!("({} + {})", start.text, list.jq("add // 0", Guess::Number).text), Guess::Number),
        _ => a[0].jq("add // 0", Guess::Number),
    };
    "tuple" 1 1 "one list" |a| a[0].clone();
    "zip" 2 MANY "lists" |a| all(a).jq("(map(length) | min) as $n | map(.[:$n]) | transpose", Guess::List);
}

/// One list stands for its items.
fn several(arguments: &[Code]) -> Code {
    match arguments {
        [only] => only.clone(),
        many => all(many),
    }
}

pub(crate) fn find(name: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| builtin.name == name)
}

pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    BUILTINS.iter().map(|builtin| builtin.name)
}

/// The methods that `call` knows, and how many arguments each takes at most.
pub(crate) const METHODS: [(&str, usize); 15] = [
    ("capitalize", 0),
    ("endswith", 1),
    ("get", 2),
    ("join", 1),
    ("json", 0),
    ("keys", 0),
    ("lower", 0),
    ("replace", 2),
    ("split", 1),
    ("splitlines", 0),
    ("startswith", 1),
    ("strip", 0),
    ("title", 0),
    ("upper", 0),
    ("values", 0),
];

/// What a method gives; nothing for one that is not known, or not with as many arguments.
pub(crate) fn method(object: &Code, name: &str, arguments: &[Code]) -> Option<Code> {
    let pair = |other: &Code| all(&[object.clone(), other.clone()]);
    let code = match (name, arguments) {
        ("capitalize", []) => object.filter("lower | capitalize", Guess::Text),
        ("endswith", [end]) => object.filter(&format!("endsWith({})", end.text), Guess::Bool),
        ("get", [key]) => Code::unknown(format!("({} ?? null)", object.index(&key.text).text)),
        ("get", [key, other]) => Code::unknown(format!(
            "({} ?? {})",
            object.index(&key.text).text,
            other.text
        )),
        ("join", [list]) => list.filter(&format!("join({})", object.text), Guess::Text),
        ("json", []) => Code::unknown(format!("fromJson({})", object.text)),
        ("keys", []) => object.filter("keys", Guess::List),
        ("lower", []) => object.filter("lower", Guess::Text),
        ("replace", [old, new]) => object.filter(
            &format!("replace({{{}: {}}})", old.text, new.text),
            Guess::Text,
        ),
        ("split", [by]) => pair(by).jq(".[1] as $by | .[0] | split($by)", Guess::List),
        ("split", []) => object.jq("[splits(\"\\\\s+\") | select(. != \"\")]", Guess::List),
        ("splitlines", []) => object.jq(
            "[splits(\"\\r?\\n\")] | if last == \"\" then .[:-1] else . end",
            Guess::List,
        ),
        ("startswith", [start]) => {
            object.filter(&format!("startsWith({})", start.text), Guess::Bool)
        }
        ("strip", []) => object.filter("trim", Guess::Text),
        ("title", []) => object.filter("lower | title", Guess::Text),
        ("upper", []) => object.filter("upper", Guess::Text),
        ("values", []) => object.filter("values", Guess::List),
        _ => return None,
    };
    Some(code)
}
