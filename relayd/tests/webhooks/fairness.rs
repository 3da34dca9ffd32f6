//! Many receivers, or many agents and one: nobody delays another, and the relay is nobody's weapon.

use crate::receiver::{Answer, Receiver};
use crate::rig::{Relay, agent};
use std::time::Duration;

#[tokio::test]
async fn a_silent_receiver_delays_nobody_else() {
    let silent = Receiver::start(|_, _| Answer::Silence).await;
    let good = Receiver::good().await;
    let relay = Relay::start().await;
    let alice = agent(1);
    for seed in 10..20 {
        relay.register(&agent(seed), &silent.url()).await;
        for body in ["1", "2"] {
            relay.send(&alice, &agent(seed), body).await;
        }
    }
    silent.wait_for(1).await;
    relay.register(&agent(2), &good.url()).await;
    for number in 0..40 {
        relay.send(&alice, &agent(2), &number.to_string()).await;
    }
    good.wait_for(40).await;
    // A delivery may take ten seconds: the first ones still hang.
    assert!(silent.count() <= 4, "{}", silent.count());
    assert_eq!(silent.most_at_a_time(), 1, "it never took one");
    relay.end().await;
}

#[tokio::test]
async fn many_agents_cannot_flood_one_victim() {
    let victim = Receiver::start(|_, _| Answer::Slow(Duration::from_millis(100), 200)).await;
    let relay = Relay::start().await;
    let alice = agent(1);
    for seed in 10..30 {
        // The same address by other names.
        let url = format!("http://127.0.0.1:{}/{seed}", victim.address.port());
        relay.register(&agent(seed), &url).await;
        for body in ["1", "2", "3"] {
            relay.send(&alice, &agent(seed), body).await;
        }
    }
    let begun = std::time::Instant::now();
    let before = victim.count();
    let deliveries = victim.wait_for(60).await;
    let rate = f64::from(u32::try_from(60 - before).unwrap()) / begun.elapsed().as_secs_f64();
    // Four at a time alone would be forty in a second.
    assert!(rate <= 30.0, "{rate} in a second");
    assert!(victim.most_at_a_time() <= 4, "{}", victim.most_at_a_time());
    let ids: std::collections::HashSet<_> = deliveries.iter().map(|one| one.id()).collect();
    assert_eq!(ids.len(), 60, "each once");
    relay.end().await;
}

#[tokio::test]
async fn a_dead_receiver_is_left_alone_and_found_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let relay = Relay::start().await;
    let (alice, bob) = (agent(1), agent(2));
    relay.register(&bob, &format!("http://{address}/")).await;
    let id = relay.send(&alice, &bob, "1").await;
    crate::rig::eventually("more failures than it takes to be given up", async || {
        let info = relay.webhook(&bob).await;
        let failures = info["consecutive_failures"].as_u64().unwrap();
        (failures > 12 && info["last_error"] == "unreachable").then_some(())
    })
    .await;
    // Its owner moves on.
    let receiver = Receiver::good().await;
    relay.register(&bob, &receiver.url()).await;
    assert_eq!(receiver.wait_for(1).await[0].message(), 1);
    crate::rig::eventually("the message is delivered", async || {
        (relay.status(&alice, &id).await == "delivered").then_some(())
    })
    .await;
}
