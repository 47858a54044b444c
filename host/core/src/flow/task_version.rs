//! Which version a task asks for, and what is said of a text that is none.

use super::defaults::{Chosen, Origin};
use super::types::Spanned;
use crate::diagnostic::{Code, Diagnostic};
use crate::version::{VersionPin, VersionPinError};
use crate::yaml::{Span, push_key};

/// Reads the version that holds for a task, and says whether it is one.
pub(super) fn version(
    chosen: Option<&Chosen>,
    path: &str,
    found: &mut Vec<Diagnostic>,
) -> (Option<Spanned<VersionPin>>, bool) {
    let Some(Chosen { value, origin }) = chosen else {
        return (None, true);
    };
    let Some(scalar) = value.scalar() else {
        // The schema of the task says so.
        return (None, *origin == Origin::Task);
    };
    match VersionPin::parse(&scalar.text) {
        Ok(pin) => (
            Some(Spanned {
                value: pin,
                span: value.span,
            }),
            true,
        ),
        Err(error) => {
            let diagnostic = wrong_version(error, value.span);
            found.push(match origin {
                Origin::Task => {
                    let mut version_path = path.to_owned();
                    push_key(&mut version_path, "version");
                    diagnostic.path(version_path)
                }
                Origin::Flow => diagnostic.path("pluginDefaults"),
                // There is nothing in the flow to put right.
                Origin::Host => Diagnostic {
                    help: None,
                    ..diagnostic
                        .note("the host's configuration gives tasks of this type that version")
                },
            });
            (None, false)
        }
    }
}

/// Says of a text that it is no version.
pub(crate) fn wrong_version(error: VersionPinError, span: Span) -> Diagnostic {
    let diagnostic = Diagnostic::error(Code::WrongValue, span, error.to_string())
        .label(format!("allowed: {}", VersionPin::ALLOWED));
    match error.suggestion {
        Some(suggestion) => {
            diagnostic.fix(format!("did you mean `{suggestion}`?"), span, suggestion)
        }
        None => diagnostic,
    }
}
