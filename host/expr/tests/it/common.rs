//! A strict world for tests: variables from JSON, secrets that are marked, no other function.

use taffrail_expr::{Arguments, Environment, EvalError, Limits, Rendered, Template, Value};

pub(crate) struct World {
    variables: serde_json::Value,
}

impl World {
    pub(crate) fn new(variables: serde_json::Value) -> World {
        World { variables }
    }
}

impl Environment for World {
    fn variable(&self, name: &str) -> Option<Value> {
        self.variables.get(name).map(Value::from_json)
    }

    fn names(&self) -> Vec<String> {
        let names = self.variables.as_object().unwrap();
        names.keys().cloned().collect()
    }

    fn function(&self, name: &str, arguments: &Arguments) -> Option<Result<Value, String>> {
        match name {
            "secret" => {
                let key = arguments.get(0, "key").and_then(Value::as_str).unwrap();
                Some(Ok(Value::text(format!("value of {key}")).tainted(key)))
            }
            "read" => Some(Err("no such file".to_owned())),
            _ => None,
        }
    }

    fn function_names(&self) -> Vec<String> {
        vec!["secret".to_owned(), "read".to_owned()]
    }
}

pub(crate) fn rendered(source: &str, world: &World) -> Result<Rendered, EvalError> {
    let template = Template::parse(source).map_err(|errors| panic_as_eval(&errors))?;
    template.render(world, &Limits::default())
}

/// The text, or every message of what is wrong.
pub(crate) fn render(source: &str, world: &World) -> Result<String, String> {
    let template = Template::parse(source).map_err(|errors| {
        errors
            .iter()
            .map(|error| error.message.clone())
            .collect::<Vec<_>>()
            .join("; ")
    })?;
    template
        .render(world, &Limits::default())
        .map(|rendered| rendered.text)
        .map_err(|error| error.message)
}

fn panic_as_eval(errors: &[taffrail_expr::SyntaxError]) -> EvalError {
    panic!("the test's text is not valid: {errors:?}")
}
