//! `relayd admin`: asks the relay that runs on this machine, over its admin socket.

use super::{Failure as ProgramFailure, SOFTWARE, Sources, UNAVAILABLE, block_on};
use crate::admin::client::{Answer, CallError, call};
use clap::{Args, Subcommand, ValueEnum};
use http::{Method, StatusCode};
use mrp_proto::code::ErrorBody;
use mrp_proto::key::PublicKey;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Nothing that is asked for takes longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Agents that are asked for at a time.
const PAGE: usize = 500;

/// More exit statuses of sysexits.h.
const NO_USER: u8 = 67;
const TRY_LATER: u8 = 75;

/// Ask the relay that runs here
#[derive(Debug, Args)]
pub(super) struct AdminArgs {
    /// Configuration file, for its data_dir
    #[arg(long, env = "RELAYD_CONFIG", value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Directory in which the relay keeps everything, its admin socket too
    #[arg(long, env = "RELAYD_DATA_DIR", value_name = "DIR", global = true)]
    data_dir: Option<PathBuf>,
    /// Write JSON, one object a line, at a terminal too
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    question: Question,
}

#[derive(Debug, Subcommand)]
enum Question {
    /// List the agents
    Agents {
        /// Only those of this status
        #[arg(long)]
        status: Option<Status>,
    },
    /// Show an agent and what the relay holds of it
    Agent(AgentArgs),
    /// Refuse everything from an agent and to it, and close its connections
    Suspend(AgentArgs),
    /// Serve a suspended agent again
    Resume(AgentArgs),
    /// Show what the relay holds and does
    Stats,
    /// Free now what time has passed by, and say what that was
    Gc,
    /// End the relay in order, as SIGTERM does
    Drain,
}

/// The agent that a question is about.
#[derive(Debug, Args)]
struct AgentArgs {
    /// Its public key
    // One key in 64 begins with a hyphen.
    #[arg(allow_hyphen_values = true)]
    key: PublicKey,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Status {
    Active,
    Suspended,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("{message}")]
    Refused { status: StatusCode, message: String },
    #[error("the relay's answer cannot be read: {0}; is it of another version than this program?")]
    Answer(#[from] serde_json::Error),
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    pub(super) fn status(&self) -> u8 {
        match self {
            Self::Call(_) => UNAVAILABLE,
            Self::Refused { status, .. } => match *status {
                StatusCode::NOT_FOUND => NO_USER,
                StatusCode::SERVICE_UNAVAILABLE => TRY_LATER,
                _ => SOFTWARE,
            },
            Self::Answer(_) | Self::Output(_) => SOFTWARE,
        }
    }
}

/// Asks, and writes the answer.
pub(super) fn run(arguments: &AdminArgs) -> Result<(), ProgramFailure> {
    let sources = Sources {
        config: arguments.config.clone(),
        listen: Vec::new(),
        data_dir: arguments.data_dir.clone(),
        set: Vec::new(),
    };
    let config = sources.load()?;
    let stdout = io::stdout();
    let form = if arguments.json || !stdout.is_terminal() {
        Form::Json
    } else {
        Form::Text
    };
    let relay = Relay {
        data_dir: &config.data_dir,
    };
    let mut output = BufWriter::new(stdout.lock());
    let asking = async {
        ask(&relay, &arguments.question, form, &mut output).await?;
        Ok(output.flush()?)
    };
    block_on(async {
        match asking.await {
            // Who reads has read enough.
            Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            asked => Ok(asked?),
        }
    })
}

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One object a line.
    Json,
    /// Aligned, for people.
    Text,
}

async fn ask(
    relay: &Relay<'_>,
    question: &Question,
    form: Form,
    output: &mut impl Write,
) -> Result<(), Failure> {
    let (method, target) = match question {
        Question::Agents { status } => return list(relay, *status, form, output).await,
        Question::Gc => return free(relay, form, output).await,
        Question::Agent(AgentArgs { key }) => (Method::GET, format!("/v1/agents/{key}")),
        Question::Suspend(AgentArgs { key }) => (Method::POST, format!("/v1/agents/{key}/suspend")),
        Question::Resume(AgentArgs { key }) => (Method::POST, format!("/v1/agents/{key}/resume")),
        Question::Stats => (Method::GET, "/v1/stats".to_owned()),
        Question::Drain => (Method::POST, "/v1/drain".to_owned()),
    };
    let answer: Box<RawValue> = relay.ask(method, &target).await?;
    write_object(output, form, answer.get())
}

/// A page of agents. They are written as they came.
#[derive(Deserialize)]
struct Page {
    agents: Vec<Box<RawValue>>,
    next: Option<String>,
}

async fn list(
    relay: &Relay<'_>,
    status: Option<Status>,
    form: Form,
    output: &mut impl Write,
) -> Result<(), Failure> {
    let status = match status {
        None => "",
        Some(Status::Active) => "&status=active",
        Some(Status::Suspended) => "&status=suspended",
    };
    if form == Form::Text {
        write_line(output, COLUMNS.map(|(_, title, _)| title.to_owned()))?;
    }
    let mut after = String::new();
    loop {
        let target = format!("/v1/agents?limit={PAGE}{status}{after}");
        let page: Page = relay.ask(Method::GET, &target).await?;
        for agent in page.agents {
            match form {
                Form::Json => writeln!(output, "{}", agent.get())?,
                Form::Text => write_agent(output, &serde_json::from_str(agent.get())?)?,
            }
        }
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(()),
        }
    }
}

/// Asks as often as there is more to free, and writes the sums.
async fn free(relay: &Relay<'_>, form: Form, output: &mut impl Write) -> Result<(), Failure> {
    let mut sums = Map::new();
    loop {
        let freed: Map<String, Value> = relay.ask(Method::POST, "/v1/gc").await?;
        let more = freed.get("more") == Some(&Value::Bool(true));
        for (name, count) in freed {
            if let Some(count) = count.as_u64() {
                let sum = sums.get(&name).and_then(Value::as_u64).unwrap_or(0);
                sums.insert(name, json!(sum + count));
            }
        }
        if !more {
            return write_object(output, form, &Value::Object(sums).to_string());
        }
    }
}

/// The relay that uses a data directory.
struct Relay<'a> {
    data_dir: &'a Path,
}

impl Relay<'_> {
    async fn ask<T: DeserializeOwned>(&self, method: Method, target: &str) -> Result<T, Failure> {
        let Answer { status, body } = call(self.data_dir, method, target, None, PATIENCE).await?;
        if status.is_success() {
            return Ok(serde_json::from_slice(&body)?);
        }
        let message = match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(refusal) => refusal.error.message,
            Err(_) => format!("the relay answered {status}"),
        };
        Err(Failure::Refused { status, message })
    }
}

/// Fields of an agent in a list, their titles, and widths.
const COLUMNS: [(&str, &str, usize); 5] = [
    ("public_key", "KEY", 43),
    ("status", "STATUS", 9),
    ("visibility", "SEEN", 7),
    ("last_active_at", "LAST ACTIVE", 24),
    ("display_name", "NAME", 0),
];

fn write_agent(output: &mut impl Write, agent: &Map<String, Value>) -> io::Result<()> {
    let cell = |name| agent.get(name).map(shown).unwrap_or_default();
    write_line(output, COLUMNS.map(|(name, _, _)| cell(name)))
}

fn write_line(output: &mut impl Write, cells: [String; 5]) -> io::Result<()> {
    let padded = cells.iter().zip(COLUMNS);
    let padded = padded.map(|(cell, (_, _, width))| format!("{cell:width$}"));
    let line = padded.collect::<Vec<_>>().join("  ");
    writeln!(output, "{}", line.trim_end())
}

/// An object: as it came, or one field a line.
fn write_object(output: &mut impl Write, form: Form, json: &str) -> Result<(), Failure> {
    if form == Form::Json {
        return Ok(writeln!(output, "{json}")?);
    }
    let mut fields = Vec::new();
    flatten("", &serde_json::from_str(json)?, &mut fields);
    let width = fields.iter().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or(0);
    for (name, value) in fields {
        writeln!(output, "{name:width$}  {value}")?;
    }
    Ok(())
}

/// Fields of fields under joined names; lists as JSON.
fn flatten(prefix: &str, value: &Value, fields: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let name = printable(name);
                let joined = if prefix.is_empty() {
                    name
                } else {
                    format!("{prefix}.{name}")
                };
                flatten(&joined, value, fields);
            }
        }
        other => fields.push((prefix.to_owned(), shown(other))),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => printable(text),
        other => printable(&other.to_string()),
    }
}

/// Agents name themselves as they like: nothing of that may steer a terminal or turn a line round.
fn printable(text: &str) -> String {
    let is_steering = |character: char| {
        character.is_control()
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if is_steering(character) {
            printable.extend(character.escape_unicode());
        } else {
            printable.push(character);
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> String {
        let mut output = Vec::new();
        write_object(&mut output, Form::Text, json).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn people_get_one_field_a_line_and_programs_what_came() {
        let json = r#"{"sockets":2,"store":{"waiting":0},"tags":["a"],"display_name":null}"#;
        assert_eq!(
            text(json),
            "display_name   -\nsockets        2\nstore.waiting  0\ntags           [\"a\"]\n"
        );
        let mut output = Vec::new();
        write_object(&mut output, Form::Json, json).unwrap();
        assert_eq!(output, format!("{json}\n").as_bytes());
    }

    #[test]
    fn no_name_steers_a_terminal() {
        let agent = json!({
            "public_key": "k", "status": "active", "visibility": "public", "last_active_at": "t",
            "display_name": "a\u{1b}[2J\u{9b}b\u{202e}c\nd \u{fc}",
        });
        let mut output = Vec::new();
        write_agent(&mut output, agent.as_object().unwrap()).unwrap();
        let line = String::from_utf8(output).unwrap();
        assert_eq!(line.matches('\n').count(), 1);
        assert!(
            line.ends_with("a\\u{1b}[2J\\u{9b}b\\u{202e}c\\u{a}d \u{fc}\n"),
            "{line}"
        );
        assert!(text(r#"{"metadata":{"\u001b":"\u0007"}}"#).contains("metadata.\\u{1b}"));
    }

    #[test]
    fn columns_are_aligned() {
        let mut output = Vec::new();
        write_line(&mut output, COLUMNS.map(|(_, title, _)| title.to_owned())).unwrap();
        let line = String::from_utf8(output).unwrap();
        assert_eq!(line.find("STATUS"), Some(45));
        assert_eq!(line.find("NAME"), Some(45 + 11 + 9 + 26));
    }
}
