//! How often: per agent, per place, and how many new agents (protocol A9).

mod window;

use crate::client_address::{ClientAddress, Place};
use crate::config::Config;
use crate::metrics::Limit;
use mrp_proto::key::PublicKey;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use window::{Count, Window};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Where a caller stands with a limit: the three rate headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// Unix seconds.
    pub(crate) reset: u64,
}

/// Too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at most {limit} {what} per {window} are allowed; come again in {retry_after} s")]
pub(crate) struct RateLimited {
    pub(crate) kind: Limit,
    pub(crate) what: &'static str,
    pub(crate) limit: u32,
    pub(crate) window: &'static str,
    /// Whole seconds, at least 1.
    pub(crate) retry_after: u64,
    /// Unix seconds.
    pub(crate) reset: u64,
}

impl RateLimited {
    /// The same as headers.
    pub(crate) fn standing(&self) -> Standing {
        Standing {
            limit: self.limit,
            remaining: 0,
            reset: self.reset,
        }
    }
}

/// The counters of a relay. `None` in an answer means that the limit is switched off.
#[derive(Debug)]
pub(crate) struct Limits {
    origin: Instant,
    send: Rule<PublicKey>,
    receive: Rule<PublicKey>,
    request: Rule<PublicKey>,
    failure: Rule<Place>,
    new_agent: Rule<Place>,
}

/// A limit with its name for people.
#[derive(Debug)]
struct Rule<K> {
    kind: Limit,
    what: &'static str,
    window: &'static str,
    /// With limit 0 it is switched off, and nothing is counted.
    counts: Window<K>,
}

impl Limits {
    pub(crate) fn new(config: &Config) -> Self {
        let counters = Self {
            origin: Instant::now(),
            send: Rule::new(Limit::Sends, "sends", "1m", MINUTE),
            receive: Rule::new(Limit::Polls, "polls", "1m", MINUTE),
            request: Rule::new(Limit::Requests, "requests", "1m", MINUTE),
            failure: Rule::new(
                Limit::Failures,
                "unauthenticated or failing requests from one address",
                "1m",
                MINUTE,
            ),
            new_agent: Rule::new(Limit::NewAgents, "new agents from one address", "1h", HOUR),
        };
        counters.set(config);
        counters
    }

    /// Holds the limits of a configuration from now on.
    pub(crate) fn set(&self, config: &Config) {
        let limits = &config.limits;
        let rate = |set: Option<u32>, default: u32| {
            set.unwrap_or(if config.is_private() { 0 } else { default })
        };
        let (send, receive) = (limits.send_per_minute, limits.receive_per_minute);
        self.send.counts.set_limit(rate(send, 30));
        self.receive.counts.set_limit(rate(receive, 120));
        let (request, failure) = (limits.request_per_minute, limits.failures_per_minute_per_ip);
        self.request.counts.set_limit(rate(request, 300));
        self.failure.counts.set_limit(rate(failure, 60));
        let new_agent = limits.new_agents_per_hour_per_ip;
        self.new_agent.counts.set_limit(rate(new_agent, 60));
    }

    /// Counts a send.
    pub(crate) fn send(&self, key: &PublicKey) -> Result<Option<Standing>, RateLimited> {
        self.send.take(*key, self.origin.elapsed())
    }

    /// Counts a poll.
    pub(crate) fn receive(&self, key: &PublicKey) -> Result<Option<Standing>, RateLimited> {
        self.receive.take(*key, self.origin.elapsed())
    }

    /// Counts any other request.
    pub(crate) fn request(&self, key: &PublicKey) -> Result<Option<Standing>, RateLimited> {
        self.request.take(*key, self.origin.elapsed())
    }

    /// Counts an unauthenticated or failing request.
    pub(crate) fn failure(&self, client: &ClientAddress) -> Result<Option<Standing>, RateLimited> {
        client.place().map_or(Ok(None), |place| {
            self.failure.take(place, self.origin.elapsed())
        })
    }

    /// Whether an address has failed too often to be listened to; counts nothing.
    pub(crate) fn check_failures(&self, client: &ClientAddress) -> Result<(), RateLimited> {
        client.place().map_or(Ok(()), |place| {
            self.failure.check(place, self.origin.elapsed())
        })
    }

    /// Counts a new agent.
    pub(crate) fn new_agent(
        &self,
        client: &ClientAddress,
    ) -> Result<Option<Standing>, RateLimited> {
        client.place().map_or(Ok(None), |place| {
            self.new_agent.take(place, self.origin.elapsed())
        })
    }

    /// Whether an address may bring another new agent; counts nothing.
    pub(crate) fn check_new_agents(&self, client: &ClientAddress) -> Result<(), RateLimited> {
        client.place().map_or(Ok(()), |place| {
            self.new_agent.check(place, self.origin.elapsed())
        })
    }
}

impl<K: Eq + std::hash::Hash + Copy> Rule<K> {
    fn new(kind: Limit, what: &'static str, window: &'static str, length: Duration) -> Self {
        Self {
            kind,
            what,
            window,
            counts: Window::new(0, length),
        }
    }

    fn take(&self, key: K, now: Duration) -> Result<Option<Standing>, RateLimited> {
        let limit = self.counts.limit();
        if limit == 0 {
            return Ok(None);
        }
        match self.counts.take(key, now) {
            Count::Allowed { remaining, reset } => Ok(Some(Standing {
                limit,
                remaining,
                reset: unix_seconds_in(reset),
            })),
            Count::Refused { retry } => Err(self.refusal(limit, retry)),
        }
    }

    fn check(&self, key: K, now: Duration) -> Result<(), RateLimited> {
        let limit = self.counts.limit();
        if limit == 0 {
            return Ok(());
        }
        self.counts
            .refusal(&key, now)
            .map_or(Ok(()), |retry| Err(self.refusal(limit, retry)))
    }

    fn refusal(&self, limit: u32, retry: Duration) -> RateLimited {
        RateLimited {
            kind: self.kind,
            what: self.what,
            limit,
            window: self.window,
            retry_after: whole_seconds(retry).max(1),
            reset: unix_seconds_in(retry),
        }
    }
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

fn unix_seconds_in(duration: Duration) -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    whole_seconds(since + duration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrp_proto::key::SecretKey;

    #[test]
    fn another_limit_holds_at_once_and_what_was_counted_counts() {
        let mut config = Config::default();
        let limits = Limits::new(&config);
        let key = SecretKey::from_seed(&[1; 32]).public();
        let mut set = |assignment: &str| {
            config.set(assignment).unwrap();
            limits.set(&config);
        };
        // Off, and not counted.
        assert_eq!(limits.send(&key), Ok(None));
        set("limits.send_per_minute=2");
        let left = |limits: &Limits| {
            limits
                .send(&key)
                .map(|standing| standing.unwrap().remaining)
        };
        assert_eq!(left(&limits), Ok(1));
        assert_eq!(left(&limits), Ok(0));
        assert_eq!(left(&limits).unwrap_err().limit, 2);
        set("limits.send_per_minute=3");
        assert_eq!(left(&limits), Ok(0));
        set("limits.send_per_minute=1");
        assert_eq!(left(&limits).unwrap_err().limit, 1);
        set("limits.send_per_minute=0");
        assert_eq!(limits.send(&key), Ok(None));
    }
}
