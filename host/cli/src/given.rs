//! What the command line gives a flow: inputs, secrets, the folder of the namespace's files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use taffrail_core::input::Given as GivenValue;

use crate::args::{GivenArgs, LocalFilesArgs, VariableArgs};
use crate::config::environment;
use crate::exit::{Exit, Failed};
use crate::load::read_source;
use crate::secrets;

/// The folder beside a flow that holds its namespace's files where none is named.
const NAMESPACE_FILES: &str = "_files";
/// The folder beside a flow with a folder for each other namespace.
const NAMESPACES: &str = "_namespaces";

/// What a flow is given.
#[derive(Debug)]
pub struct Given {
    /// Inputs in the order of the command line.
    pub inputs: Vec<(String, GivenValue)>,
    /// Secrets by name.
    pub secrets: BTreeMap<String, String>,
    /// The folder of the namespace's files, where there is one.
    pub namespace_files: Option<PathBuf>,
    /// The folder that has a folder of files for each other namespace, where there is one.
    pub namespaces: Option<PathBuf>,
    /// The folder of the flow's file, in which folders for files of namespaces are made.
    pub home: Option<PathBuf>,
    /// Further folders of the machine whose files flows may read; absolute.
    pub local_files: Vec<PathBuf>,
}

impl Given {
    /// Reads what was given. `flow` is the flow's file, where it is one.
    ///
    /// # Errors
    /// A malformed `-i`, a file that is not there.
    pub fn read(args: &GivenArgs, flow: Option<&Path>) -> Result<Self, Failed> {
        let mut inputs = args
            .inputs
            .iter()
            .map(|text| input(text))
            .collect::<Result<Vec<_>, _>>()?;
        for (name, value) in variables(&args.variables, flow)? {
            // An input that is given as such stands over a variable.
            if !inputs.iter().any(|(known, _)| *known == name) {
                inputs.push((name, GivenValue::Text(value)));
            }
        }
        let mut secrets = match args.secrets_env {
            Some(encoding) => secrets::from_environment(environment(), encoding)?,
            None => BTreeMap::new(),
        };
        if let Some(path) = &args.secrets_file {
            secrets.extend(secrets::read(path)?);
        }
        let namespace_files = match &args.namespace_files {
            Some(folder) if !folder.is_dir() => return Err(no_folder(folder)),
            Some(folder) => Some(folder.clone()),
            None => namespace_files_beside(flow),
        };
        Ok(Self {
            inputs,
            secrets,
            namespace_files,
            namespaces: beside(flow, NAMESPACES),
            home: flow.map(|flow| flow.parent().unwrap_or(Path::new("")).to_owned()),
            local_files: local_files(&args.local_files)?,
        })
    }
}

fn local_files(args: &LocalFilesArgs) -> Result<Vec<PathBuf>, Failed> {
    let folders = args.folders.iter().map(|folder| {
        if !folder.is_dir() {
            return Err(no_folder(folder));
        }
        Ok(std::path::absolute(folder).unwrap_or_else(|_| folder.clone()))
    });
    folders.collect()
}

fn no_folder(folder: &Path) -> Failed {
    let message = format!("there is no folder `{}`", folder.display());
    Failed::new(Exit::NotFound, message)
}

/// The folder of namespace files beside a flow, where there is one.
pub fn namespace_files_beside(flow: Option<&Path>) -> Option<PathBuf> {
    beside(flow, NAMESPACE_FILES)
}

fn beside(flow: Option<&Path>, name: &str) -> Option<PathBuf> {
    let folder = flow
        .and_then(Path::parent)
        .unwrap_or(Path::new(""))
        .join(name);
    folder.is_dir().then_some(folder)
}

/// The values of variables: those of the environment below those of files, and these below those of the command line.
fn variables(args: &VariableArgs, flow: Option<&Path>) -> Result<BTreeMap<String, String>, Failed> {
    let mut variables = BTreeMap::new();
    if let Some(flow) = flow.filter(|flow| taffrail_hcl::is_hcl(flow)) {
        let source = read_source(flow)?;
        for name in taffrail_hcl::variable_names(source.text()) {
            if let Ok(value) = std::env::var(format!("RUNFLOW_VAR_{name}")) {
                variables.insert(name, value);
            }
        }
    }
    for file in &args.var_files {
        let source = read_source(file)?;
        let values = taffrail_hcl::variable_file(source.text()).map_err(|found| {
            let first = found.first();
            let at = first.and_then(|diagnostic| diagnostic.span);
            let at = at.map_or_else(String::new, |span| {
                let at = source.position(span.start);
                format!(":{}:{}", at.line, at.column)
            });
            let message = first.map_or("", |diagnostic| &diagnostic.message);
            Failed::new(Exit::Invalid, format!("{}{at}: {message}", source.name()))
        })?;
        for (name, value) in values {
            let text = match value {
                serde_json::Value::String(text) => text,
                serde_json::Value::Null => continue,
                other => other.to_string(),
            };
            variables.insert(name, text);
        }
    }
    for text in &args.vars {
        let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(Failed::new(
                Exit::Usage,
                format!("`--var {text}` is not of the form `--var name=value`"),
            ));
        };
        variables.insert(name.trim().to_owned(), value.trim().to_owned());
    }
    Ok(variables)
}

fn input(text: &str) -> Result<(String, GivenValue), Failed> {
    let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
        return Err(Failed::new(
            Exit::Usage,
            format!("`-i {text}` is not of the form `-i name=value`"),
        ));
    };
    let value = match value.strip_prefix('@') {
        // `@@` is how a text begins with `@`.
        Some(rest) if rest.starts_with('@') => GivenValue::Text(rest.to_owned()),
        Some(path) => {
            let path = PathBuf::from(path);
            let metadata = std::fs::metadata(&path);
            if !metadata.is_ok_and(|metadata| metadata.is_file()) {
                return Err(Failed::new(
                    Exit::NotFound,
                    format!("input `{name}`: there is no file `{}`", path.display()),
                ));
            }
            GivenValue::File(path)
        }
        None => GivenValue::Text(value.to_owned()),
    };
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_split_at_the_first_equals() {
        let parsed = input("a=b=c").unwrap();
        assert_eq!(
            (parsed.0.as_str(), parsed.1),
            ("a", GivenValue::Text("b=c".to_owned()))
        );
        assert_eq!(input("a=@@x").unwrap().1, GivenValue::Text("@x".to_owned()));
        assert_eq!(input("a=").unwrap().1, GivenValue::Text(String::new()));
        assert_eq!(input("nonsense").unwrap_err().exit, Exit::Usage);
        assert_eq!(input("=x").unwrap_err().exit, Exit::Usage);
        assert_eq!(input("a=@/no/such/file").unwrap_err().exit, Exit::NotFound);
    }
}
