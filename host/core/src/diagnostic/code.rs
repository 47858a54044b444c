//! The table of diagnostic codes. A code, once published, keeps its meaning.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// A stable diagnostic code, written `TF0101`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// All codes, in the order of the table.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The code as text.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $code,)* }
            }

            /// What `taffrail explain` prints: a page of Markdown, its first line a heading.
            pub fn page(self) -> &'static str {
                match self { $(Code::$name => include_str!(concat!("pages/", $code, ".md")),)* }
            }
        }
    };
}

codes! {
    // TF00: the file as YAML
    /// The text is not YAML.
    YamlSyntax = "TF0001",
    /// A key stands twice in one mapping.
    DuplicateKey = "TF0002",
    /// The file is larger, deeper or grows further by aliases than a flow may.
    YamlLimit = "TF0003",
    /// The file holds more than one document.
    SecondDocument = "TF0004",
    /// YAML that flows do not use: a key that is no text, a custom tag, a control character.
    YamlUnsupported = "TF0005",
    /// An expression without quotes was read as a YAML map.
    UnquotedExpression = "TF0006",
    /// The text is not HCL.
    HclSyntax = "TF0007",
    /// Something of runflow's language that has no counterpart here.
    HclUnsupported = "TF0008",

    // TF01: shape
    /// A key that does not belong here.
    UnknownProperty = "TF0101",
    /// A key that must be here is missing.
    MissingProperty = "TF0102",
    /// A value of the wrong type.
    WrongType = "TF0103",
    /// A value of the right type that is not allowed.
    WrongValue = "TF0104",
    /// A deprecated spelling.
    Deprecated = "TF0105",

    // TF02: names and references
    /// No installed plugin has the task type.
    UnknownTaskType = "TF0201",
    /// The task runner type does not exist.
    UnknownRunnerType = "TF0202",
    /// Two tasks, or two inputs, of one id.
    DuplicateId = "TF0203",
    /// A reference to something that does not exist.
    UnknownReference = "TF0204",
    /// No installed version satisfies the pin.
    UnsatisfiedVersion = "TF0205",
    /// The lock file cannot be read.
    DamagedLock = "TF0206",
    /// What would run is not what was locked.
    NotLocked = "TF0207",
    /// The content of a plugin changed under a version that was locked.
    ChangedPlugin = "TF0208",
    /// An output that a task of that type never has.
    UnknownOutput = "TF0209",
    /// A task calls for a flow that cannot be called so.
    WrongCall = "TF0210",

    // TF03: expressions
    /// The expression does not parse.
    ExpressionSyntax = "TF0301",
    /// A function, filter or test that does not exist.
    UnknownFunction = "TF0302",
    /// The expression failed when it was evaluated.
    ExpressionFailed = "TF0303",

    // TF04: inputs
    /// An input value that is missing, wrong or not declared.
    Input = "TF0401",

    // TF05: plugins
    /// The plugin refused the task's properties.
    PluginRefused = "TF0501",
    /// The plugin remarked on a good plan.
    PluginRemark = "TF0502",

    // TF055: what is given beside inputs
    /// A secret is too short to be told from ordinary text, and is not masked.
    ShortSecret = "TF0551",
    /// A secret that the flow names was not given.
    MissingSecret = "TF0552",
    /// A secret was given that no flow names.
    UnusedSecret = "TF0553",

    // TF06: running
    /// A task failed.
    TaskFailed = "TF0601",

    // TF07: the host's policy
    /// The flow asks for a power over the machine that the host does not give.
    Refused = "TF0701",

    // TF08: habits that hurt later
    /// An input becomes part of a shell command.
    ShellInjection = "TF0801",
    /// An image without a tag, or with `latest`.
    UntaggedImage = "TF0802",
    /// A plugin that the flow does not pin.
    UnpinnedVersion = "TF0803",
    /// A version that YAML reads as a number.
    UnquotedVersion = "TF0804",

    // TF09: not there yet, or not done here
    /// A feature of the flow language that this version does not run yet.
    NotYet = "TF0901",
    /// A feature that only makes sense on a server; it is accepted and not run.
    NotRunHere = "TF0902",

    // TF10: the store of executions
    /// A later version of the program has written the store.
    NewerStore = "TF1001",
    /// The store is damaged, or is the file of another program.
    DamagedStore = "TF1002",
    /// Others could read or change the store.
    UnsafeStore = "TF1003",
    /// The system refused to read or write the store.
    FailedStore = "TF1004",
}

impl Code {
    /// The code of this text, whatever its case, with or without the letters in front.
    pub fn find(text: &str) -> Option<Code> {
        let digits = text
            .trim()
            .trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
        Code::ALL
            .iter()
            .copied()
            .find(|code| &code.as_str()[2..] == digits)
    }

    /// One line of what it means: the heading of its page.
    pub fn title(self) -> &'static str {
        let first = self.page().lines().next().unwrap_or_default();
        first.trim_start_matches("# ")
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn codes_are_unique_and_sorted() {
        let texts: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert!(texts.windows(2).all(|pair| pair[0] < pair[1]), "{texts:?}");
    }

    #[test]
    fn every_code_has_a_page_with_a_heading() {
        for code in Code::ALL {
            let page = code.page();
            assert!(page.starts_with("# "), "{code}");
            assert!(page.lines().count() > 3, "{code} has more than a heading");
            assert!(!code.title().ends_with('.'), "{code}");
        }
    }

    #[test]
    fn a_code_is_found_however_it_is_written() {
        for text in ["TF0101", "tf0101", "0101", " TF0101 "] {
            assert_eq!(Code::find(text), Some(Code::UnknownProperty), "{text}");
        }
        for text in ["", "TF", "TF9999", "101"] {
            assert_eq!(Code::find(text), None, "{text}");
        }
    }
}
