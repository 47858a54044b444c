//! `file_read` and `file_write`: files of the machine.

use std::rc::Rc;

use hcl_edit::expr::Expression;
use taffrail_core::diagnostic::Code as DiagnosticCode;
use taffrail_core::yaml::Entry;

use super::{stand_in, type_entry};
use crate::arguments::argument;
use crate::constant;
use crate::node::{self, place};
use crate::reader::{Context, Reader};

/// What `fs` may say of the machine's own file system.
const LOCAL: [&str; 2] = ["protocol", "auto_mkdir"];

pub(super) fn read_keys(reader: &mut Reader<'_>, unit: usize, task: usize) -> Vec<Entry> {
    reader.check_arguments(unit, task, &["filename", "fs"], &["filename"], &[]);
    let span = reader.units[unit].tasks[task].name_span;
    let mut entries = vec![type_entry(span, "taffrail.file.Read")];
    copy(reader, unit, task, "filename", "path", &mut entries);
    stand_in(&mut entries, "path", span, "-");
    file_system(reader, unit, task, &mut Vec::new());
    entries
}

pub(super) fn write_keys(reader: &mut Reader<'_>, unit: usize, task: usize) -> Vec<Entry> {
    let known = ["filename", "content", "b64content", "fs"];
    reader.check_arguments(unit, task, &known, &["filename"], &[]);
    let span = reader.units[unit].tasks[task].name_span;
    let mut entries = vec![type_entry(span, "taffrail.file.Write")];
    copy(reader, unit, task, "filename", "path", &mut entries);
    stand_in(&mut entries, "path", span, "-");
    copy(reader, unit, task, "content", "content", &mut entries);
    copy(
        reader,
        unit,
        task,
        "b64content",
        "base64Content",
        &mut entries,
    );
    let given = entries.len() - 1;
    if given < 2 {
        reader.wrong(
            unit,
            DiagnosticCode::MissingProperty,
            span,
            "`file_write` needs one of `content` and `b64content`",
        );
    } else if given > 2 {
        reader.wrong(
            unit,
            DiagnosticCode::WrongValue,
            span,
            "`file_write` takes only one of `content` and `b64content`",
        );
    }
    file_system(reader, unit, task, &mut entries);
    entries
}

fn copy(
    reader: &mut Reader<'_>,
    unit: usize,
    task: usize,
    from: &str,
    to: &str,
    entries: &mut Vec<Entry>,
) {
    let block = Rc::clone(&reader.units[unit].tasks[task].block);
    if let Some(value) = argument(&block, from) {
        let text = reader.text(value, &Context::of(unit));
        entries.push(node::entry(to, place(value), text));
    }
}

fn file_system(reader: &mut Reader<'_>, unit: usize, task: usize, entries: &mut Vec<Entry>) {
    let block = Rc::clone(&reader.units[unit].tasks[task].block);
    let Some(fs) = argument(&block, "fs") else {
        return;
    };
    let Expression::Object(object) = fs else {
        return reader.wrong(
            unit,
            DiagnosticCode::HclUnsupported,
            place(fs),
            "`fs` must be written out here, as a map",
        );
    };
    let all = constant::entries(object).unwrap_or_default();
    let protocol = all.iter().find(|(key, _, _)| key == "protocol");
    match protocol.map(|(_, _, value)| (constant::text(value), *value)) {
        Some((Some(name), _)) if name == "file" || name == "local" => {}
        Some((_, value)) => {
            return reader.wrong(
                unit,
                DiagnosticCode::HclUnsupported,
                place(value),
                "only files of this machine are read and written here: `protocol = \"local\"`; fetch others with `http_request`, or with a program in `bash_run`",
            );
        }
        None => {
            return reader.wrong(
                unit,
                DiagnosticCode::MissingProperty,
                place(fs),
                "`fs` needs `protocol`",
            );
        }
    }
    for (key, written, value) in all {
        if !LOCAL.contains(&key.as_str()) {
            reader.wrong(
                unit,
                DiagnosticCode::UnknownProperty,
                place(written),
                format!(
                    "the local file system takes no `{key}`; it takes `protocol` and `auto_mkdir`"
                ),
            );
        } else if key == "auto_mkdir" {
            let value = reader.value(value, &Context::of(unit));
            entries.push(node::entry("createDirectories", place(written), value));
        }
    }
}
