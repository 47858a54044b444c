//! Properties read one by one, without a struct: a third of the code where a task has a handful of texts and flags.

use super::Properties;
use super::deserialize::{Error, names};
use crate::json::Value;
use crate::types::PlanError;

impl Properties {
    /// Refuses every property that is not named, the first of them with its pointer.
    ///
    /// # Errors
    /// [`PlanError::InvalidProperties`] with the code `<plugin>/unknown-property`.
    pub fn allow(&self, allowed: &[&str]) -> Result<(), PlanError> {
        let entries = self.value.as_object().unwrap_or_default();
        match entries
            .iter()
            .find(|(name, _)| !allowed.contains(&name.as_str()))
        {
            None => Ok(()),
            Some((name, _)) => {
                let message = [
                    "unknown property `",
                    name,
                    "`, allowed are ",
                    &names(allowed),
                ]
                .concat();
                Err(self.complain(name, Error::new("unknown-property", message)))
            }
        }
    }

    /// A text, none where it is absent or `null`.
    ///
    /// # Errors
    /// [`PlanError::InvalidProperties`] with the code `<plugin>/wrong-type`.
    pub fn text(&self, name: &str) -> Result<Option<&str>, PlanError> {
        match self.value.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => Err(self.complain(name, Error::wrong_type("a text", other))),
        }
    }

    /// A list of texts, none where it is absent or `null`.
    ///
    /// # Errors
    /// [`PlanError::InvalidProperties`] with the code `<plugin>/wrong-type` and the pointer to the list or to the item.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<String>>, PlanError> {
        let items = match self.value.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::List(items)) => items,
            Some(other) => return Err(self.complain(name, Error::wrong_type("a list", other))),
        };
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item {
                Value::Text(text) => texts.push(text.clone()),
                other => {
                    let error = Error::wrong_type("a text", other).under(&index.to_string());
                    return Err(self.complain(name, error));
                }
            }
        }
        Ok(Some(texts))
    }

    /// `true` or `false`, none where it is absent or `null`.
    ///
    /// # Errors
    /// [`PlanError::InvalidProperties`] with the code `<plugin>/wrong-type`.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, PlanError> {
        match self.value.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.complain(name, Error::wrong_type("`true` or `false`", other))),
        }
    }

    /// What the task cannot do without, or the complaint that it is absent or `null`.
    ///
    /// # Errors
    /// [`PlanError::InvalidProperties`] with the code `<plugin>/missing-property`, or `<plugin>/wrong-type` where it is `null`;
    /// `expected` says in words what it should be.
    pub fn required<T>(
        &self,
        name: &str,
        expected: &str,
        found: Option<T>,
    ) -> Result<T, PlanError> {
        found.ok_or_else(|| {
            let error = match self.value.get(name) {
                Some(null) => Error::wrong_type(expected, null),
                None => Error::new(
                    "missing-property",
                    ["property `", name, "` is missing"].concat(),
                ),
            };
            self.complain(name, error)
        })
    }

    fn complain(&self, name: &str, error: Error) -> PlanError {
        error.under(name).into_plan_error(self.plugin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Diagnostic, Severity};

    /// Reads all that there is, each in its way.
    fn read(text: &str) -> Result<(String, Vec<String>, Option<bool>), PlanError> {
        let properties = Properties::parse("p", text).unwrap();
        properties.allow(&["text", "list", "flag"])?;
        let found = properties.text("text")?.map(str::to_owned);
        let flag = properties.flag("flag")?;
        let list = properties.texts("list")?.unwrap_or_default();
        Ok((properties.required("text", "a text", found)?, list, flag))
    }

    #[test]
    fn what_is_there_is_read() {
        let check = |text: &str, expected: (&str, &[&str], Option<bool>)| {
            let (found, list, flag) = read(text).unwrap();
            assert_eq!((found.as_str(), flag), (expected.0, expected.2), "{text}");
            assert_eq!(list, expected.1, "{text}");
        };
        check(r#"{"text":""}"#, ("", &[], None));
        check(r#"{"text":"a","list":null,"flag":null}"#, ("a", &[], None));
        check(
            r#"{"flag":false,"list":["b","c"],"text":"a"}"#,
            ("a", &["b", "c"], Some(false)),
        );
    }

    #[test]
    fn complaints_are_those_of_a_struct() {
        let check = |text: &str, code: &str, pointer: &str, message: &str| {
            let expected = Diagnostic::new(Severity::Error, code, pointer, message);
            assert_eq!(
                read(text),
                Err(PlanError::InvalidProperties(vec![expected])),
                "{text}"
            );
        };
        check(
            "{}",
            "p/missing-property",
            "/text",
            "property `text` is missing",
        );
        check(
            r#"{"text":null}"#,
            "p/wrong-type",
            "/text",
            "expected a text, found null",
        );
        check(
            r#"{"text":1}"#,
            "p/wrong-type",
            "/text",
            "expected a text, found a number",
        );
        check(
            r#"{"text":"","list":"a"}"#,
            "p/wrong-type",
            "/list",
            "expected a list, found a text",
        );
        check(
            r#"{"text":"","list":["a",null]}"#,
            "p/wrong-type",
            "/list/1",
            "expected a text, found null",
        );
        check(
            r#"{"text":"","flag":"true"}"#,
            "p/wrong-type",
            "/flag",
            "expected `true` or `false`, found a text",
        );
        check(
            r#"{"text":"","a/b":1}"#,
            "p/unknown-property",
            "/a~1b",
            "unknown property `a/b`, allowed are `text`, `list`, `flag`",
        );
    }
}
