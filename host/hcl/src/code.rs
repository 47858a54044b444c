//! Pieces of the host's expression language, made from expressions of HCL.

/// What is known of a value before it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guess {
    Bool,
    Number,
    Text,
    List,
    Unknown,
}

/// An operand: it binds tighter than every operator round it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Code {
    pub text: String,
    pub guess: Guess,
}

impl Code {
    pub(crate) fn new(text: impl Into<String>, guess: Guess) -> Self {
        Self {
            text: text.into(),
            guess,
        }
    }

    pub(crate) fn unknown(text: impl Into<String>) -> Self {
        Self::new(text, Guess::Unknown)
    }

    /// What stands for something that was wrong and has been told.
    pub(crate) fn wrong() -> Self {
        Self::unknown("null")
    }

    pub(crate) fn literal(text: &str) -> Self {
        Self::new(quoted(text), Guess::Text)
    }

    /// The value behind a name.
    pub(crate) fn attribute(&self, name: &str) -> Self {
        Self::unknown(format!("{}{}", self.indexable(), step(name)))
    }

    /// The value behind a key that is an operand.
    pub(crate) fn index(&self, key: &str) -> Self {
        Self::unknown(format!("{}[{key}]", self.indexable()))
    }

    /// Literals of lists and maps need brackets before they can be looked into.
    fn indexable(&self) -> String {
        if self.text.starts_with(['{', '[']) {
            format!("({})", self.text)
        } else {
            self.text.clone()
        }
    }

    /// The operand through a filter, with arguments in brackets or none.
    pub(crate) fn filter(&self, filter: &str, guess: Guess) -> Self {
        Self::new(format!("({} | {filter})", self.text), guess)
    }

    /// The operand through a program of jq that gives one value.
    pub(crate) fn jq(&self, program: &str, guess: Guess) -> Self {
        let all = self.jq_all(program);
        Self::new(format!("({} | first)", all.text), guess)
    }

    /// The operand through a program of jq, with all that it gives as a list.
    pub(crate) fn jq_all(&self, program: &str) -> Self {
        if self.guess == Guess::List {
            return self.filter(&format!("jq({})", quoted(program)), Guess::List);
        }
        // A text would be read as JSON.
        let wrapped = quoted(&format!(".[0] | {program}"));
        Self::new(format!("([{}] | jq({wrapped}))", self.text), Guess::List)
    }

    /// Whether the value counts as true: everything but nothing, false, zero and what is empty does.
    pub(crate) fn truth(&self) -> String {
        match self.guess {
            Guess::Bool => self.text.clone(),
            Guess::Number => format!("({} != 0)", self.text),
            Guess::Text => format!("({} != '')", self.text),
            Guess::List => format!("({} is not empty)", self.text),
            Guess::Unknown => {
                let program =
                    r#". != null and . != false and . != 0 and . != "" and . != [] and . != {}"#;
                self.jq(program, Guess::Bool).text
            }
        }
    }
}

/// Words that cannot stand behind a dot.
const OPERATORS: [&str; 10] = [
    "and", "or", "not", "is", "in", "isIn", "contains", "equals", "true", "false",
];

/// One step from a map to the value of a key.
pub(crate) fn step(name: &str) -> String {
    let mut letters = name.chars();
    let simple = letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && !OPERATORS.contains(&name);
    if simple {
        format!(".{name}")
    } else {
        format!("[{}]", quoted(name))
    }
}

/// A text as a literal. A backslash of the language takes a quote along and is kept before all else, so a text with one goes by JSON.
pub(crate) fn quoted(text: &str) -> String {
    if text.contains('\\') {
        let json = serde_json::Value::from(text).to_string();
        return format!("fromJson('{}')", json.replace('\'', "\\u0027"));
    }
    format!("'{}'", text.replace('\'', "\\'"))
}

/// A text as a piece of a template, with what would open a tag written so that it does not.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let opens = letter == '{' && matches!(letters.peek(), None | Some('{' | '%' | '#'));
        if opens {
            out.push_str("{{ '{' }}");
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_literals_that_mean_the_same() {
        let check = |text: &str| {
            let template = format!("{{{{ {} }}}}", quoted(text));
            assert_eq!(render(&template), text, "{template}");
            assert_eq!(render(&plain(text)), text, "{}", plain(text));
        };
        for text in [
            "",
            "it's",
            "a\\",
            "\\'",
            "\\\\ \" ' {{ x }} {% y %} {# z #}",
            "{",
            "{{{",
            "}}{",
            "é\n\t\u{1}漢",
            "#{x}",
        ] {
            check(text);
        }
    }

    fn render(template: &str) -> String {
        struct Nothing;
        impl taffrail_expr::Environment for Nothing {
            fn variable(&self, _: &str) -> Option<taffrail_expr::Value> {
                None
            }
            fn names(&self) -> Vec<String> {
                Vec::new()
            }
            fn function(
                &self,
                _: &str,
                _: &taffrail_expr::Arguments,
            ) -> Option<Result<taffrail_expr::Value, String>> {
                None
            }
            fn function_names(&self) -> Vec<String> {
                Vec::new()
            }
        }
        let parsed = taffrail_expr::Template::parse(template)
            .unwrap_or_else(|errors| panic!("{template}: {errors:?}"));
        let rendered = parsed
            .render(&Nothing, &taffrail_expr::Limits::default())
            .unwrap();
        rendered.text
    }
}
