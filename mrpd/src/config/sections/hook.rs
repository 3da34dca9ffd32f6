//! `[[hook]]` and `[hook_defaults]`.

use super::{groups, program};
use crate::audience::{Audience, Groups};
use crate::config::duration;
use crate::config::reader::Reader;
use crate::expression::{Condition, MESSAGE_FIELDS};
use crate::hooks::program::Input;
use crate::hooks::{Filter, Hook, Rate, ReplyForm, Retry};
use mrpd_api::message::Kind;
use mrpd_api::paths::Paths;

const KINDS: &[(&str, Kind)] = &[
    ("text", Kind::Text),
    ("request", Kind::Request),
    ("response", Kind::Response),
    ("event", Kind::Event),
    ("status", Kind::Status),
    ("json", Kind::Json),
    ("binary", Kind::Binary),
    ("undecryptable", Kind::Undecryptable),
];

/// Runs of one hook at the same time where nothing is written.
const CONCURRENCY: u64 = 4;
/// Messages that one run may be given.
const BATCH: std::ops::RangeInclusive<u64> = 1..=100;

/// What holds where a hook says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Defaults {
    pub(super) program: program::Defaults,
    concurrency: u64,
    retry: Retry,
}

/// Reads `[hook_defaults]`.
pub(super) fn read_defaults(top: &mut Reader<'_>) -> Defaults {
    let mut reader = top.child("hook_defaults");
    let usual = program::Defaults::default();
    let defaults = Defaults {
        program: program::Defaults {
            timeout: reader.duration("timeout", usual.timeout),
            kill_after: reader.duration("kill_after", usual.kill_after),
            passed: reader.texts("pass_env").unwrap_or_default(),
        },
        concurrency: reader.count("concurrency", CONCURRENCY, 1..=64),
        retry: read_retry(&mut reader, Retry::default()),
    };
    reader.finish();
    defaults
}

/// Reads a hook.
pub(super) fn read(
    mut reader: Reader<'_>,
    name: &str,
    groups: &Groups,
    agents: &[String],
    defaults: &Defaults,
    paths: &Paths,
) -> Option<Hook> {
    const REPLIES: &[(&str, ReplyForm)] = &[
        ("none", ReplyForm::None),
        ("text", ReplyForm::Text),
        ("json", ReplyForm::Json),
    ];
    if name == "log" {
        reader.wrong(
            "name",
            "\"log\" is the name of all hooks' log; choose another one",
        );
    }
    let filter = read_filter(&mut reader, groups, agents);
    let program = program::read(&mut reader, &defaults.program, Input::Json, paths);
    let reply = reader.choice("reply", REPLIES, ReplyForm::None);
    let concurrency = reader.count("concurrency", defaults.concurrency, 1..=64);
    let rate = reader.parsed(
        "rate",
        Rate::FORM,
        None,
        |text| Rate::parse(text).map(Some),
        |_| String::new(),
    );
    let debounce = reader.parsed(
        "debounce",
        duration::FORM,
        None,
        |text| duration::parse(text).map(Some),
        |_| String::new(),
    );
    let batch = reader.count("batch", 1, BATCH);
    let retry = read_retry(&mut reader, defaults.retry);
    reader.finish();
    Some(Hook {
        name: name.to_owned(),
        filter,
        program: program?,
        reply,
        concurrency: usize::try_from(concurrency).unwrap_or(1),
        rate,
        debounce: debounce.filter(|span| !span.is_zero()),
        batch: usize::try_from(batch).unwrap_or(1),
        retry,
    })
}

pub(super) fn read_filter(reader: &mut Reader<'_>, groups: &Groups, agents: &[String]) -> Filter {
    let agent = reader.text("agent");
    if let Some(agent) = agent.as_ref().filter(|agent| !agents.contains(agent)) {
        let known = agents.join(", ");
        reader.wrong(
            "agent",
            format!("there is no agent {agent:?}; known: {known}"),
        );
    }
    let mut from = groups::audience(reader, "from", groups).unwrap_or_else(Audience::known);
    if reader.switch("unverified", false) {
        from = from.accepting_unverified();
    }
    Filter {
        agent,
        from,
        kinds: read_kinds(reader),
        types: reader.texts("type"),
        threads: reader.texts("thread"),
        condition: read_condition(reader),
    }
}

fn read_kinds(reader: &mut Reader<'_>) -> Option<Vec<Kind>> {
    let words = reader.texts("kind")?;
    let mut kinds = Vec::with_capacity(words.len());
    for word in &words {
        match KINDS.iter().find(|(name, _)| name == word) {
            Some((_, kind)) => kinds.push(*kind),
            None => {
                let known: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
                let what = format!(
                    "{word:?} is not allowed; expected some of {}",
                    known.join(", ")
                );
                reader.wrong("kind", what);
            }
        }
    }
    Some(kinds)
}

/// Reads `match`.
pub(super) fn read_condition(reader: &mut Reader<'_>) -> Option<Condition> {
    let source = reader.text("match")?;
    match Condition::parse(&source, MESSAGE_FIELDS) {
        Ok(condition) => Some(condition),
        Err(error) => {
            reader.wrong("match", error.to_string());
            None
        }
    }
}

pub(super) fn read_retry(reader: &mut Reader<'_>, usual: Retry) -> Retry {
    let mut retry = reader.child("retry");
    let max_attempts = retry.count("max_attempts", u64::from(usual.max_attempts), 1..=1000);
    let read = Retry {
        max_attempts: u32::try_from(max_attempts).unwrap_or(usual.max_attempts),
        min: retry.duration("min", usual.min),
        max: retry.duration("max", usual.max),
    };
    if read.min.is_zero() || read.max < read.min {
        retry.wrong("max", "must be at least min, and min longer than nothing");
    }
    retry.finish();
    read
}
