//! How a failure is told: to people as what happened, what was tried and what to do; to programs as one JSON object.

use super::{escape, stderr_line};
use crate::cli::ParseError;
use crate::exit::{Failure, Note, Reason, Told};
use anstyle::{AnsiColor, Style};
use mrpd_api::error::ErrorBody;
use std::ffi::OsString;
use std::fmt::Write as _;

/// Who reads standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    People,
    Programs,
}

const ERROR: Style = AnsiColor::Red.on_default().bold();
const LABEL: Style = AnsiColor::Cyan.on_default();

/// Columns before the text behind a label.
const LABEL_WIDTH: usize = 7;

pub(super) fn render(told: &Told, audience: Audience) -> String {
    match audience {
        Audience::People => for_people(told),
        Audience::Programs => for_programs(told),
    }
}

fn for_people(told: &Told) -> String {
    let detail = &told.detail;
    let mut text = format!("{ERROR}error:{ERROR:#} {}", escape::line(&detail.message));
    for Note { label, lines } in &told.notes {
        labelled(&mut text, label, lines.iter().map(String::as_str));
    }
    if let Some(hint) = &detail.hint {
        labelled(&mut text, "fix", hint.lines());
    }
    if let Some(request_id) = &detail.request_id {
        labelled(
            &mut text,
            "id",
            [format!("{request_id} (the relay's, of the request)").as_str()],
        );
    }
    text
}

fn labelled<'a>(text: &mut String, label: &str, lines: impl IntoIterator<Item = &'a str>) {
    for (number, line) in lines.into_iter().enumerate() {
        let label = if number == 0 { label } else { "" };
        let line = escape::line(line);
        write!(text, "\n  {LABEL}{label:<LABEL_WIDTH$}{LABEL:#}{line}")
            .expect("writing to a String does not fail");
    }
}

fn for_programs(told: &Told) -> String {
    let body = ErrorBody {
        error: told.detail.clone(),
    };
    serde_json::to_string(&body).unwrap_or_else(|error| format!("error: {error}"))
}

/// Tells what is wrong with the command line, or shows the help that was asked for.
pub(crate) fn report_unread(error: &ParseError, audience: Audience) -> Failure {
    let failure = match error {
        ParseError::NotParsed(error) if error.is_help() => {
            error.print();
            return Failure::Status(0);
        }
        ParseError::NotParsed(error) if audience == Audience::People => {
            error.print();
            return Failure::Status(Reason::Usage.exit());
        }
        ParseError::NotParsed(error) => {
            &Failure::new(Reason::Usage, error.message()).fix("mrpctl --help")
        }
        ParseError::Settings(failure) | ParseError::Mistyped(failure) => failure,
    };
    if let Some(told) = failure.told() {
        stderr_line(&render(told, audience));
    }
    Failure::Status(failure.exit())
}

impl Audience {
    /// Who reads standard error of a command line that could not be read whole.
    pub(crate) fn of(arguments: &[OsString], variable: Option<&str>) -> Self {
        if wants_json(arguments, variable) {
            Self::Programs
        } else {
            Self::People
        }
    }
}

/// What the command line says about its output even where the rest of it is wrong.
fn wants_json(arguments: &[OsString], variable: Option<&str>) -> bool {
    let is_json = |format: &str| matches!(format, "json" | "jsonl");
    let texts: Vec<&str> = arguments
        .iter()
        .filter_map(|argument| argument.to_str())
        .collect();
    let options: Vec<&str> = texts
        .iter()
        .copied()
        .take_while(|text| *text != "--")
        .collect();
    let named = options
        .iter()
        .enumerate()
        .find_map(|(number, option)| match *option {
            "--json" => Some("json"),
            "-o" | "--output" => options.get(number + 1).copied(),
            _ => option
                .strip_prefix("--output=")
                .or_else(|| option.strip_prefix("-o")),
        });
    named.or(variable).is_some_and(is_json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrpd_api::error::{Code, ErrorDetail};

    fn told() -> Told {
        let mut detail = ErrorDetail::new(
            Code::DaemonUnreachable,
            "mrpd is not running",
            Some("systemctl --user enable --now mrpd        (or: mrpctl daemon start)".to_owned()),
        );
        detail.request_id = Some("req_1".to_owned());
        let lines = vec![
            "$MRPD_SOCKET (unset)".to_owned(),
            "/run/user/1000/mrp/mrpd.sock (no such file)".to_owned(),
        ];
        Told {
            detail,
            notes: vec![Note {
                label: "tried",
                lines,
            }],
        }
    }

    #[test]
    fn people_read_what_happened_what_was_tried_and_what_to_do() {
        let text = anstream::adapter::strip_str(&for_people(&told())).to_string();
        insta::assert_snapshot!(text, @r"
        error: mrpd is not running
          tried  $MRPD_SOCKET (unset)
                 /run/user/1000/mrp/mrpd.sock (no such file)
          fix    systemctl --user enable --now mrpd        (or: mrpctl daemon start)
          id     req_1 (the relay's, of the request)
        ");
    }

    #[test]
    fn programs_read_one_object() {
        insta::assert_snapshot!(for_programs(&told()), @r#"{"error":{"code":"daemon_unreachable","message":"mrpd is not running","exit":69,"retryable":true,"hint":"systemctl --user enable --now mrpd        (or: mrpctl daemon start)","request_id":"req_1"}}"#);
    }

    #[test]
    fn words_of_others_are_escaped() {
        let mut told = told();
        told.detail.message = "no \u{1b}[2J such".to_owned();
        assert!(
            !anstream::adapter::strip_str(&for_people(&told))
                .to_string()
                .contains('\u{1b}')
        );
        assert!(for_people(&told).contains("no \\e[2J such"));
    }

    #[test]
    fn the_wish_for_json_is_seen_in_a_wrong_command_line() {
        let wants = |text: &str, variable| {
            let arguments: Vec<OsString> = text.split(' ').map(OsString::from).collect();
            wants_json(&arguments, variable)
        };
        for text in [
            "send --json --bad",
            "send -o json",
            "--output=jsonl x",
            "-ojson x",
        ] {
            assert!(wants(text, None), "{text}");
        }
        for text in ["send --bad", "send -o text", "send -- --json"] {
            assert!(!wants(text, None), "{text}");
        }
        assert!(wants("send --bad", Some("json")));
        assert!(!wants("send -o text --bad", Some("json")));
    }
}
