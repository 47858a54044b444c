//! Expressions of HCL as expressions of the host.

use hcl_edit::expr::{BinaryOperator, Expression, Object, ObjectKey, UnaryOperator};
use hcl_edit::template::Element;
use taffrail_core::diagnostic::Code as DiagnosticCode;

use crate::code::{Code, Guess};
use crate::constant::json_number;
use crate::node::place;
use crate::reader::{Context, Reader};

impl Reader<'_> {
    /// The expression as an operand. What is wrong is noted, and something harmless stands for it.
    pub(crate) fn expression(&mut self, expression: &Expression, context: &Context) -> Code {
        self.deeper(context.unit, place(expression), |reader| {
            reader.expression_here(expression, context)
        })
    }

    fn expression_here(&mut self, expression: &Expression, context: &Context) -> Code {
        match expression {
            Expression::Null(_) => Code::unknown("null"),
            Expression::Bool(flag) => Code::new(flag.value().to_string(), Guess::Bool),
            Expression::Number(number) => {
                let text = json_number(number.value()).map(|number| number.to_string());
                Code::new(text.unwrap_or_else(|| "0".to_owned()), Guess::Number)
            }
            Expression::String(text) => Code::literal(text.value()),
            Expression::StringTemplate(template) => self.joined(template.iter(), context),
            Expression::HeredocTemplate(heredoc) => self.joined(heredoc.template.iter(), context),
            Expression::Parenthesis(inner) => self.expression(inner.inner(), context),
            Expression::Array(items) => {
                let items: Vec<String> = items
                    .iter()
                    .map(|item| self.expression(item, context).text)
                    .collect();
                Code::new(format!("[{}]", items.join(", ")), Guess::List)
            }
            Expression::Object(object) => self.object(object, context),
            Expression::Variable(name) => self.name(name.as_str(), place(name), context),
            Expression::Traversal(traversal) => self.traversal(traversal, context),
            Expression::Conditional(conditional) => {
                let condition = self.expression(&conditional.cond_expr, context).truth();
                let yes = self.expression(&conditional.true_expr, context);
                let no = self.expression(&conditional.false_expr, context);
                let guess = if yes.guess == no.guess {
                    yes.guess
                } else {
                    Guess::Unknown
                };
                Code::new(format!("({condition} ? {} : {})", yes.text, no.text), guess)
            }
            Expression::UnaryOp(operation) => {
                let operand = self.expression(&operation.expr, context);
                match operation.operator.value() {
                    UnaryOperator::Neg => Code::new(format!("(-{})", operand.text), Guess::Number),
                    UnaryOperator::Not => {
                        Code::new(format!("(not {})", operand.truth()), Guess::Bool)
                    }
                }
            }
            Expression::BinaryOp(operation) => {
                let left = self.expression(&operation.lhs_expr, context);
                let right = self.expression(&operation.rhs_expr, context);
                binary(*operation.operator.value(), &left, &right)
            }
            Expression::FuncCall(call) => self.call(call, context),
            Expression::ForExpr(each) => self.each(each, context),
        }
    }

    fn object(&mut self, object: &Object, context: &Context) -> Code {
        let mut entries = Vec::with_capacity(object.len());
        for (key, value) in object.iter() {
            let key = match key {
                ObjectKey::Ident(ident) => Code::literal(ident.as_str()),
                ObjectKey::Expression(key) => self.expression(key, context),
            };
            let value = self.expression(value.expr(), context);
            entries.push(format!("{}: {}", key.text, value.text));
        }
        Code::unknown(format!("{{{}}}", entries.join(", ")))
    }

    /// A text with values in it. One that holds a value and nothing else is that value.
    fn joined<'e>(
        &mut self,
        elements: impl Iterator<Item = &'e Element>,
        context: &Context,
    ) -> Code {
        let mut parts = Vec::new();
        let mut literal = false;
        for element in elements {
            match element {
                Element::Literal(text) => {
                    literal = true;
                    parts.push(Code::literal(text.value()));
                }
                Element::Interpolation(interpolation) => {
                    parts.push(self.expression(&interpolation.expr, context));
                }
                Element::Directive(directive) => {
                    self.wrong(
                        context.unit,
                        DiagnosticCode::HclUnsupported,
                        place(directive.as_ref()),
                        "runflow has no `%{ … }` in texts; write `${condition ? a : b}`, or a `for` expression",
                    );
                }
            }
        }
        match parts.as_slice() {
            [] => Code::literal(""),
            [only] if !literal => only.clone(),
            [only] => only.clone(),
            several => {
                let texts: Vec<&str> = several.iter().map(|part| part.text.as_str()).collect();
                Code::new(format!("({})", texts.join(" ~ ")), Guess::Text)
            }
        }
    }
}

fn binary(operator: BinaryOperator, left: &Code, right: &Code) -> Code {
    let plain = |symbol: &str, guess: Guess| {
        Code::new(format!("({} {symbol} {})", left.text, right.text), guess)
    };
    let both = |guess: Guess| left.guess == guess && right.guess == guess;
    match operator {
        BinaryOperator::Eq => plain("==", Guess::Bool),
        BinaryOperator::NotEq => plain("!=", Guess::Bool),
        BinaryOperator::Less => ordered(left, right, "<"),
        BinaryOperator::LessEq => ordered(left, right, "<="),
        BinaryOperator::Greater => ordered(left, right, ">"),
        BinaryOperator::GreaterEq => ordered(left, right, ">="),
        BinaryOperator::Plus if left.guess == Guess::Text || right.guess == Guess::Text => {
            plain("+", Guess::Text)
        }
        BinaryOperator::Plus if both(Guess::Number) => plain("+", Guess::Number),
        BinaryOperator::Plus if both(Guess::List) => plain("+", Guess::List),
        BinaryOperator::Plus => plain("+", Guess::Unknown),
        BinaryOperator::Minus => plain("-", Guess::Number),
        BinaryOperator::Mul => plain("*", Guess::Number),
        // Whole numbers divide to a fraction in runflow, and to a whole number in the host's language.
        BinaryOperator::Div => Code::new(
            format!("({} * 1.0 / {})", left.text, right.text),
            Guess::Number,
        ),
        BinaryOperator::Mod => plain("%", Guess::Number),
        BinaryOperator::And | BinaryOperator::Or => {
            let and = operator == BinaryOperator::And;
            if both(Guess::Bool) {
                return plain(if and { "and" } else { "or" }, Guess::Bool);
            }
            // The value that decided is the result, whatever it is.
            let (yes, no) = if and { (right, left) } else { (left, right) };
            Code::unknown(format!("({} ? {} : {})", left.truth(), yes.text, no.text))
        }
    }
}

/// An order between values. The host's language has one for numbers only; texts, too, have one in runflow.
fn ordered(left: &Code, right: &Code, symbol: &str) -> Code {
    if left.guess == Guess::Number || right.guess == Guess::Number {
        return Code::new(
            format!("({} {symbol} {})", left.text, right.text),
            Guess::Bool,
        );
    }
    Code::new(format!("[{}, {}]", left.text, right.text), Guess::List)
        .jq(&format!(".[0] {symbol} .[1]"), Guess::Bool)
}
