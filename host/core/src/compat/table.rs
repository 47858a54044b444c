//! The one table of what is not the same here as in the original. What is known to the host and stands in no row is the same.

use super::{Kind, Verdict};
use Verdict::{Differs, NotRun};

/// One row: the kind and the name of what it is about, and what is said of it. A key's name is that of the type, a dot and the key, or
/// the key alone where it means the same for all types.
pub(super) struct Row {
    pub kind: Kind,
    pub name: &'static str,
    pub verdict: Verdict,
}

const fn row(kind: Kind, name: &'static str, verdict: Verdict) -> Row {
    Row {
        kind,
        name,
        verdict,
    }
}

const fn flow(name: &'static str, verdict: Verdict) -> Row {
    row(Kind::FlowKey, name, verdict)
}

const fn key(name: &'static str, verdict: Verdict) -> Row {
    row(Kind::Key, name, verdict)
}

const fn task(name: &'static str, verdict: Verdict) -> Row {
    row(Kind::Type, name, verdict)
}

const fn function(name: &'static str, verdict: Verdict) -> Row {
    row(Kind::Function, name, verdict)
}

const fn filter(name: &'static str, verdict: Verdict) -> Row {
    row(Kind::Filter, name, verdict)
}

const SERVER: &str = "it needs a server";
const NOT_THERE: &str = "the original has none";
const OLD_SCRIPT: &str =
    "run as the `Commands` of its language; what it printed to stderr makes no warning";

/// The table, by kind and name.
pub(super) const TABLE: &[Row] = &[
    flow(
        "triggers",
        NotRun("nothing starts a flow by itself; run it with `taffrail run`"),
    ),
    flow(
        "listeners",
        NotRun("listeners are not run; use `afterExecution`"),
    ),
    flow("workerGroup", NotRun("there is one worker")),
    flow("tenantId", NotRun("there are no tenants")),
    flow(
        "concurrency",
        Differs("counts the executions on this machine with this state folder"),
    ),
    flow(
        "retry",
        Differs(
            "exponential waits really grow exponentially; a new execution is made once `errors` and `finally` have run",
        ),
    ),
    flow(
        "sla",
        Differs("MAX_DURATION and EXECUTION_ASSERTION, checked on this machine"),
    ),
    flow(
        "inputs",
        Differs(
            "secret inputs are masked in all output; one that `dependsOn` rules out must not be given",
        ),
    ),
    key(
        "retry",
        Differs(
            "exponential waits really grow exponentially; holds for tasks that hold other tasks, too",
        ),
    ),
    key(
        "timeout",
        Differs("holds for tasks that hold other tasks, too; outputs survive it"),
    ),
    key(
        "taskCache",
        Differs(
            "kept on this machine; of stored files the content counts; not in a WorkingDirectory and not for tasks that hold other tasks",
        ),
    ),
    key(
        "version",
        Differs("versions of this host's plugins, which are no versions of the original's"),
    ),
    key("workerGroup", NotRun("there is one worker")),
    key("assets", NotRun("there is no catalogue of assets")),
    key(
        "logToFile",
        Differs("the file lies in the execution's folder"),
    ),
    key(
        "beforeCommands",
        Differs("their output is ordinary output, at no lower level"),
    ),
    key("script", Differs("rendered once, not twice")),
    key(
        "commands",
        Differs(
            "shell text goes by a private file, not by an argument that everybody on the machine can read",
        ),
    ),
    key(
        "outputFiles",
        Differs("a missing literal name is a warning"),
    ),
    key(
        "env",
        Differs("the host's environment is not inherited beside it"),
    ),
    key(
        "warningOnStdErr",
        NotRun("ignored, as in the original since 0.23"),
    ),
    key("captureOutput", Differs(NOT_THERE)),
    key(
        "io.kestra.plugin.core.runner.Process.directory",
        Differs(NOT_THERE),
    ),
    key(
        "namespaceFiles",
        Differs(
            "the files of the folder `_files` beside the flow, or of `--namespace-files`; those of other namespaces of `_namespaces/<name>`",
        ),
    ),
    key(
        "outputDirectory",
        Differs("`outputDir` and OUTPUT_DIR work without it, too"),
    ),
    key(
        "dependencies",
        Differs("installed in the task's own environment before it starts, not on a worker"),
    ),
    key(
        "io.kestra.plugin.core.flow.Subflow.scheduleDate",
        NotRun(SERVER),
    ),
    key(
        "io.kestra.plugin.core.flow.Subflow.revision",
        NotRun("there is one revision, that of the file"),
    ),
    key(
        "io.kestra.plugin.core.flow.ForEachItem.scheduleDate",
        NotRun(SERVER),
    ),
    key(
        "io.kestra.plugin.core.flow.ForEachItem.revision",
        NotRun("there is one revision, that of the file"),
    ),
    key(
        "io.kestra.plugin.scripts.runner.docker.Docker.volumes",
        Differs("refused with place unless the host allows them, never dropped"),
    ),
    key(
        "io.kestra.plugin.scripts.runner.docker.Docker.cpu",
        Differs("in whole processors"),
    ),
    key(
        "io.kestra.plugin.scripts.runner.docker.Docker.memory",
        Differs("all sizes count in 1024s"),
    ),
    key(
        "io.kestra.plugin.scripts.runner.docker.Docker.config",
        Differs("credentials go with each request and into no file of the task"),
    ),
    key(
        "io.kestra.plugin.scripts.runner.docker.Docker.credentials",
        Differs("credentials go with each request and into no file of the task"),
    ),
    task("io.kestra.core.tasks.scripts.Bash", Differs(OLD_SCRIPT)),
    task("io.kestra.core.tasks.scripts.Node", Differs(OLD_SCRIPT)),
    task("io.kestra.core.tasks.scripts.Python", Differs(OLD_SCRIPT)),
    task(
        "io.kestra.plugin.core.flow.ForEachItem",
        Differs("sixteen batches at once; outputs also under the task's own id"),
    ),
    task(
        "io.kestra.plugin.core.flow.Subflow",
        Differs("flows of this folder; `wait: false` ends the program when all have ended"),
    ),
    task(
        "io.kestra.plugin.core.flow.Pause",
        Differs("asks on the terminal; fails where nobody can be asked"),
    ),
    task(
        "io.kestra.plugin.core.flow.Parallel",
        Differs("the others go on when one fails"),
    ),
    task(
        "io.kestra.plugin.core.flow.WorkingDirectory",
        Differs("its `cache` is kept on this machine"),
    ),
    task(
        "io.kestra.plugin.core.execution.Labels",
        Differs("labels are seen by later tasks and kept nowhere"),
    ),
    task(
        "io.kestra.plugin.core.http.Request",
        Differs(
            "credentials are shown to the host of the address only; 10 MiB of answer at most unless it says otherwise",
        ),
    ),
    task(
        "io.kestra.plugin.core.http.Download",
        Differs("credentials are shown to the host of the address only"),
    ),
    task(
        "io.kestra.plugin.git.Clone",
        Differs(
            "by the program `git`, without this machine's settings of it; in a WorkingDirectory only is the clone of use",
        ),
    ),
    task(
        "io.kestra.plugin.core.kv.Set",
        Differs("a store of this machine"),
    ),
    task(
        "io.kestra.plugin.core.kv.Get",
        Differs("a store of this machine"),
    ),
    task(
        "io.kestra.plugin.core.kv.Delete",
        Differs("a store of this machine"),
    ),
    task(
        "io.kestra.plugin.core.kv.GetKeys",
        Differs("a store of this machine"),
    ),
    task(
        "io.kestra.plugin.core.namespace.UploadFiles",
        Differs("the files of the folder `_files` beside the flow"),
    ),
    task(
        "io.kestra.plugin.core.namespace.DownloadFiles",
        Differs("the files of the folder `_files` beside the flow"),
    ),
    task(
        "io.kestra.plugin.core.namespace.DeleteFiles",
        Differs("the files of the folder `_files` beside the flow"),
    ),
    task("taffrail.file.Read", Differs(NOT_THERE)),
    task("taffrail.file.Write", Differs(NOT_THERE)),
    task(
        "io.kestra.plugin.core.runner.Process",
        Differs(
            "the host's environment is not inherited; all that a program started is ended with it",
        ),
    ),
    task(
        "io.kestra.plugin.scripts.runner.docker.Docker",
        Differs(
            "what asks for powers over the machine is refused unless the host allows it; see docs/docker.md",
        ),
    ),
    function(
        "secret",
        Differs("from `--secrets-file`; masked in all output"),
    ),
    function("read", Differs("files up to 1 MiB")),
    function(
        "block",
        Differs("a name that no block of the same text has is an error"),
    ),
    function("kv", Differs("a store of this machine")),
    function(
        "http",
        Differs("waits ten seconds at most; answers up to 1 MiB"),
    ),
    function(
        "errorLogs",
        Differs("failures of tasks with the last lines of their standard error"),
    ),
    function("now", Differs("takes no format; write `now() | date('…')`")),
    function(
        "render",
        Differs("text that came out of an expression is rendered once"),
    ),
    function("printContext", Differs("the variables of this host")),
    function("fetchContext", Differs("the variables of this host")),
    function(
        "fromIon",
        Differs("symbols and blobs become text, annotations are left out"),
    ),
    function(
        "isPublicHoliday",
        Differs(
            "the countries whose holidays follow simple rules; another one is an error that names these",
        ),
    ),
    function(
        "env",
        Differs("from the variables `ENV_<NAME>` of this program"),
    ),
    function("credential", NotRun(SERVER)),
    function("appLink", NotRun(SERVER)),
    filter("yaml", Differs("a map in a list begins behind the dash")),
    filter(
        "className",
        Differs("names of the classes that stand for the kinds; there are no Java classes"),
    ),
    filter("nl2br", NotRun("HTML is not written")),
    filter("sh", Differs(NOT_THERE)),
    filter("shWords", Differs(NOT_THERE)),
    filter(
        "date",
        Differs("pattern letters as Java's, names of months and days in English only"),
    ),
    filter(
        "jq",
        Differs("by jaq, which follows jq 1.7; no `input`, no `env`"),
    ),
];
