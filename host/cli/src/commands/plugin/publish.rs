//! `taffrail plugin publish`: puts a component into an OCI registry, once it is certain that it is a good plugin.

use serde_json::json;
use taffrail_core::text::printable;
use taffrail_registry::{Artifact, Names, Reference};

use super::compile::compile;
use super::source::{Source, client, failed};
use crate::args::{Format, Global, PluginPublishArgs};
use crate::exit::{Exit, Failed};
use crate::terminal;

/// Runs the command.
///
/// # Errors
/// When it is no plugin, its version is not the tag, or the registry says no.
pub fn publish(global: &Global, args: &PluginPublishArgs) -> Result<Exit, Failed> {
    let reference = Reference::parse(&args.reference)
        .map_err(|error| Failed::new(Exit::Usage, error.to_string()))?;
    if reference.digest().is_some() {
        return Err(Failed::new(
            Exit::Usage,
            "a digest cannot be chosen: it follows from what is published",
        ));
    }
    let component = Source::File(args.component.clone()).fetch(global, None)?;
    let found = compile(global, &component.bytes, &component.source)?;
    let version = found.descriptor.version.to_string();
    let reference = match reference.tag() {
        None => reference
            .at_tag(&version)
            .map_err(|error| Failed::new(Exit::Invalid, error.to_string()))?,
        Some(tag) if tag == version || args.any_tag => reference,
        Some(tag) => {
            return Err(Failed::new(
                Exit::Invalid,
                format!("the plugin says that it is version {version}, and the tag is `{tag}`"),
            )
            .hint("leave the tag away, or give `--any-tag`"));
        }
    };
    let signature = match &args.signature {
        Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
            Failed::new(
                Exit::NotFound,
                format!("cannot read `{}`: {error}", path.display()),
            )
        })?),
        None => component.signature.clone(),
    };
    let client = client();
    if found.descriptor.version.pre.is_empty() && !args.any_tag {
        refuse_change(&client, &reference, component.digest.hex())?;
    }
    let mut annotations = vec![
        (
            "org.opencontainers.image.title".to_owned(),
            found.descriptor.id.to_string(),
        ),
        ("org.opencontainers.image.version".to_owned(), version),
        (
            "org.opencontainers.image.description".to_owned(),
            found.descriptor.title.clone(),
        ),
    ];
    for (name, value) in [
        (
            "org.opencontainers.image.licenses",
            &found.descriptor.licence,
        ),
        ("org.opencontainers.image.url", &found.descriptor.homepage),
    ] {
        if let Some(value) = value {
            annotations.push((name.to_owned(), value.clone()));
        }
    }
    let artifact = Artifact {
        component: &component.bytes,
        names: Names {
            imports: found.imports.clone(),
            exports: found.exports.clone(),
        },
        annotations,
        signature: signature.as_deref(),
    };
    let published = client.push(&reference, &artifact).map_err(failed)?;
    let text = match args.format {
        Format::Json => format!(
            "{:#}\n",
            json!({
                "v": 1,
                "reference": published.reference.to_string(),
                "component": published.component.to_string(),
                "signed": signature.is_some(),
            })
        ),
        Format::Text => format!("{}\n", published.reference),
    };
    terminal::answer(&printable(&text))?;
    Ok(Exit::Ok)
}

/// A released version never changes, in a registry either.
fn refuse_change(
    client: &taffrail_registry::Client,
    reference: &Reference,
    digest: &str,
) -> Result<(), Failed> {
    let most = taffrail_wasm::Limits::default().largest_file();
    match client.pull(reference, most, &|_| Ok(()), &mut |_, _| {}) {
        Ok(pulled) if taffrail_registry::Digest::of(&pulled.component).hex() != digest => {
            Err(Failed::new(
                Exit::Plugin,
                format!("`{reference}` is published with other content; a released version never changes"),
            )
            .hint("raise the version"))
        }
        Ok(_) | Err(taffrail_registry::FetchError::NotFound { .. }) => Ok(()),
        Err(error) => Err(failed(error)),
    }
}
