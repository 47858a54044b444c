//! The block `import`: other flows as task types, and the Python that has no counterpart here.

use hcl_edit::expr::Expression;
use hcl_edit::structure::Block;
use taffrail_core::diagnostic::Code as DiagnosticCode;

use crate::constant;
use crate::node::place;
use crate::reader::Reader;
use crate::tasks;

/// The task types that are other flows, by name.
pub(crate) fn imports(reader: &mut Reader<'_>, unit: usize, flow: &Block) -> Vec<(String, String)> {
    let mut imports = Vec::new();
    for block in flow.body.get_blocks("import") {
        for attribute in block.body.attributes() {
            let (key, span) = (attribute.key.as_str(), place(&attribute.key));
            match (key, &attribute.value) {
                ("tasks", Expression::Object(object)) => {
                    for (name, _, value) in constant::entries(object).unwrap_or_default() {
                        let module = constant::text(value).unwrap_or_default();
                        if tasks::is_flow_module(&module) {
                            imports.push((name, module));
                        } else {
                            reader.wrong(
                                unit,
                                DiagnosticCode::HclUnsupported,
                                place(value),
                                "classes of Python do not run here; what can be imported are flows: `folder.name:flow`",
                            );
                            // The tasks of this type have been told of.
                            imports.push((name, String::new()));
                        }
                    }
                }
                ("functions", value) => {
                    reader.wrong(
                        unit,
                        DiagnosticCode::HclUnsupported,
                        span,
                        "functions of Python do not run here",
                    );
                    let named = match value {
                        Expression::Object(object) => constant::entries(object)
                            .unwrap_or_default()
                            .into_iter()
                            .map(|(name, ..)| name)
                            .collect(),
                        Expression::Array(items) => items
                            .iter()
                            .filter_map(constant::text)
                            .filter_map(|path| Some(path.rsplit([':', '.']).next()?.to_owned()))
                            .collect(),
                        _ => Vec::new(),
                    };
                    reader.units[unit].functions.extend(named);
                }
                ("tasks", _) => reader.wrong(
                    unit,
                    DiagnosticCode::WrongType,
                    span,
                    "`tasks` is a map of names and of what is imported",
                ),
                _ => reader.wrong(
                    unit,
                    DiagnosticCode::UnknownProperty,
                    span,
                    format!("`import` has no `{key}`; it has `tasks` and `functions`"),
                ),
            }
        }
    }
    imports
}
