//! What comes of a request from the run of the program that is to answer it.

use super::invocation::{Outcome, Report};
use mrp_proto::content::Response;
use mrpd_api::hook::answer as contract;

/// Whether the request may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tries {
    /// It may.
    Left,
    /// This was the last time.
    Over,
}

/// What is said to whoever asked.
#[derive(Debug)]
pub(super) enum Answer {
    /// This, and what it means for the request.
    Now(Response, Outcome),
    /// Nothing yet: it is tried again.
    NotYet,
}

/// Judges a run. What the program wrote to its standard error stays here.
pub(super) fn answer(report: &Report, tries: Tries) -> Answer {
    let failed = |message: &str| {
        let response = told(report).unwrap_or_else(|| contract::failed(message));
        Answer::Now(response, Outcome::Dead)
    };
    match report.outcome {
        Outcome::Interrupted => Answer::NotYet,
        Outcome::Later if tries == Tries::Left => Answer::NotYet,
        Outcome::Later | Outcome::Failed | Outcome::Dead => failed("the handler failed"),
        Outcome::Handled | Outcome::HandledAlone => {
            if let Some(error) = told(report) {
                return Answer::Now(error, report.outcome);
            }
            if report.cut {
                return failed("the handler wrote too much");
            }
            match contract::result(&report.stdout) {
                Some(result) => {
                    let result = Some(result);
                    Answer::Now(Response::Ok { result }, report.outcome)
                }
                None => failed("the handler wrote no JSON"),
            }
        }
    }
}

fn told(report: &Report) -> Option<Response> {
    contract::told(report.answer.as_deref()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrpd_api::hook::answer::FAILED;

    fn report(outcome: Outcome, stdout: &str, answer: Option<&str>) -> Report {
        Report {
            outcome,
            stdout: stdout.as_bytes().to_vec(),
            stderr: b"a secret".to_vec(),
            answer: answer.map(|text| text.as_bytes().to_vec()),
            ..Report::default()
        }
    }

    fn said(report: &Report, tries: Tries) -> Option<(String, Outcome)> {
        match answer(report, tries) {
            Answer::Now(response, outcome) => Some((response.to_body().get().to_owned(), outcome)),
            Answer::NotYet => None,
        }
    }

    #[test]
    fn the_result_is_what_was_written() {
        let says = |stdout| said(&report(Outcome::Handled, stdout, None), Tries::Left);
        let (body, outcome) = says(" {\"n\": 1.0}\n").unwrap();
        assert_eq!(body, r#"{"status":"ok","result":{"n": 1.0}}"#);
        assert_eq!(outcome, Outcome::Handled);
        assert_eq!(says("").unwrap().0, r#"{"status":"ok","result":{}}"#);
        let (body, outcome) = says("not json").unwrap();
        assert!(body.contains(FAILED), "{body}");
        assert_eq!(outcome, Outcome::Dead);
    }

    #[test]
    fn a_failure_is_an_answer_without_what_was_written_to_standard_error() {
        for outcome in [Outcome::Failed, Outcome::Dead] {
            let (body, outcome) = said(&report(outcome, "x", None), Tries::Left).unwrap();
            assert!(body.contains(FAILED) && !body.contains("secret"), "{body}");
            assert_eq!(outcome, Outcome::Dead);
        }
        let later = report(Outcome::Later, "", None);
        assert_eq!(said(&later, Tries::Left), None);
        assert!(said(&later, Tries::Over).unwrap().0.contains(FAILED));
    }

    #[test]
    fn the_handler_says_what_is_wrong_on_descriptor_3() {
        let told = r#"{"code":"no_such_disk","message":"there is no such disk"}"#;
        let expected = format!(r#"{{"status":"error","error":{told}}}"#);
        for outcome in [Outcome::Handled, Outcome::Failed] {
            let (body, _) = said(&report(outcome, "{}", Some(told)), Tries::Left).unwrap();
            assert_eq!(body, expected);
        }
        let (body, _) = said(&report(Outcome::Failed, "", Some("{}")), Tries::Left).unwrap();
        assert!(body.contains(FAILED), "{body}");
    }
}
