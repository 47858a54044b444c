//! The JBang language: a script is a file whose ending tells `jbang` how to run it. It plans; it knows no host and no process.

use taffrail_plugin::script::{self, Kind, ScriptLanguage};
use taffrail_plugin::{Context, File, Language, Plan, PlanError, Properties};

/// The plugin `jbang`.
#[derive(Debug)]
pub struct Jbang;

taffrail_plugin::register!(Jbang);

const LANGUAGE: ScriptLanguage = ScriptLanguage {
    id: Jbang::ID,
    family: "io.kestra.plugin.scripts.jbang",
    extension: "java",
    command: "jbang",
};

impl Language for Jbang {
    const ID: &'static str = "jbang";

    fn descriptor() -> &'static str {
        include_str!("../descriptor.json")
    }

    fn plan(
        task_type: &str,
        properties: &Properties,
        context: &Context,
    ) -> Result<Plan, PlanError> {
        match LANGUAGE.kind(task_type)? {
            Kind::Commands => LANGUAGE.commands(properties, &[]),
            Kind::Script => {
                let script = LANGUAGE.script(properties, &["extension", "quiet"])?;
                let extension = extension(properties)?;
                let command = if properties.flag("quiet")?.unwrap_or(true) {
                    "jbang --quiet"
                } else {
                    LANGUAGE.command
                };
                let class = public_class(script).filter(|_| extension == LANGUAGE.extension);
                let name = match class {
                    Some(class) => [class, ".", extension].concat(),
                    None => script::file_name(context, extension),
                };
                Ok(script::run_file(command, File::new(name, script), context))
            }
        }
    }
}

/// The ending of the file, without its dot.
fn extension(properties: &Properties) -> Result<&str, PlanError> {
    let Some(text) = properties.text("extension")? else {
        return Ok(LANGUAGE.extension);
    };
    let ending = text.strip_prefix('.').unwrap_or(text);
    let sound =
        (1..=16).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if sound {
        return Ok(ending);
    }
    Err(PlanError::property(
        "jbang/invalid-extension",
        "/extension",
        [
            "`",
            text,
            "` is no ending of a file's name, write one such as `.java`",
        ]
        .concat(),
    ))
}

/// The name of the public class of a Java text; the compiler accepts it only in a file of that name. Lines that are indented are
/// inside of something.
fn public_class(script: &str) -> Option<&str> {
    script.lines().find_map(|line| {
        let mut words = line.strip_prefix("public ")?.split_ascii_whitespace();
        words.find(|word| matches!(*word, "class" | "record" | "enum" | "interface"))?;
        let name = words.next()?;
        let end = name
            .bytes()
            .position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$'))
            .unwrap_or(name.len());
        name.get(..end).filter(|name| !name.is_empty())
    })
}
