//! `mrpctl doctor`: what is wrong on this machine, why it matters, and what mends it. It never starts the daemon.

mod local;
mod mend;

use crate::cli::start::Doctor as Flags;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::output::{Shape, escape};
use mrpd_api::body::doctor::{Finding, Verdict};
use mrpd_api::client::Client;

pub(crate) async fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    let findings = examine(context, flags).await;
    show(context, &findings)?;
    if findings
        .iter()
        .any(|finding| finding.verdict == Verdict::Wrong)
    {
        return Err(Failure::Status(Reason::NothingFound.exit()));
    }
    Ok(())
}

/// What is well and what is not, and nothing is mended.
pub(crate) async fn findings(context: &Context) -> Vec<Finding> {
    examine(context, &Flags { fix: false }).await
}

async fn examine(context: &Context, flags: &Flags) -> Vec<Finding> {
    let client = context.running_daemon().await;
    let mut complaints = local::examine(context, client.as_ref()).await;
    if flags.fix {
        for complaint in &mut complaints {
            complaint.mend();
        }
    }
    let mut findings: Vec<Finding> = complaints
        .into_iter()
        .map(|complaint| complaint.finding)
        .collect();
    if let Ok(client) = &client {
        findings.extend(ask(client).await);
    }
    findings
}

/// What only the daemon can find out. One that is older may not know the question.
async fn ask(client: &Client) -> Vec<Finding> {
    match client.doctor().await {
        Ok(doctor) => doctor.findings,
        Err(error) => {
            let what = format!("the daemon does not say how it is: {error}");
            vec![Finding::wrong("daemon", what).fix("mrpctl daemon restart")]
        }
    }
}

fn show(context: &Context, findings: &[Finding]) -> Result<(), Failure> {
    if context.output.shape() == Shape::Text && !context.output.has_fields() {
        return context.output.text(&text(findings));
    }
    context
        .output
        .list(findings, &["verdict", "check", "what"], |finding| {
            vec![
                word(finding).to_owned(),
                finding.check.clone(),
                finding.what.clone(),
            ]
        })
}

fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let (word, check) = (word(finding), escape::line(&finding.check));
        let what = escape::line(&finding.what);
        text.push_str(&format!("{word:<6} {check}: {what}\n"));
        if finding.verdict == Verdict::Ok {
            continue;
        }
        let rest = [("why", &finding.why), ("fix", &finding.fix)];
        for (label, line) in rest {
            if let Some(line) = line {
                text.push_str(&format!("       {label}  {}\n", escape::line(line)));
            }
        }
    }
    let wrong = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Wrong);
    text.push_str(&match wrong.count() {
        0 => "nothing is wrong\n".to_owned(),
        1 => "1 thing is wrong\n".to_owned(),
        count => format!("{count} things are wrong\n"),
    });
    text
}

fn word(finding: &Finding) -> &'static str {
    match finding.verdict {
        Verdict::Ok if finding.mended => "mended",
        Verdict::Ok => "ok",
        Verdict::Note => "note",
        Verdict::Wrong => "wrong",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_says_what_why_and_how_to_mend_it() {
        let findings = [
            Finding::ok("store", "the store answers"),
            Finding::wrong("linger", "lingering is off")
                .because("the daemon ends\u{1b}[m with the last login")
                .fix("loginctl enable-linger"),
        ];
        insta::assert_snapshot!(text(&findings), @r"
        ok     store: the store answers
        wrong  linger: lingering is off
               why  the daemon ends\e[m with the last login
               fix  loginctl enable-linger
        1 thing is wrong
        ");
    }
}
