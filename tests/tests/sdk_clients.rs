//! The published Python SDK, unmodified, against our relay, with another of its kind and with mrpctl.

use serde_json::Value;
use tests::process::eventually;
use tests::relay::Relay;
use tests::sdk::{SdkPeer, lines};
use tests::user::User;

#[test]
fn sdk_to_sdk_by_poll_plain_and_sealed() {
    let relay = Relay::start();
    let (alice, alice_key) = SdkPeer::at(&relay);
    let (bob, bob_key) = SdkPeer::at(&relay);
    let plain = alice.run(&["send", &bob_key, "in clear"]).succeeded();
    let sealed = alice.run(&["send-sealed", &bob_key, "sealed"]).succeeded();
    let over_socket = alice
        .run(&["send-socket", &bob_key, "over a socket"])
        .succeeded();
    let messages = bob.poll(3);
    let texts: Vec<&Value> = messages
        .iter()
        .map(|message| &message["body"]["text"])
        .collect();
    assert_eq!(texts, ["in clear", "sealed", "over a socket"]);
    let ids: Vec<&Value> = messages.iter().map(|message| &message["id"]).collect();
    assert_eq!(ids, [plain.trim(), sealed.trim(), over_socket.trim()]);
    assert!(
        messages
            .iter()
            .all(|message| message["from"] == alice_key.as_str())
    );
    assert_eq!(messages[1]["encrypted"], true);
    let thread = lines(&bob.run(&["thread", "sdk/thread 1"]).succeeded());
    assert_eq!(thread.len(), 1);
}

#[test]
fn sdk_to_sdk_by_socket_with_backlog_and_live() {
    let relay = Relay::start();
    let (alice, _) = SdkPeer::at(&relay);
    let (bob, bob_key) = SdkPeer::at(&relay);
    alice.run(&["send-sealed", &bob_key, "before"]).succeeded();
    let mut listener = bob.start(&["listen", "2"]);
    listener.line_after("listening");
    alice.run(&["send", &bob_key, "live"]).succeeded();
    let received = lines(&listener.wait().succeeded());
    let texts: Vec<&Value> = received
        .iter()
        .map(|message| &message["body"]["text"])
        .collect();
    assert_eq!(texts, ["before", "live"]);
}

#[test]
fn sdk_to_mrpctl_and_back() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let user_key = user.key();
    let (sdk, sdk_key) = SdkPeer::at(&relay);

    sdk.run(&["send", &user_key, "from the SDK, in clear"])
        .succeeded();
    sdk.run(&["send-sealed", &user_key, "from the SDK, sealed"])
        .succeeded();
    sdk.run(&["send-socket", &user_key, "from the SDK, over a socket"])
        .succeeded();
    let inbox = eventually("three messages", || {
        Some(user.inbox()).filter(|inbox| inbox.len() == 3)
    });
    let shown: Vec<_> = inbox
        .iter()
        .map(|message| {
            (
                message["text"].as_str().unwrap(),
                message["encrypted"] == true,
                message["verified"] == true,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("from the SDK, in clear", false, false),
            ("from the SDK, sealed", true, true),
            ("from the SDK, over a socket", false, false)
        ]
    );

    user.mrpctl(&["send", &sdk_key, "sealed for the SDK"])
        .succeeded();
    user.mrpctl(&["send", &sdk_key, "--plain", "plain for the SDK"])
        .succeeded();
    let received = sdk.poll(2);
    assert_eq!(received[0]["body"]["text"], "sealed for the SDK");
    assert_eq!(received[0]["encrypted"], true);
    assert_eq!(received[1]["body"]["text"], "plain for the SDK");
    assert_eq!(received[1]["encrypted"], false);
}

#[test]
fn an_echo_agent_of_the_sdk_answers_mrpctl() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let (sdk, sdk_key) = SdkPeer::at(&relay);
    let mut echo = sdk.start(&["echo", "1"]);
    echo.line_after("listening");
    let id = user
        .mrpctl(&["send", &sdk_key, "--plain", "anyone there?"])
        .succeeded();
    let inbox = eventually("the answer", || {
        Some(user.inbox()).filter(|inbox| !inbox.is_empty())
    });
    assert_eq!(inbox[0]["text"], "echo: anyone there?");
    assert_eq!(inbox[0]["reply_to"], id.trim());
}

#[test]
fn the_sdk_makes_its_exceptions_of_our_errors() {
    let relay = Relay::start();
    let (sdk, _) = SdkPeer::at(&relay);
    let shown = sdk.run(&["errors"]).succeeded();
    assert_eq!(shown.lines().count(), 7, "{shown}");
}
