//! Refuses plans that no backend could start or that would surprise its user, and caps what a plugin says.

use std::collections::BTreeSet;

use taffrail_core::plan::{EnvVar, Plan, PlanRefusal, Program, PropertyRemark};

use crate::text::{bytes, capped, harmless};

/// Most entries of a program's lines or arguments.
const MOST_ENTRIES: usize = 4_096;
/// Most bytes of all arguments together; the system takes no more than twice that.
const MOST_ARGUMENT_BYTES: usize = 1 << 20;
/// Most bytes of all shell lines together. They reach the shell as a file, so no argument vector bounds them.
const MOST_LINE_BYTES: usize = 4 << 20;
/// Most files, and their bytes together.
const MOST_FILES: usize = 1_000;
const MOST_FILE_BYTES: usize = 4 << 20;
/// Most environment variables, and their bytes together.
const MOST_VARIABLES: usize = 1_000;
const MOST_VARIABLE_BYTES: usize = 256 << 10;
/// Most remarks of one answer, and longest texts of a remark, in bytes.
const MOST_REMARKS: usize = 1_000;
const LONGEST_CODE: usize = 200;
const LONGEST_MESSAGE: usize = 4_096;
const LONGEST_POINTER: usize = 4_096;
/// Longest name of an image, in bytes.
const LONGEST_IMAGE: usize = 1_000;

/// Judges a plan, and cuts its remarks to a readable size.
///
/// # Errors
/// What is wrong, in words that follow on "the plugin".
pub(crate) fn plan(mut plan: Plan) -> Result<Plan, String> {
    match &plan.program {
        Program::Shell(lines) => entries(lines, "shell line", MOST_LINE_BYTES)?,
        Program::Argv(arguments) => {
            if arguments.first().is_none_or(String::is_empty) {
                return Err("planned an argument vector that names no program".to_owned());
            }
            entries(arguments, "argument", MOST_ARGUMENT_BYTES)?;
        }
    }
    check_files(&plan)?;
    variables(&plan.env)?;
    outputs(&plan)?;
    if let Some(name) = &plan.container_image {
        image(name).map_err(|reason| format!("planned a container image that {reason}"))?;
    }
    plan.remarks = remarks(plan.remarks);
    Ok(plan)
}

/// Judges a refusal, and cuts its texts to a readable size.
///
/// # Errors
/// As for [`plan`].
pub(crate) fn refusal(refusal: PlanRefusal) -> Result<PlanRefusal, String> {
    let text = |text| capped(text, LONGEST_MESSAGE);
    Ok(match refusal {
        PlanRefusal::UnknownTaskType(name) => {
            PlanRefusal::UnknownTaskType(capped(name, LONGEST_CODE))
        }
        PlanRefusal::InvalidProperties(list) if list.is_empty() => {
            return Err("called the properties invalid without saying what is wrong".to_owned());
        }
        PlanRefusal::InvalidProperties(list) => PlanRefusal::InvalidProperties(remarks(list)),
        PlanRefusal::Unsupported(reason) => PlanRefusal::Unsupported(text(reason)),
        PlanRefusal::Internal(reason) => PlanRefusal::Internal(text(reason)),
    })
}

/// Checks the name of an image as far as a message and a request line need it.
pub(super) fn image(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("is empty".to_owned());
    }
    if name.len() > LONGEST_IMAGE {
        return Err(format!("is longer than {LONGEST_IMAGE} bytes"));
    }
    if name
        .chars()
        .any(|character| character.is_control() || character.is_whitespace())
    {
        return Err(format!(
            "holds spaces or control characters: `{}`",
            harmless(name)
        ));
    }
    Ok(())
}

fn entries(entries: &[String], what: &str, most_bytes: usize) -> Result<(), String> {
    if entries.len() > MOST_ENTRIES {
        return Err(format!(
            "planned {} {what}s, and at most {MOST_ENTRIES} are allowed",
            entries.len()
        ));
    }
    if let Some(position) = entries.iter().position(|entry| entry.contains('\0')) {
        return Err(format!(
            "planned a NUL character in {what} {}",
            position + 1
        ));
    }
    total(
        entries.iter().map(String::len),
        most_bytes,
        &format!("{what}s"),
    )
}

/// An output of a task's own type is a name that an expression can write, and none of those that every task has.
fn outputs(plan: &Plan) -> Result<(), String> {
    let all = plan.keep.len() + plan.carry.len();
    if all > MOST_FILES {
        return Err(format!(
            "planned to keep {all} files, and at most {MOST_FILES} are allowed"
        ));
    }
    for name in plan.keep.iter().filter_map(|kept| kept.output.as_deref()) {
        let plain = name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.len() <= 64
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !plain || matches!(name, "vars" | "exitCode" | "outputFiles") {
            return Err(format!(
                "planned an output `{}`, which is refused: it is no name of an output of its own",
                capped(name.to_owned(), 64)
            ));
        }
    }
    Ok(())
}

fn check_files(plan: &Plan) -> Result<(), String> {
    if plan.files.len() > MOST_FILES {
        return Err(format!(
            "planned {} files, and at most {MOST_FILES} are allowed",
            plan.files.len()
        ));
    }
    let mut paths = BTreeSet::new();
    for file in &plan.files {
        if !paths.insert(&file.path) {
            return Err(format!(
                "planned the file `{}` twice",
                harmless(file.path.as_str())
            ));
        }
    }
    total(
        plan.files.iter().map(|file| file.contents.len()),
        MOST_FILE_BYTES,
        "files",
    )
}

fn variables(variables: &[EnvVar]) -> Result<(), String> {
    if variables.len() > MOST_VARIABLES {
        return Err(format!(
            "planned {} environment variables, and at most {MOST_VARIABLES} are allowed",
            variables.len()
        ));
    }
    for variable in variables {
        let name = &variable.name;
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(format!(
                "planned an environment variable named `{}`; a name is not empty and holds neither `=` nor NUL",
                harmless(name)
            ));
        }
        if variable.value.contains('\0') {
            return Err(format!(
                "planned a NUL character in the environment variable `{}`",
                harmless(name)
            ));
        }
    }
    total(
        variables
            .iter()
            .map(|variable| variable.name.len() + variable.value.len()),
        MOST_VARIABLE_BYTES,
        "environment variables",
    )
}

fn total(sizes: impl Iterator<Item = usize>, most: usize, what: &str) -> Result<(), String> {
    let total: usize = sizes.sum();
    if total <= most {
        return Ok(());
    }
    Err(format!(
        "planned {} of {what}, and at most {} are allowed",
        bytes(total as u64),
        bytes(most as u64)
    ))
}

fn remarks(mut remarks: Vec<PropertyRemark>) -> Vec<PropertyRemark> {
    remarks.truncate(MOST_REMARKS);
    for remark in &mut remarks {
        remark.code = capped(std::mem::take(&mut remark.code), LONGEST_CODE);
        remark.message = capped(std::mem::take(&mut remark.message), LONGEST_MESSAGE);
        // A cut pointer points elsewhere; the whole task is the honest place.
        if remark.pointer.len() > LONGEST_POINTER {
            remark.pointer.clear();
        }
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;
    use taffrail_core::name::RelPath;
    use taffrail_core::plan::{PlanFile, RemarkSeverity};

    fn argv(arguments: &[&str]) -> Plan {
        Plan {
            program: Program::Argv(arguments.iter().map(|text| (*text).to_owned()).collect()),
            files: Vec::new(),
            env: Vec::new(),
            container_image: None,
            remarks: Vec::new(),
            keep: Vec::new(),
            carry: Vec::new(),
        }
    }

    fn variable(name: &str, value: &str) -> Plan {
        Plan {
            env: vec![EnvVar {
                name: name.to_owned(),
                value: value.to_owned(),
            }],
            ..argv(&["true"])
        }
    }

    fn files(count: usize, size: usize, name: impl Fn(usize) -> String) -> Plan {
        let file = |number| PlanFile {
            path: RelPath::new(name(number)).unwrap(),
            contents: vec![0; size],
            executable: false,
        };
        Plan {
            files: (0..count).map(file).collect(),
            ..argv(&["true"])
        }
    }

    fn image_of(name: &str) -> Plan {
        Plan {
            container_image: Some(name.to_owned()),
            ..argv(&["true"])
        }
    }

    #[test]
    fn what_no_backend_could_start_is_refused() {
        for (given, reason) in [
            (argv(&[]), "names no program"),
            (argv(&["", "a"]), "names no program"),
            (argv(&["a", "b\0c"]), "NUL character in argument 2"),
            (argv(&["x"; 4_097]), "4097 arguments"),
            (argv(&[&"x".repeat((1 << 20) + 1)]), "of arguments"),
            (
                Plan {
                    program: Program::Shell(vec!["a\0".to_owned()]),
                    ..argv(&[])
                },
                "NUL character in shell line 1",
            ),
            (variable("", "a"), "environment variable named ``"),
            (variable("A=B\x1b", "a"), "named `A=B\\u{1b}`"),
            (
                variable("A", "a\0"),
                "NUL character in the environment variable `A`",
            ),
            (
                variable("A", &"x".repeat(300 << 10)),
                "of environment variables",
            ),
            (files(1_001, 0, |number| number.to_string()), "1001 files"),
            (files(2, 0, |_| "same".to_owned()), "`same` twice"),
            (
                files(5, 1 << 20, |number| number.to_string()),
                "5 MiB of files",
            ),
            (image_of(""), "is empty"),
            (image_of("a b"), "spaces or control characters"),
            (image_of(&"x".repeat(1_001)), "longer than"),
        ] {
            let error = plan(given).expect_err(reason);
            assert!(error.contains(reason), "{error}");
        }
        assert!(plan(argv(&["python", "-c", "print('\x1b[31m')"])).is_ok());
        assert!(
            plan(Plan {
                program: Program::Shell(Vec::new()),
                ..argv(&[])
            })
            .is_ok()
        );
    }

    #[test]
    fn talk_is_capped_and_an_empty_refusal_is_none() {
        let remark = PropertyRemark {
            severity: RemarkSeverity::Error,
            code: "x".repeat(1_000),
            message: "x".repeat(100_000),
            pointer: "x".repeat(100_000),
        };
        let refused = refusal(PlanRefusal::InvalidProperties(vec![remark; 2_000])).unwrap();
        let PlanRefusal::InvalidProperties(list) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(list.len(), MOST_REMARKS);
        assert!(list[0].code.len() <= LONGEST_CODE);
        assert!(list[0].message.len() <= LONGEST_MESSAGE);
        assert_eq!(list[0].pointer, "");
        assert!(refusal(PlanRefusal::InvalidProperties(Vec::new())).is_err());
    }
}
