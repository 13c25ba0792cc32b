//! The fields of an intent's form, and the command they make.

use std::collections::BTreeMap;

use crate::domain::command::{self, Ask, Command, Vocabulary};
use crate::domain::intent::Intent;
use crate::domain::param::{Param, ParamKind};
use crate::domain::repo::PolicyRepo;
use crate::domain::request::Mode;

/// What a form says, as it was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// Whether to look only.
    pub check: bool,
    /// The place to post in.
    pub place: Option<String>,
    /// Targets, in the order chosen.
    pub targets: Vec<String>,
    /// Values as typed, by parameter.
    pub args: BTreeMap<String, String>,
    /// A pull request to cite.
    pub pull: String,
}

impl Fields {
    /// Reads the pairs of a form or query; `arg.NAME` are arguments.
    pub fn read(pairs: &[(String, String)]) -> Self {
        let mut fields = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "mode" => fields.check = value == "check",
                "in" => fields.place = Some(value.clone()),
                "on" => fields.targets.extend(value.split_whitespace().map(str::to_owned)),
                "pr" => fields.pull = value.trim().to_owned(),
                other => {
                    if let Some(param) = other.strip_prefix("arg.") {
                        fields.args.insert(param.to_owned(), value.clone());
                    }
                }
            }
        }
        let mut seen = Vec::new();
        fields.targets.retain(|target| {
            let new = !seen.contains(target);
            seen.push(target.clone());
            new
        });
        fields
    }

    /// Makes the command, or says what is wrong, field by field. The line is read back by the
    /// same grammar that reads what people type.
    pub fn command(&self, repo: &PolicyRepo, intent: &Intent) -> Result<Ask, Vec<String>> {
        let mut problems = Vec::new();
        let mut args = BTreeMap::new();
        for (name, param) in &intent.params {
            match self.value(name.as_str(), param) {
                Ok(Some(value)) => drop(args.insert(name.clone(), value)),
                Ok(None) => {}
                Err(why) => problems.push(format!("{name}: {why}")),
            }
        }
        if self.targets.is_empty() {
            problems.push("choose where: at least one target".to_owned());
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mode = if self.check { Mode::Check } else { Mode::Run };
        let targets = self.targets.clone();
        let ask = Ask { mode, intent: intent.name.clone(), targets, args, cites: None };
        let mut line = ask.to_string();
        if !self.pull.is_empty() {
            line.push_str(&format!(" pr {}", self.pull));
        }
        match command::parse(&line, &Vocabulary::of(repo)) {
            Ok(Some(Command::Ask(read))) if ask == (Ask { cites: None, ..read.clone() }) => {
                Ok(read)
            }
            Ok(_) => Err(vec!["this cannot be written as a command".to_owned()]),
            Err(error) => Err(vec![error.to_string()]),
        }
    }

    /// Returns the value to write for a parameter; none where the default does.
    fn value(&self, name: &str, param: &Param) -> Result<Option<String>, String> {
        let text = self.args.get(name).map(|text| text.trim()).unwrap_or_default();
        if text.is_empty() {
            return match &param.default {
                Some(_) => Ok(None),
                None => Err("needed".to_owned()),
            };
        }
        let value = param.parse(text).map_err(|error| error.to_string())?;
        Ok((param.default.as_ref() != Some(&value)).then(|| value.to_string()))
    }

    /// Returns the line as far as it goes, with `…` where something is still to be said.
    pub fn draft(&self, intent: &Intent) -> String {
        let verb = if self.check { "check" } else { "run" };
        let mut line = format!("!{verb} {} on ", intent.name);
        line.push_str(&if self.targets.is_empty() {
            "…".to_owned()
        } else {
            self.targets.join(" ")
        });
        for (name, param) in &intent.params {
            match self.value(name.as_str(), param) {
                Ok(Some(value)) => line.push_str(&format!(" {name}={value}")),
                Ok(None) => {}
                Err(_) => line.push_str(&format!(" {name}=…")),
            }
        }
        line
    }
}

/// Returns the address of an intent's form, filled in with what was asked.
pub fn address(ask: &Ask) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if ask.mode == Mode::Check {
        query.append_pair("mode", "check");
    }
    for target in &ask.targets {
        query.append_pair("on", target);
    }
    for (name, value) in &ask.args {
        query.append_pair(&format!("arg.{name}"), value);
    }
    format!("/intents/{}?{}", ask.intent, query.finish())
}

/// How a parameter is asked for.
pub struct Field {
    /// The parameter.
    pub name: String,
    /// What it is for.
    pub summary: Option<String>,
    /// What values it takes, in words.
    pub hint: String,
    /// Whether one must be given.
    pub required: bool,
    /// The value in the form now.
    pub value: String,
    /// The kind of control.
    pub control: Control,
}

/// The control of a parameter.
pub enum Control {
    /// One of these.
    Choice(Vec<String>),
    /// A whole number within limits.
    Number(Option<i64>, Option<i64>),
    /// Text of at most so many characters.
    Text(usize),
}

impl Field {
    /// Returns the fields of an intent, those that are needed first.
    pub fn all(intent: &Intent, fields: &Fields) -> Vec<Self> {
        let mut all: Vec<Self> = intent
            .params
            .iter()
            .map(|(name, param)| Self::of(name.as_str(), param, fields))
            .collect();
        all.sort_by_key(|field| !field.required);
        all
    }

    /// Returns the field of a parameter, with the value that was given or the default.
    fn of(name: &str, param: &Param, fields: &Fields) -> Self {
        let default = param.default.as_ref().map(ToString::to_string);
        let (control, hint) = match &param.kind {
            ParamKind::Boolean => {
                (Control::Choice(vec!["true".to_owned(), "false".to_owned()]), String::new())
            }
            ParamKind::Integer { min, max } => (Control::Number(*min, *max), range(*min, *max)),
            ParamKind::String { one_of, .. } if !one_of.is_empty() => {
                (Control::Choice(one_of.clone()), String::new())
            }
            ParamKind::String { pattern, max_length, .. } => {
                let pattern = pattern.as_ref().map(|pattern| format!("must match {pattern}"));
                (Control::Text(*max_length), pattern.unwrap_or_default())
            }
        };
        let value = fields.args.get(name).cloned().or_else(|| default.clone()).unwrap_or_default();
        Self {
            name: name.to_owned(),
            summary: param.summary.clone(),
            hint,
            required: default.is_none(),
            value,
            control,
        }
    }
}

/// Says which numbers are allowed.
fn range(min: Option<i64>, max: Option<i64>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "a whole number".to_owned(),
    }
}
