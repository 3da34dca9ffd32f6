//! What a program finds in its environment: little of the daemon's own, what the message is ([`mrpd_api::hook`]), and what is
//! configured.

use crate::config::inherited_environment;
use crate::hooks::invocation::Invocation;
use mrpd_api::hook;
use std::ffi::{OsStr, OsString};

type Pair = (OsString, OsString);

/// All of it, but for what only the run itself knows. Of two values the later one counts.
pub(super) fn of(invocation: &Invocation) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = inherited_environment()
        .filter(|(name, _)| is_passed(name, &invocation.program.passed))
        .collect();
    let configured = &invocation.program.environment;
    pairs.extend(
        configured
            .iter()
            .map(|(name, value)| (name.into(), value.into())),
    );
    let mut put = |name: &str, value: OsString| pairs.push((name.into(), value));
    put("MRP_HOOK", invocation.name.as_str().into());
    put("MRP_ATTEMPT", invocation.attempt.to_string().into());
    put("MRPD_SOCKET", invocation.socket.as_os_str().to_owned());
    if let Some(message) = invocation.messages.first() {
        for (name, value) in hook::variables(message) {
            put(name, value.into());
        }
        let folder = invocation.attachments.as_deref();
        let folder = folder.map_or(OsStr::new(""), std::path::Path::as_os_str);
        put("MRP_ATTACHMENTS_DIR", folder.to_owned());
    }
    pairs
}

fn is_passed(name: &OsStr, passed: &[String]) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    hook::is_passed_on(name) || passed.iter().any(|passed| passed == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::program::{Action, Program};
    use crate::testing;
    use mrpd_api::hook::{TEXT, VALUE};
    use mrpd_api::message::{Kind, Message};
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::PathBuf;

    fn variables(message: Message) -> BTreeMap<String, String> {
        let mut program = Program::of(Action::Shell(String::new()));
        program
            .environment
            .insert("MRP_HOOK".to_owned(), "forged".to_owned());
        program.environment.insert("OWN".to_owned(), "1".to_owned());
        let invocation = Invocation {
            name: "desk".to_owned(),
            program,
            messages: vec![message],
            attempt: 3,
            socket: PathBuf::from("/run/s"),
            attachments: None,
        };
        of(&invocation)
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    #[test]
    fn a_message_is_described() {
        let message = testing::message(r#"{"action":"disk","params":{}}"#);
        let found = variables(message.clone());
        let expected = [
            ("MRP_HOOK", "desk"),
            ("MRP_ATTEMPT", "3"),
            ("MRPD_SOCKET", "/run/s"),
            ("OWN", "1"),
            ("MRP_MESSAGE_ID", "msg_1772611200_a1b2c3d4e5f6"),
            ("MRP_SEQ", "1042"),
            ("MRP_FROM_NAME", ""),
            ("MRP_KIND", "request"),
            ("MRP_ACTION", "disk"),
            ("MRP_EVENT_NAME", ""),
            ("MRP_ENCRYPTED", "1"),
            ("MRP_THREAD_ID", ""),
            ("MRP_ATTACHMENT_COUNT", "0"),
        ];
        for (name, value) in expected {
            assert_eq!(found.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert_eq!(found["MRP_FROM"], message.from.key.to_string());
        let mut message = testing::message(r#"{"event":"up","data":{}}"#);
        message.kind = Kind::Event;
        let found = variables(message);
        assert_eq!(found["MRP_EVENT_NAME"], "up");
    }

    #[test]
    fn the_written_contract_names_what_there_is() {
        let mut message = testing::message("{}");
        let mut found: BTreeSet<String> = variables(message.clone()).into_keys().collect();
        message.text = Some("x".repeat(TEXT + 1));
        found.extend(variables(message).into_keys());
        found.retain(|name| name.starts_with("MRP"));
        // The run alone knows that file.
        found.insert("MRP_BODY_FILE".to_owned());
        let told: BTreeSet<String> = crate::hooks::contract::VARIABLES
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        assert_eq!(told, found);
    }

    #[test]
    fn little_is_passed_on() {
        let found = variables(testing::message("{}"));
        let foreign: Vec<&String> = found
            .keys()
            .filter(|name| !name.starts_with("MRP") && !hook::is_passed_on(name))
            .filter(|name| *name != "OWN")
            .collect();
        // Cargo gives tests a large environment of its own.
        assert!(foreign.is_empty(), "{foreign:?}");
    }

    #[test]
    fn nothing_that_a_peer_writes_is_too_much() {
        let mut message = testing::message("{}");
        message.text = Some("x".repeat(TEXT));
        assert_eq!(variables(message.clone())["MRP_TEXT"].len(), TEXT);
        for text in ["x".repeat(TEXT + 1), "a\0b".to_owned()] {
            message.text = Some(text);
            let found = variables(message.clone());
            assert!(!found.contains_key("MRP_TEXT"));
            assert_eq!(found["MRP_TEXT_OMITTED"], "1");
        }
        message.thread = Some("x".repeat(VALUE + 1));
        message.content_type = "a\0b".to_owned();
        let found = variables(message);
        assert_eq!(found["MRP_THREAD_ID"], "");
        assert_eq!(found["MRP_TYPE"], "");
    }
}
