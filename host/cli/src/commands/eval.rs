//! `taffrail eval`: prints the rendered text of an expression.

use std::path::Path;
use std::sync::Arc;

use taffrail_core::diagnostic::{Code, Diagnostic, Source, render_text};
use taffrail_core::output::Masker;
use taffrail_core::yaml::Span;
use taffrail_engine::flow::{set_labels, set_variables};
use taffrail_engine::inputs::set_inputs;
use taffrail_engine::kv::KvStore;
use taffrail_engine::scope::{Scope, Services, chain};
use taffrail_engine::storage::Storage;
use taffrail_engine::web::NoWeb;
use taffrail_expr::{Limits, Template, Value};

use crate::args::{EvalArgs, Global};
use crate::commands::run::wrong_inputs;
use crate::exit::{Exit, Failed};
use crate::given::Given;
use crate::load::{Host, checked_flow, flow_path};
use crate::report::complain;
use crate::terminal;
use crate::zone;

/// Runs the command.
///
/// # Errors
/// When the expression does not parse or fails, or what it is to see cannot be read.
pub fn eval(global: &Global, args: &EvalArgs) -> Result<Exit, Failed> {
    let host = Host::open(global)?;
    let path = args.flow.as_deref().and_then(flow_path);
    let given = Given::read(&args.given, path.as_deref())?;
    let flow = args
        .flow
        .as_deref()
        .map(|flow| checked_flow(global, &host, flow))
        .transpose()?;
    let storage = Storage::open(&host.folders.state.join("storage"))
        .map_err(|error| Failed::new(Exit::Internal, chain(&error)))?;
    let services = Services {
        secrets: given.secrets,
        storage: Arc::new(storage),
        kv: KvStore::default(),
        namespace_files: given.namespace_files,
        home: given.home,
        namespaces: given.namespaces,
        namespace: flow
            .as_ref()
            .map_or_else(String::new, |(_, flow)| flow.namespace.value.to_string()),
        masker: Masker::new(),
        zone: zone::local(),
        web: Arc::new(NoWeb),
        local_files: host.config.local_files(&given.local_files),
        host: host.config.variables(),
    };
    let mut scope = Scope::new(Arc::new(services));
    if let Some((source, flow)) = &flow {
        let identity = [
            ("id", &*flow.id.value),
            ("namespace", &*flow.namespace.value),
        ];
        scope.set(
            "flow",
            Value::map(
                identity
                    .into_iter()
                    .map(|(key, value)| (key.into(), Value::text(value)))
                    .collect(),
            ),
        );
        set_variables(&mut scope, flow);
        set_inputs(&mut scope, flow, &given.inputs, None)
            .map_err(|errors| wrong_inputs(global, source, &errors))?;
        set_labels(&mut scope, flow, source.text()).map_err(|diagnostic| {
            complain(&render_text(
                &[*diagnostic],
                source,
                terminal::style(global),
            ));
            Failed::silent(Exit::Invalid)
        })?;
    } else if !given.inputs.is_empty() {
        let inputs = given.inputs.iter().filter_map(|(name, value)| match value {
            taffrail_core::input::Given::Text(text) => {
                Some((name.as_str().into(), Value::text(text.as_str())))
            }
            _ => None,
        });
        scope.set("inputs", Value::map(inputs.collect()));
    }
    if let Some(path) = &args.context {
        for (name, value) in context(path)? {
            scope.set(&name, Value::from_json(&value));
        }
    }
    let text = if args.expression.contains("{{") || args.expression.contains("{%") {
        args.expression.clone()
    } else {
        format!("{{{{ {} }}}}", args.expression)
    };
    let source = Source::new("<expression>", text.as_str());
    let show = |found: Vec<Diagnostic>| {
        complain(render_text(&found, &source, terminal::style(global)).trim_end());
        Failed::silent(Exit::Invalid)
    };
    let template = Template::parse(&text).map_err(|errors| {
        show(
            errors
                .into_iter()
                .map(|error| {
                    diagnostic(
                        Code::ExpressionSyntax,
                        error.span,
                        error.message,
                        error.help,
                    )
                })
                .collect(),
        )
    })?;
    let rendered = template
        .render(&scope, &Limits::default())
        .map_err(|error| {
            show(vec![diagnostic(
                Code::ExpressionFailed,
                error.span,
                error.message,
                error.help,
            )])
        })?;
    let answer = format!("{}\n", rendered.text);
    terminal::answer(&scope.services().masker.mask_text(&answer))?;
    Ok(Exit::Ok)
}

fn diagnostic(
    code: Code,
    span: std::ops::Range<usize>,
    message: String,
    help: Option<String>,
) -> Diagnostic {
    let offset = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
    let diagnostic = Diagnostic::error(
        code,
        Span {
            start: offset(span.start),
            end: offset(span.end),
        },
        message,
    );
    match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

fn context(path: &Path) -> Result<serde_json::Map<String, serde_json::Value>, Failed> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        let exit = if error.kind() == std::io::ErrorKind::NotFound {
            Exit::NotFound
        } else {
            Exit::Invalid
        };
        Failed::new(exit, format!("cannot read `{name}`: {error}"))
    })?;
    // JSON is YAML, too.
    serde_yaml::from_str(&text).map_err(|error| {
        let place = error.location().map_or_else(String::new, |place| {
            format!(":{}:{}", place.line(), place.column())
        });
        Failed::new(
            Exit::Invalid,
            format!("{name}{place}: expected a JSON or YAML map of variables: {error}"),
        )
    })
}
