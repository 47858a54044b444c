//! The keys of tasks that work on stored files, namespace files and the key-value store.

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

use super::flowables::{input_files, text_or_number};
use super::small::Texts;
use crate::schema::duration;

pub(super) fn text_or_list(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "array"], "items": { "type": "string" } })
}

fn anything(_: &mut SchemaGenerator) -> Schema {
    json_schema!({})
}

/// Addresses of stored files: a list, or text that is one.
pub type FileList = Texts;

/// Keys of Concat
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConcatKeys {
    /// Addresses of the files, in this order: a list, a map, or text that is a JSON list
    #[schemars(schema_with = "files")]
    pub files: Value,
    /// What is put between two files
    #[serde(default)]
    pub separator: Option<String>,
    /// Ending of the new file's name
    #[schemars(extend("default" = ".tmp"))]
    #[serde(default)]
    pub extension: Option<String>,
}

fn files(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["array", "object", "string"] })
}

/// Keys of Split
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SplitKeys {
    /// Address of the file
    pub from: String,
    /// So many lines each
    #[serde(default)]
    pub rows: Option<u64>,
    /// At most so large each, for example `10MB`
    #[schemars(schema_with = "text_or_number")]
    #[serde(default)]
    pub bytes: Option<Value>,
    /// Into so many parts
    #[serde(default)]
    pub partitions: Option<u64>,
    /// What ends a line
    #[schemars(extend("default" = "\n"))]
    #[serde(default)]
    pub separator: Option<String>,
    /// One part for each text that the first group of this pattern matches
    #[serde(default)]
    pub regex_pattern: Option<String>,
}

/// Keys of Delete
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StorageDeleteKeys {
    /// Address of the file
    pub uri: String,
    /// Whether a file that is not there is a failure
    #[schemars(extend("default" = false))]
    #[serde(default)]
    pub error_on_missing: Option<bool>,
}

/// Keys of Write
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WriteKeys {
    /// What the file holds
    pub content: String,
    /// Ending of its name
    #[serde(default)]
    pub extension: Option<String>,
}

/// Keys of Size
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SizeKeys {
    /// Address of the file
    pub uri: String,
}

/// Keys of Reverse
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReverseKeys {
    /// Address of the file
    pub from: String,
    /// What ends a line
    #[schemars(extend("default" = "\n"))]
    #[serde(default)]
    pub separator: Option<String>,
    /// Character set of the file; UTF-8 here
    #[serde(default)]
    pub charset: Option<String>,
}

/// Keys of FilterItems
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FilterItemsKeys {
    /// Address of the file, one JSON document a line
    pub from: String,
    /// Expression that is evaluated for each item, with the item's fields in scope
    #[schemars(extend("x-static" = true))]
    pub filter_condition: String,
    /// Whether the items for which it holds are kept or dropped
    #[schemars(extend("enum" = ["INCLUDE", "EXCLUDE"], "default" = "INCLUDE"))]
    #[serde(default)]
    pub filter_type: Option<String>,
    /// What happens when the expression fails or gives nothing
    #[schemars(extend("enum" = ["FAIL", "INCLUDE", "EXCLUDE"], "default" = "FAIL"))]
    #[serde(default)]
    pub error_or_null_behavior: Option<String>,
}

/// Keys of DeduplicateItems
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeduplicateItemsKeys {
    /// Address of the file, one JSON document a line
    pub from: String,
    /// Expression that gives an item's key, with the item's fields in scope
    #[schemars(extend("x-static" = true))]
    pub expr: String,
}

/// Keys of LocalFiles
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocalFilesKeys {
    /// Files put into the working directory: name to content, or name to the address of a stored file
    #[schemars(schema_with = "input_files")]
    #[serde(default)]
    pub inputs: Option<IndexMap<String, Value>>,
    /// Files of the working directory to keep: names or glob patterns
    #[serde(default)]
    pub outputs: Option<Vec<String>>,
}

/// Keys of kv.Set
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KvSetKeys {
    /// The key
    pub key: String,
    /// The value
    #[schemars(schema_with = "anything")]
    pub value: Value,
    /// Namespace of the key; the flow's own where absent
    #[serde(default)]
    pub namespace: Option<String>,
    /// Whether a key that is there already is replaced; if not, the task fails
    #[schemars(extend("default" = true))]
    #[serde(default)]
    pub overwrite: Option<bool>,
    /// How long the key lives
    #[schemars(schema_with = "duration")]
    #[serde(default)]
    pub ttl: Option<String>,
    /// What the value is read as
    #[serde(default)]
    pub kv_type: Option<KvKind>,
    /// What it is for
    #[serde(default)]
    pub kv_description: Option<String>,
}

/// What a value of the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum KvKind {
    /// Text
    String,
    /// A number
    Number,
    /// `true` or `false`
    Boolean,
    /// A moment
    Datetime,
    /// A day
    Date,
    /// A length of time
    Duration,
    /// Any JSON value
    Json,
}

/// Keys of kv.Get and kv.Delete
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KvOneKeys {
    /// The key
    pub key: String,
    /// Namespace of the key; the flow's own where absent
    #[serde(default)]
    pub namespace: Option<String>,
    /// Whether a key that is not there is a failure
    #[schemars(extend("default" = false))]
    #[serde(default)]
    pub error_on_missing: Option<bool>,
}

/// Keys of kv.GetKeys
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KvGetKeysKeys {
    /// Beginning of the keys
    #[serde(default)]
    pub prefix: Option<String>,
    /// Namespace of the keys; the flow's own where absent
    #[serde(default)]
    pub namespace: Option<String>,
}

/// Keys of namespace.UploadFiles
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamespaceUploadKeys {
    /// Namespace of the files; only the flow's own here
    #[serde(default)]
    pub namespace: Option<String>,
    /// Files of a WorkingDirectory, by glob pattern
    #[schemars(schema_with = "text_or_list")]
    #[serde(default)]
    pub files: Option<FileList>,
    /// Stored files by the name that they get: name to address
    #[serde(default)]
    pub files_map: Option<serde_json::Map<String, Value>>,
    /// Folder of the namespace to put them into
    #[schemars(extend("default" = "/"))]
    #[serde(default)]
    pub destination: Option<String>,
    /// What happens to a file that is already there
    #[schemars(extend("default" = "OVERWRITE"))]
    #[serde(default)]
    pub conflict: Option<NamespaceConflict>,
}

/// What happens to a file that is already there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum NamespaceConflict {
    /// It is replaced
    #[default]
    Overwrite,
    /// The task fails
    Error,
    /// It stays
    Skip,
}

/// Keys of namespace.DownloadFiles
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamespaceDownloadKeys {
    /// Namespace of the files; only the flow's own here
    #[serde(default)]
    pub namespace: Option<String>,
    /// Names or glob patterns of the files
    #[schemars(schema_with = "text_or_list")]
    pub files: FileList,
    /// Folder to put before their names
    #[serde(default)]
    pub destination: Option<String>,
}

/// Keys of namespace.DeleteFiles
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamespaceDeleteKeys {
    /// Namespace of the files; only the flow's own here
    #[serde(default)]
    pub namespace: Option<String>,
    /// Names or glob patterns of the files
    #[schemars(schema_with = "text_or_list")]
    pub files: FileList,
}
