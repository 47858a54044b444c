//! `for` expressions. The host's language has none that give a list or a map, so each becomes a macro that prints JSON.

use hcl_edit::expr::{Expression, ForExpr};
use taffrail_core::diagnostic::Code as DiagnosticCode;

use crate::code::{Code, Guess};
use crate::node::place;
use crate::reader::{Context, Reader};

/// What one name runs over: the items of a list, the keys of a map.
const ONE: &str = r#"if type == "object" then [to_entries[] | .key] else . end"#;

/// What two names run over: the places and items of a list, the keys and values of a map in the order of the keys.
const TWO: &str = r#"if type == "object" then [to_entries | sort_by(.key)[] | {"key": .key, "value": .value}] else [range(length) as $i | {"key": $i, "value": .[$i]}] end"#;

impl Reader<'_> {
    pub(crate) fn each(&mut self, each: &ForExpr, context: &Context) -> Code {
        if each.grouping {
            self.wrong(
                context.unit,
                DiagnosticCode::HclUnsupported,
                place(each),
                "`...` behind the value of a `for` expression, which groups by key, does not run here",
            );
            return Code::wrong();
        }
        let over = self.expression(&each.intro.collection_expr, context);
        let number = self.macro_count + 1;
        self.macro_count = number;
        let item = format!("item{number}");
        let mut inside = context.clone();
        let over = match &each.intro.key_var {
            Some(key) => {
                let of = |part: &str| Code::unknown(format!("{item}.{part}"));
                inside.locals.push((key.as_str().to_owned(), of("key")));
                let value = each.intro.value_var.as_str().to_owned();
                inside.locals.push((value, of("value")));
                over.jq(TWO, Guess::List)
            }
            None => {
                let value = each.intro.value_var.as_str().to_owned();
                inside.locals.push((value, Code::unknown(item.clone())));
                match over.guess {
                    Guess::List => over,
                    _ => over.jq(ONE, Guess::List),
                }
            }
        };
        let condition = each
            .cond
            .as_ref()
            .map(|condition| self.expression(&condition.expr, &inside).truth());
        let json = |reader: &mut Self, expression: &Expression| {
            let code = reader.expression(expression, &inside);
            format!("{{{{ {} | toJson }}}}", code.text)
        };
        let (mut printed, brackets) = match &each.key_expr {
            Some(key) => {
                let key = self.expression(key, &inside);
                let value = json(self, &each.value_expr);
                let key = format!("{{{{ {} | string | toJson }}}}", key.text);
                (format!(",{key}:{value}"), ['{', '}'])
            }
            None => (format!(",{}", json(self, &each.value_expr)), ['[', ']']),
        };
        if let Some(condition) = condition {
            printed = format!("{{% if {condition} %}}{printed}{{% endif %}}");
        }
        // A macro sees its own parameters only: what its body may name is handed over, the items of the loops round it, too.
        let mut names = vec!["inputs".to_owned(), "outputs".to_owned()];
        for (_, code) in &context.locals {
            let root = code.text.split(['.', '[']).next().unwrap_or_default();
            let is_item = root.strip_prefix("item").is_some_and(|number| {
                !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
            });
            if is_item && !names.iter().any(|name| name == root) {
                names.push(root.to_owned());
            }
        }
        let names = names.join(", ");
        self.macros.push(format!(
            "{{% macro each{number}({names}, list{number}) %}}{{% for {item} in list{number} %}}{printed}{{% endfor %}}{{% endmacro %}}"
        ));
        let [open, close] = brackets;
        let guess = if open == '[' {
            Guess::List
        } else {
            Guess::Unknown
        };
        Code::new(
            format!(
                "fromJson('{open}' ~ (each{number}({names}, {}) | substringAfter(',')) ~ '{close}')",
                over.text
            ),
            guess,
        )
    }
}
