use super::*;

fn refused(status: u16, code: &str, retry_after: Option<u64>) -> Error {
    Error::Refused(Refusal {
        status,
        code: code.to_owned(),
        message: "no".to_owned(),
        details: None,
        request_id: Some("req_1".into()),
        retry_after: retry_after.map(Duration::from_secs),
    })
}

#[test]
fn the_code_decides_what_is_tried_again() {
    let wait = Some(Duration::from_secs(12));
    for (error, verdict, code) in [
        (
            refused(429, "rate_limit_exceeded", Some(12)),
            Verdict::RetryRelay(wait),
            Code::RateLimited,
        ),
        (
            refused(503, "unavailable", Some(12)),
            Verdict::RetryRelay(wait),
            Code::TryAgain,
        ),
        (
            refused(502, "unknown", None),
            Verdict::RetryRelay(None),
            Code::TryAgain,
        ),
        (
            refused(404, "unknown", None),
            Verdict::RetryRelay(None),
            Code::RelayUnreachable,
        ),
        (
            refused(413, "unknown", None),
            Verdict::GiveUp,
            Code::Refused,
        ),
        (
            refused(401, "timestamp_out_of_range", None),
            Verdict::RetryRelay(None),
            Code::TryAgain,
        ),
        (
            refused(409, "replay_detected", None),
            Verdict::RetryMessage(None),
            Code::TryAgain,
        ),
        (
            refused(507, "insufficient_storage", None),
            Verdict::RetryMessage(None),
            Code::TryAgain,
        ),
        (
            refused(500, "internal", None),
            Verdict::RetryMessage(None),
            Code::TryAgain,
        ),
        (
            refused(403, "acl_denied", None),
            Verdict::GiveUp,
            Code::NotPermitted,
        ),
        (
            refused(404, "agent_not_found", None),
            Verdict::GiveUp,
            Code::Refused,
        ),
        (
            refused(413, "payload_too_large", None),
            Verdict::GiveUp,
            Code::TooLarge,
        ),
        (
            refused(422, "idempotency_mismatch", None),
            Verdict::GiveUp,
            Code::Refused,
        ),
        (
            refused(418, "something_new", None),
            Verdict::GiveUp,
            Code::Refused,
        ),
        (
            Error::TimedOut,
            Verdict::RetryRelay(None),
            Code::RelayUnreachable,
        ),
        (
            Error::Setup {
                what: "x".to_owned(),
            },
            Verdict::GiveUp,
            Code::Internal,
        ),
    ] {
        let problem = judge(&error);
        assert_eq!(problem.verdict, verdict, "{error}");
        assert_eq!(problem.error.code, code.as_str(), "{error}");
    }
    let problem = judge(&refused(403, "acl_denied", None));
    assert_eq!(problem.error.request_id.as_deref(), Some("req_1"));
}
