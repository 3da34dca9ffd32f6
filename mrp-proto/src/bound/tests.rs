use super::component::base as base_of;
use super::*;
use crate::code::Code;
use crate::key::Signature;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

const AUTHORITY: &str = "relay.example:8443";
const BODY: &[u8] = br#"{"hello": "world"}"#;

fn key() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

fn now() -> Timestamp {
    Timestamp::from_unix_millis(1_772_611_200_000)
}

fn nonce() -> Nonce {
    Nonce::from_random([7; 16])
}

fn decode(headers: &SignatureHeaders, now: Timestamp) -> Result<Option<Unverified>, AuthError> {
    let tolerance = Duration::from_secs(300);
    Unverified::decode(
        &headers.signature_input,
        Some(&headers.signature),
        now,
        tolerance,
    )
}

fn signed(request: &Request<'_>) -> SignatureHeaders {
    sign(
        &key(),
        request,
        AUTHORITY,
        &nonce(),
        now(),
        Duration::from_secs(60),
    )
}

fn outcome(
    headers: &SignatureHeaders,
    request: &Request<'_>,
    body: &[u8],
    authorities: &[&str],
) -> Result<Verified, AuthError> {
    let claim = decode(headers, now())?.expect("it has our tag");
    let verifier = key().public().verifier();
    claim.verify(
        &verifier,
        request,
        BodyHash::of(body),
        authorities.iter().copied(),
    )
}

/// What becomes of a request when `change` was done to the header `Signature-Input`, without its signature being made anew.
fn refusal(change: impl Fn(&str) -> String) -> BoundError {
    let request = Request::new("GET", "/v1/messages?limit=3");
    let mut headers = signed(&request);
    headers.signature_input = change(&headers.signature_input);
    match outcome(&headers, &request, b"", &[AUTHORITY]) {
        Err(AuthError::Bound(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// RFC 9421 appendix B.2.6, with the key of B.1.4.
#[test]
fn the_example_of_the_standard_has_these_bytes_and_this_signature() {
    let example = r#"sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#;
    let values = [
        ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("@method", "POST"),
        ("@path", "/foo"),
        ("@authority", "example.com"),
        ("content-type", "application/json"),
        ("content-length", "18"),
    ];
    let parameters = input::write_parameters(
        values.map(|(name, _)| name),
        &[
            ("created", Value::Integer(1_618_884_473)),
            ("keyid", Value::Text("test-key-ed25519")),
        ],
    );
    assert_eq!(format!("sig-b26={parameters}"), example);
    let base = base_of(
        values.map(|(name, value)| (name, value.as_bytes().into())),
        &parameters,
    );
    let seed = URL_SAFE_NO_PAD
        .decode("n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU")
        .unwrap();
    let key = SecretKey::from_seed(&seed.try_into().unwrap());
    assert_eq!(
        key.public().to_string(),
        "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"
    );
    let mut signature = String::new();
    structured::write_bytes(&mut signature, key.sign(&base).as_bytes());
    assert_eq!(
        signature,
        ":wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"
    );
    // It has no tag, and so it is not for us.
    let headers = SignatureHeaders {
        signature_input: example.to_owned(),
        signature: format!("sig-b26={signature}"),
    };
    assert!(decode(&headers, now()).unwrap().is_none());
}

#[test]
fn a_send_is_signed_over_these_bytes() {
    let digest = content_digest(BodyHash::of(BODY));
    assert_eq!(
        digest,
        "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
    );
    let request = Request {
        content_digest: Some(digest.as_bytes()),
        content_type: Some(b" application/json "),
        idempotency_key: Some(b"k-1"),
        range: Some(b"bytes=0-1"),
        ..Request::new("POST", "/v1/messages")
    };
    let headers = signed(&request);
    let public = key().public();
    let parameters = format!(
        "(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\" \"content-type\" \"idempotency-key\" \"range\");\
         created=1772611200;expires=1772611260;nonce=\"BwcHBwcHBwcHBwcHBwcHBw\";keyid=\"{public}\";alg=\"ed25519\";tag=\"mrp\""
    );
    assert_eq!(headers.signature_input, format!("mrp={parameters}"));
    let bytes = format!(
        "\"@method\": POST\n\"@authority\": relay.example:8443\n\"@path\": /v1/messages\n\"@query\": ?\n\
         \"content-digest\": {digest}\n\"content-type\": application/json\n\"idempotency-key\": k-1\n\
         \"range\": bytes=0-1\n\"@signature-params\": {parameters}"
    );
    let mut signature = "mrp=".to_owned();
    structured::write_bytes(&mut signature, key().sign(bytes.as_bytes()).as_bytes());
    assert_eq!(headers.signature, signature);
    let verified = outcome(&headers, &request, BODY, &["other.example", AUTHORITY]).unwrap();
    assert_eq!(verified.key, public);
    assert_eq!(verified.nonce, nonce());
    assert_eq!(verified.expires, now().after(Duration::from_secs(60)));
}

#[test]
fn every_part_of_a_request_is_covered() {
    let digest = content_digest(BodyHash::of(BODY));
    let request = Request {
        content_digest: Some(digest.as_bytes()),
        content_type: Some(b"application/json"),
        idempotency_key: Some(b"k"),
        range: Some(b"bytes=0-1"),
        ..Request::new("POST", "/v1/messages?a=b")
    };
    let headers = signed(&request);
    assert!(outcome(&headers, &request, BODY, &[AUTHORITY]).is_ok());
    let changes: [fn(&mut Request<'static>); 7] = [
        |request| request.method = "PUT",
        |request| request.path = "/v1/message",
        |request| request.query = Some("a=c"),
        |request| request.query = None,
        |request| request.content_type = Some(b"text/plain"),
        |request| request.idempotency_key = Some(b"l"),
        |request| request.range = Some(b"bytes=0-2"),
    ];
    for change in changes {
        let mut other = Request {
            content_digest: Some(digest.clone().leak().as_bytes()),
            content_type: Some(b"application/json"),
            idempotency_key: Some(b"k"),
            range: Some(b"bytes=0-1"),
            ..Request::new("POST", "/v1/messages?a=b")
        };
        change(&mut other);
        let error = outcome(&headers, &other, BODY, &[AUTHORITY]).unwrap_err();
        assert_eq!(error, BoundError::Mismatch.into(), "{other:?}");
    }
    for authorities in [
        &["relay.example"][..],
        &["relay.example:8444", "RELAY.EXAMPLE:8443"],
        &[],
    ] {
        let error = outcome(&headers, &request, BODY, authorities).unwrap_err();
        assert_eq!(error, BoundError::Mismatch.into());
    }
}

#[test]
fn what_a_request_has_must_be_covered_and_what_is_covered_must_be_there() {
    let bare = Request::new("POST", "/v1/messages");
    let headers = signed(&bare);
    let digest = content_digest(BodyHash::of(BODY));
    let with: [(&str, Request<'_>); 4] = [
        (
            "content-digest",
            Request {
                content_digest: Some(digest.as_bytes()),
                ..bare
            },
        ),
        (
            "content-type",
            Request {
                content_type: Some(b"application/json"),
                ..bare
            },
        ),
        (
            "idempotency-key",
            Request {
                idempotency_key: Some(b"k"),
                ..bare
            },
        ),
        (
            "range",
            Request {
                range: Some(b"bytes=0-"),
                ..bare
            },
        ),
    ];
    for (name, request) in &with {
        let body = if *name == "content-digest" { BODY } else { b"" };
        assert_eq!(
            outcome(&headers, request, body, &[AUTHORITY]).unwrap_err(),
            BoundError::NotCovered { name }.into()
        );
        assert_eq!(
            outcome(&signed(request), &bare, b"", &[AUTHORITY]).unwrap_err(),
            BoundError::Absent { name }.into()
        );
    }
    for name in ["@method", "@authority", "@path", "@query"] {
        let listed = format!("\"{name}\"");
        assert_eq!(
            refusal(|input| input.replace(&listed, "")),
            BoundError::NotCovered { name }
        );
    }
}

#[test]
fn a_body_has_the_digest_that_it_says() {
    let digest = content_digest(BodyHash::of(BODY));
    let of = |header: Option<&'static str>, body: &[u8]| {
        let request = Request {
            content_digest: header.map(str::as_bytes),
            ..Request::new("POST", "/v1/messages")
        };
        outcome(&signed(&request), &request, body, &[AUTHORITY]).map(|_| ())
    };
    let digest: &'static str = digest.leak();
    let both: &'static str = format!("sha-512=:AAAA:, {digest}").leak();
    assert_eq!(of(Some(digest), BODY), Ok(()));
    assert_eq!(of(Some(both), BODY), Ok(()));
    assert_eq!(of(None, b""), Ok(()));
    assert_eq!(
        of(Some(digest), b""),
        Err(BoundError::Digest {
            problem: "it is not that of the body"
        }
        .into())
    );
    assert_eq!(
        of(Some(digest), b"{}"),
        Err(BoundError::Digest {
            problem: "it is not that of the body"
        }
        .into())
    );
    assert_eq!(
        of(None, BODY),
        Err(BoundError::Digest {
            problem: "it is missing"
        }
        .into())
    );
    assert_eq!(
        of(Some("sha-512=:AAAA:"), BODY),
        Err(BoundError::Digest {
            problem: "it has no sha-256"
        }
        .into())
    );
    assert!(matches!(
        of(Some("sha-256"), BODY),
        Err(AuthError::Bound(BoundError::Digest { .. }))
    ));
    assert!(matches!(
        of(Some("sha-256=:"), BODY),
        Err(AuthError::Bound(BoundError::Malformed { .. }))
    ));
}

#[test]
fn each_mistake_in_the_parameters_is_named() {
    let missing = |name: &'static str, given: &str| {
        assert_eq!(
            refusal(|input| input.replace(given, "")),
            BoundError::NoParameter { name }
        );
    };
    missing("created", ";created=1772611200");
    missing("expires", ";expires=1772611260");
    missing("nonce", ";nonce=\"BwcHBwcHBwcHBwcHBwcHBw\"");
    let keyid = format!(";keyid=\"{}\"", key().public());
    missing("keyid", &keyid);
    let invalid = |name: &'static str, from: &str, to: &str| {
        let error = refusal(|input| input.replace(from, to));
        assert!(
            matches!(error, BoundError::Parameter { name: found, .. } if found == name),
            "{error}"
        );
    };
    invalid("created", "created=1772611200", "created=-1");
    invalid("created", "created=1772611200", "created=\"1772611200\"");
    invalid("expires", "expires=1772611260", "expires=1772611260.0");
    invalid("nonce", "BwcHBwcHBwcHBwcHBwcHBw", "short");
    invalid("nonce", "BwcHBwcHBwcHBwcHBwcHBw", "seventeen letters");
    invalid(
        "nonce",
        "\"BwcHBwcHBwcHBwcHBwcHBw\"",
        "1234567890123456".get(..15).unwrap(),
    );
    invalid("keyid", &keyid, ";keyid=5");
    invalid("alg", "ed25519", "rsa-pss-sha512");
    invalid("alg", "\"ed25519\"", "ed25519");
    let name = "context".to_owned();
    assert_eq!(
        refusal(|input| format!("{input};context=\"x\"")),
        BoundError::UnknownParameter { name }
    );
    for actual in [0, -1, 301] {
        let expires = format!("expires={}", 1_772_611_200 + actual);
        assert_eq!(
            refusal(|input| input.replace("expires=1772611260", &expires)),
            BoundError::Lifetime { actual }
        );
    }
}

#[test]
fn each_mistake_in_the_components_is_named() {
    let unknown = |from: &str, to: &str, name: &str| {
        let name = name.to_owned();
        assert_eq!(
            refusal(|input| input.replace(from, to)),
            BoundError::UnknownComponent { name }
        );
    };
    unknown("(", "(\"@target-uri\" ", "@target-uri");
    unknown("(", "(\"date\" ", "date");
    unknown("\"@query\"", "\"@query\";req", "@query;req");
    unknown("\"@query\"", "\"@Query\"", "@Query");
    unknown("\"@query\"", "5", "what is no text");
    assert_eq!(
        refusal(|input| input.replace('(', "(\"@path\" ")),
        BoundError::Repeated { name: "@path" }
    );
    // Another order or another alg is another signature.
    assert_eq!(
        refusal(|input| input.replace("\"@method\" \"@authority\"", "\"@authority\" \"@method\"")),
        BoundError::Mismatch
    );
    assert_eq!(
        refusal(|input| input.replace(";alg=\"ed25519\"", "")),
        BoundError::Mismatch
    );
    assert_eq!(
        refusal(|input| input.replace("1772611260", "1772611261")),
        BoundError::Mismatch
    );
}

#[test]
fn a_spelling_that_means_the_same_is_the_same_signature() {
    let request = Request::new("GET", "/v1/messages?");
    let mut headers = signed(&request);
    headers.signature_input = headers
        .signature_input
        .replace("(", "(  ")
        .replace(";", "; ");
    assert!(outcome(&headers, &request, b"", &[AUTHORITY]).is_ok());
    assert!(
        outcome(
            &headers,
            &Request::new("GET", "/v1/messages"),
            b"",
            &[AUTHORITY]
        )
        .is_ok()
    );
}

#[test]
fn one_signature_is_ours_and_others_are_passed_over() {
    let request = Request::new("GET", "/v1/messages");
    let ours = signed(&request);
    let beside = SignatureHeaders {
        signature_input: format!(
            "proxy=(\"@status\";req);tag=\"proxy\", flag, {}",
            ours.signature_input
        ),
        signature: format!("proxy=:AAAA:, {}", ours.signature),
    };
    assert!(outcome(&beside, &request, b"", &[AUTHORITY]).is_ok());
    let twice = SignatureHeaders {
        signature_input: format!("{}, b={}", ours.signature_input, &ours.signature_input[4..]),
        signature: format!("{}, b=:AAAA:", ours.signature),
    };
    assert_eq!(
        decode(&twice, now()).unwrap_err(),
        BoundError::Several.into()
    );
    for (signature, error) in [
        (
            "",
            BoundError::NoSignature {
                label: "mrp".to_owned(),
            },
        ),
        (
            "sig=:AAAA:",
            BoundError::NoSignature {
                label: "mrp".to_owned(),
            },
        ),
        (
            "mrp=:AAAA:",
            BoundError::NotASignature {
                label: "mrp".to_owned(),
            },
        ),
        (
            "mrp=5",
            BoundError::NotASignature {
                label: "mrp".to_owned(),
            },
        ),
        (
            "mrp=(:AAAA:)",
            BoundError::NotASignature {
                label: "mrp".to_owned(),
            },
        ),
    ] {
        let headers = SignatureHeaders {
            signature: signature.to_owned(),
            ..ours.clone()
        };
        assert_eq!(
            decode(&headers, now()).unwrap_err(),
            error.into(),
            "{signature}"
        );
    }
    let error = Unverified::decode(&ours.signature_input, None, now(), MAX_LIFETIME).unwrap_err();
    assert_eq!(error.code(), Code::MissingAuth);
    let malformed = SignatureHeaders {
        signature_input: "mrp=(".to_owned(),
        ..ours
    };
    assert!(matches!(
        decode(&malformed, now()),
        Err(AuthError::Bound(BoundError::Malformed { .. }))
    ));
}

#[test]
fn times_are_judged_with_the_tolerance() {
    let headers = signed(&Request::new("GET", "/"));
    let seconds = Duration::from_secs;
    for good in [now().before(seconds(300)), now(), now().after(seconds(360))] {
        assert!(decode(&headers, good).unwrap().is_some());
    }
    let millisecond = Duration::from_millis(1);
    for bad in [
        now().before(seconds(300)).before(millisecond),
        now().after(seconds(360)).after(millisecond),
    ] {
        let error = decode(&headers, bad).unwrap_err();
        assert!(matches!(error, AuthError::Clock { .. }), "{error}");
    }
    let far = SignatureHeaders {
        signature_input: headers.signature_input.replace(
            "created=1772611200;expires=1772611260",
            "created=999999999999900;expires=999999999999999",
        ),
        ..headers
    };
    assert!(matches!(decode(&far, now()), Err(AuthError::Clock { .. })));
}

#[test]
fn another_keys_signature_is_refused() {
    let request = Request::new("GET", "/v1/messages");
    let headers = signed(&request);
    let other = SecretKey::from_seed(&[2; 32]).public();
    let claim = decode(&headers, now()).unwrap().unwrap();
    let refused = claim.verify(&other.verifier(), &request, BodyHash::of(b""), [AUTHORITY]);
    assert_eq!(refused.unwrap_err(), BoundError::Mismatch.into());
    let in_other_name = SignatureHeaders {
        signature_input: headers
            .signature_input
            .replace(&key().public().to_string(), &other.to_string()),
        ..headers.clone()
    };
    let claim = decode(&in_other_name, now()).unwrap().unwrap();
    let refused = claim.verify(&other.verifier(), &request, BodyHash::of(b""), [AUTHORITY]);
    assert_eq!(refused.unwrap_err(), BoundError::Mismatch.into());
    let no_key = SignatureHeaders {
        signature_input: headers
            .signature_input
            .replace(&key().public().to_string(), "alice"),
        ..headers
    };
    assert_eq!(
        decode(&no_key, now()).unwrap_err().code(),
        Code::InvalidPublicKey
    );
}

#[test]
fn a_websocket_is_authenticated_for_one_audience() {
    let bytes = websocket_bytes(
        "https://relay.example",
        "2026-03-04T08:00:00.000Z",
        &nonce(),
    );
    assert_eq!(
        bytes,
        b"WS2\nhttps://relay.example\n2026-03-04T08:00:00.000Z\nBwcHBwcHBwcHBwcHBwcHBw"
    );
    let auth = crate::frame::Auth::bound(&key(), now(), "https://relay.example", &nonce());
    let signature: Signature = auth.signature.parse().unwrap();
    let verify = |audience: &str| {
        let bytes = websocket_bytes(audience, &auth.timestamp, &nonce());
        key().public().verify(&bytes, &signature)
    };
    assert!(verify("https://relay.example").is_ok());
    assert!(verify("http://relay.example").is_err());
}

proptest! {
    #[test]
    fn no_header_makes_it_panic(
        input in r#"mrp=\(("@method" ?|"@path" ?|"@query";a ?|[a-z"]{0,3}){0,4}\)(;[a-z]{1,7}=("[ -~]{0,20}"|[0-9.-]{0,16}|:[A-Z=]{0,5}:)){0,6}"#,
        signature in r#"(mrp=)?:[A-Za-z0-9+/=]{0,90}:"#,
    ) {
        let _ = Unverified::decode(&input, Some(&signature), now(), MAX_LIFETIME);
        let _ = Unverified::decode(&signature, Some(&input), now(), MAX_LIFETIME);
    }

    #[test]
    fn what_is_signed_is_verified(
        method in "[A-Z]{1,7}",
        target in r"/[!-~&&[^?#]]{0,20}(\?[!-~&&[^#]]{0,20})?",
        header in "[ -~]{0,30}",
        body: Vec<u8>,
        random: [u8; 16],
    ) {
        let digest = content_digest(BodyHash::of(&body));
        let request = Request {
            content_digest: Some(digest.as_bytes()),
            content_type: Some(header.as_bytes()),
            ..Request::new(&method, &target)
        };
        let nonce = Nonce::from_random(random);
        let headers = sign(&key(), &request, AUTHORITY, &nonce, now(), MAX_LIFETIME);
        let verified = outcome(&headers, &request, &body, &[AUTHORITY]).unwrap();
        prop_assert_eq!(verified.nonce, nonce);
    }
}
