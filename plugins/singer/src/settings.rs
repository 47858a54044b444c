//! The properties of taps and targets as a flow writes them, and what the types with settings of their own make of them.

use taffrail_plugin::json::Value;
use taffrail_plugin::{Context, Language, PlanError, Properties, shell};

use crate::Singer;

/// What a tap can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feature {
    /// It takes `--catalog`.
    Catalog,
    /// It takes `--properties`.
    Properties,
    /// It takes `--discover`, which the two above need.
    Discover,
    /// It takes `--state`.
    State,
}

/// All that both kinds know.
pub(crate) struct Settings {
    pub(crate) packages: Vec<String>,
    pub(crate) command: String,
    /// JSON text.
    pub(crate) config: String,
    /// JSON text; a tap's.
    pub(crate) streams: String,
    /// A tap's.
    pub(crate) features: Vec<Feature>,
    pub(crate) state_name: String,
    /// A target's.
    pub(crate) from: String,
    /// Whether the target writes into a folder that it does not make.
    pub(crate) makes_destination: bool,
}

impl Settings {
    pub(crate) fn of_tap(properties: &Properties) -> Result<Self, PlanError> {
        properties.allow(&[
            "pipPackages",
            "command",
            "configs",
            "streamsConfigurations",
            "features",
            "stateName",
        ])?;
        let streams = match properties.value().get("streamsConfigurations") {
            Some(Value::List(items)) if items.is_empty() => {
                return Err(PlanError::property(
                    "singer/empty-streams",
                    "/streamsConfigurations",
                    "`streamsConfigurations` is empty, at least one entry is needed",
                ));
            }
            Some(list @ Value::List(_)) => list.to_pretty(),
            _ => properties.required("streamsConfigurations", "a list", None::<String>)?,
        };
        Ok(Settings {
            streams,
            features: features(properties)?,
            ..Self::of_any(properties, None)?
        })
    }

    pub(crate) fn of_target(properties: &Properties) -> Result<Self, PlanError> {
        properties.allow(&["from", "pipPackages", "command", "configs", "stateName"])?;
        let from = from(properties)?;
        Ok(Settings {
            from,
            ..Self::of_any(properties, None)?
        })
    }

    pub(crate) fn of_csv(properties: &Properties, context: &Context) -> Result<Self, PlanError> {
        properties.allow(&[
            "from",
            "delimiter",
            "quoteCharacters",
            "pipPackages",
            "command",
            "stateName",
        ])?;
        let delimiter = properties.text("delimiter")?.unwrap_or(",");
        let quote = properties.text("quoteCharacters")?.unwrap_or("\"");
        let config = [
            ("delimiter", delimiter.into()),
            ("quotechar", quote.into()),
            (
                "destination_path",
                Value::from(&context.path_of("destination")),
            ),
        ];
        Self::of_files(properties, "target-csv", &config)
    }

    pub(crate) fn of_json(properties: &Properties, context: &Context) -> Result<Self, PlanError> {
        properties.allow(&["from", "pipPackages", "command", "stateName"])?;
        let config = [
            ("do_timestamp_file", false.into()),
            (
                "destination_path",
                Value::from(&context.path_of("destination")),
            ),
        ];
        Self::of_files(properties, "target-jsonl", &config)
    }

    /// A target of a package that is called like its program, and that writes into `destination`.
    fn of_files(
        properties: &Properties,
        program: &str,
        config: &[(&str, Value)],
    ) -> Result<Self, PlanError> {
        let entry = |(key, value): &(&str, Value)| ((*key).to_owned(), value.clone());
        Ok(Settings {
            from: from(properties)?,
            config: Value::Object(config.iter().map(entry).collect()).to_pretty(),
            makes_destination: true,
            ..Self::of_any(properties, Some(program))?
        })
    }

    /// `own` is the package and the program of a type that has both, and a configuration of its own.
    fn of_any(properties: &Properties, own: Option<&str>) -> Result<Self, PlanError> {
        let named = properties.texts("pipPackages")?;
        let packages = match (named, own) {
            (Some(named), _) => named,
            (None, Some(own)) => vec![own.to_owned()],
            (None, None) => properties.required("pipPackages", "a list", None)?,
        };
        let command = match (properties.text("command")?, own) {
            (Some(command), _) | (None, Some(command)) => command,
            (None, None) => properties.required("command", "a text", None)?,
        };
        // A path would not be what the packages bring, and a line would not be a name.
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if command.is_empty() || command.starts_with('-') || !command.bytes().all(sound) {
            return Err(PlanError::property(
                "singer/invalid-command",
                "/command",
                [
                    "`",
                    command,
                    "` is not the name of a program, for example `tap-csv`",
                ]
                .concat(),
            ));
        }
        let config = match (properties.value().get("configs"), own) {
            (_, Some(_)) => String::new(),
            (Some(map @ Value::Object(_)), None) => map.to_pretty(),
            (_, None) => properties.required("configs", "an object", None)?,
        };
        let state_name = properties.text("stateName")?.unwrap_or("singer-state");
        if !(1..=64).contains(&state_name.len())
            || state_name.starts_with('.')
            || !state_name.bytes().all(sound)
        {
            return Err(PlanError::property(
                "singer/invalid-state-name",
                "/stateName",
                [
                    "`",
                    state_name,
                    "` is not a name: at most 64 letters, digits, `.`, `_` and `-`",
                ]
                .concat(),
            ));
        }
        Ok(Settings {
            packages,
            command: command.to_owned(),
            config,
            state_name: state_name.to_owned(),
            streams: String::new(),
            features: vec![],
            from: String::new(),
            makes_destination: false,
        })
    }
}

fn from(properties: &Properties) -> Result<String, PlanError> {
    let from = properties.text("from")?;
    let from = properties.required("from", "a text", from)?;
    shell::refuse_nul(Singer::ID, "/from", from)?;
    if from.contains("://") {
        return Err(PlanError::property(
            "singer/not-a-file",
            "/from",
            [
                "`",
                from,
                "` is not a file of the working directory or of the storage",
            ]
            .concat(),
        ));
    }
    Ok(from.to_owned())
}

fn features(properties: &Properties) -> Result<Vec<Feature>, PlanError> {
    let Some(names) = properties.texts("features")? else {
        return Ok(vec![Feature::Properties, Feature::Discover, Feature::State]);
    };
    let mut features = Vec::new();
    for (index, name) in names.iter().enumerate() {
        features.push(match name.as_str() {
            "CATALOG" => Feature::Catalog,
            "PROPERTIES" => Feature::Properties,
            "DISCOVER" => Feature::Discover,
            "STATE" => Feature::State,
            other => {
                return Err(PlanError::property(
                    "singer/invalid-value",
                    ["/features/", &index.to_string()].concat(),
                    [
                        "`",
                        other,
                        "` is not one of `CATALOG`, `PROPERTIES`, `DISCOVER`, `STATE`",
                    ]
                    .concat(),
                ));
            }
        });
    }
    Ok(features)
}
