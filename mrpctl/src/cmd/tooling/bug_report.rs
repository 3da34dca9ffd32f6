//! `mrpctl bug-report`: what is needed to find a fault, and nothing that is nobody's business.

mod redact;

use super::{config, logs};
use crate::cli::tooling::BugReport as Flags;
use crate::cmd::start::doctor;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use redact::Redactor;
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Lines of the log.
const LOG_LINES: usize = 200;

#[derive(Serialize)]
struct Report {
    mrpctl: &'static str,
    mrpd: Option<String>,
    system: String,
    status: Value,
    doctor: Value,
    config: Map<String, Value>,
    config_error: Option<String>,
    log: Vec<String>,
}

pub(crate) async fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    let report = gather(context).await;
    let output = &context.output;
    match &flags.file {
        Some(path) => {
            save(path, &text(&report))?;
            output.note(&format!(
                "{} is written; read it before you give it away",
                path.display()
            ));
            Ok(())
        }
        // It is for people in a pipe too.
        None if output.is_bare() => output.text(&text(&report)),
        None => output.object(&report, || text(&report), None),
    }
}

/// What cannot be had is left out: this is asked for where things are broken.
async fn gather(context: &Context) -> Report {
    let redactor = Redactor::new(&context.paths.environment().home);
    let client = context.running_daemon().await.ok();
    let status = match &client {
        Some(client) => client.status().await.ok(),
        None => None,
    };
    let findings = doctor::findings(context).await;
    let (config, config_error) = match config::in_force(context, config::Origins::Hidden).await {
        Ok(values) => (redactor.config(values), None),
        Err(failure) => {
            let told = failure.told();
            let what = told.map_or_else(String::new, |told| told.detail.message.clone());
            (Map::new(), Some(redactor.text(&what)))
        }
    };
    let log = logs::last_lines(context, LOG_LINES);
    Report {
        mrpctl: env!("CARGO_PKG_VERSION"),
        mrpd: status.as_ref().map(|status| status.version.clone()),
        system: system(),
        status: redactor.value(json(&status)),
        doctor: redactor.value(json(&findings)),
        config,
        config_error,
        log: log.iter().map(|line| redactor.text(line)).collect(),
    }
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn system() -> String {
    let name = nix::sys::utsname::uname().map(|names| {
        let words = [names.sysname(), names.release(), names.machine()];
        words
            .map(|word| word.to_string_lossy().into_owned())
            .join(" ")
    });
    name.unwrap_or_default()
}

fn text(report: &Report) -> String {
    let daemon = report.mrpd.as_deref().unwrap_or("(not running)");
    let mut text = format!(
        "# Report of mrpctl\n\nmrpctl {}\nmrpd   {daemon}\nsystem {}\n",
        report.mrpctl, report.system
    );
    let mut section = |title: &str, body: &str| {
        write!(text, "\n## {title}\n\n```\n{}\n```\n", body.trim_end())
            .expect("writing to a String does not fail");
    };
    section("Status", &format!("{:#}", report.status));
    section("Doctor", &format!("{:#}", report.doctor));
    let mut lines: Vec<String> = report.config_error.clone().into_iter().collect();
    lines.extend(
        report
            .config
            .iter()
            .map(|(key, value)| format!("{key} = {value}")),
    );
    section("Configuration", &lines.join("\n"));
    section("Log", &report.log.join("\n"));
    crate::output::escape::block(&text)
}

/// For its owner alone, until they give it away.
fn save(path: &Path, text: &str) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        Failure::io(
            Reason::CannotCreate,
            &format!("write {}", path.display()),
            &error,
        )
    })
}
