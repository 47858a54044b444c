//! Names that no image has, which is an error already; and images without a tag: they are another image tomorrow.

use crate::diagnostic::{Code, Diagnostic};
use crate::flow::Task;
use crate::image_name::ImageName;
use crate::yaml::{Node, ScalarValue};

/// Looks at the image that a task names, in either syntax.
pub(super) fn check(task: &Task, found: &mut Vec<Diagnostic>) {
    let old = task
        .node
        .get("docker")
        .and_then(|docker| docker.get("image"));
    let images = [
        (task.node.get("containerImage"), "containerImage"),
        (old, "docker.image"),
    ];
    for (node, path) in images {
        if let Some(node) = node
            && let Some(diagnostic) = wrong(node).or_else(|| untagged(node))
        {
            found.push(diagnostic.path(format!("task `{}`.{path}", task.id.value)));
        }
    }
}

fn wrong(node: &Node) -> Option<Diagnostic> {
    let scalar = node
        .scalar()
        .filter(|scalar| scalar.value == ScalarValue::Text)?;
    if scalar.text.contains("{{") {
        return None;
    }
    let why = ImageName::parse(&scalar.text).err()?;
    Some(Diagnostic::error(Code::WrongValue, node.span, why))
}

fn untagged(node: &Node) -> Option<Diagnostic> {
    let scalar = node
        .scalar()
        .filter(|scalar| scalar.value == ScalarValue::Text)?;
    let image = scalar.text.trim();
    if image.is_empty() || image.contains("{{") || image.contains('@') {
        return None;
    }
    // A colon before the last slash belongs to the port of a registry.
    let last = image.rsplit('/').next()?;
    let (message, label) = match last.split_once(':') {
        None => (
            format!("the image `{image}` has no tag"),
            "that means `latest`, which is another image tomorrow",
        ),
        Some((_, "latest")) => (
            format!("the image `{image}` moves"),
            "`latest` is another image tomorrow",
        ),
        Some(_) => return None,
    };
    Some(
        Diagnostic::warning(Code::UntaggedImage, node.span, message)
            .label(label)
            .help("name a version, as in `python:3.13-slim`, or a digest"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Limits, parse};

    #[test]
    fn only_a_tag_or_a_digest_stays_the_same() {
        let check = |image: &str, expected: &str| {
            let root = parse(&format!("image: {image}\n"), &Limits::default()).root;
            let root = root.expect("YAML");
            let found = untagged(root.get("image").expect("an image"));
            let message = found.map_or(String::new(), |found| found.message);
            assert_eq!(message, expected, "{image}");
        };
        check("ubuntu:24.04", "");
        check("ubuntu@sha256:00", "");
        check("'{{ inputs.image }}'", "");
        check("registry:5000/team/tool:1", "");
        check("ubuntu", "the image `ubuntu` has no tag");
        check(
            "registry:5000/team/tool",
            "the image `registry:5000/team/tool` has no tag",
        );
        check("ubuntu:latest", "the image `ubuntu:latest` moves");
    }

    #[test]
    fn what_is_no_name_is_wrong_unless_an_expression_gives_it() {
        let found = |image: &str| {
            let root = parse(&format!("image: {image}\n"), &Limits::default()).root;
            let root = root.expect("YAML");
            let found = wrong(root.get("image").expect("an image"));
            found.map(|found| (found.severity, found.message))
        };
        let lower = "`Team/Tool:1` is no image name: repositories are written in lower case";
        let error = crate::diagnostic::Severity::Error;
        assert_eq!(found("Team/Tool:1"), Some((error, lower.to_owned())));
        assert_eq!(found("'{{ inputs.Image }}'"), None);
        assert_eq!(found("h:5000/team/tool"), None);
    }
}
