//! What the rest of the relay knows of its certificate: until when it is good, and how to ask for it to be read again.

use mrp_proto::time::Timestamp;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How long before its end a certificate is a matter of concern.
const SOON: Duration = Duration::from_secs(14 * 86_400);
/// Between two warnings about that.
const REMINDER: Duration = Duration::from_secs(86_400);

/// The certificate as health and reloading see it.
#[derive(Debug, Default)]
pub(crate) struct Certificates {
    current: Mutex<Current>,
    reread: Notify,
}

#[derive(Debug, Default)]
struct Current {
    is_expected: bool,
    expires: Option<Timestamp>,
    reminded: Option<Timestamp>,
}

/// How it stands with the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The relay does not speak TLS.
    Off,
    /// There is none yet: the ACME directory was not successful so far.
    Missing,
    Good {
        expires: Timestamp,
    },
    /// Its end is near, or past.
    Ending {
        expires: Timestamp,
    },
}

impl Certificates {
    /// How it stands now.
    pub(crate) fn standing(&self, now: Timestamp) -> Standing {
        let current = self.lock();
        match current.expires {
            Some(expires) if now.after(SOON) >= expires => Standing::Ending { expires },
            Some(expires) => Standing::Good { expires },
            None if current.is_expected => Standing::Missing,
            None => Standing::Off,
        }
    }

    /// Asks for the files to be read again, whether they changed or not.
    pub(crate) fn reread(&self) {
        self.reread.notify_one();
    }

    /// Waits until somebody asks.
    pub(super) async fn asked(&self) {
        self.reread.notified().await;
    }

    /// Notes that there will be one.
    pub(super) fn expect_one(&self) {
        self.lock().is_expected = true;
    }

    /// Notes which one is served.
    pub(super) fn note(&self, expires: Timestamp) {
        let mut current = self.lock();
        *current = Current {
            is_expected: true,
            expires: Some(expires),
            reminded: None,
        };
    }

    /// Warns of a certificate whose end is near, once a day.
    pub(super) fn remind(&self, now: Timestamp) {
        let Standing::Ending { expires } = self.standing(now) else {
            return;
        };
        let mut current = self.lock();
        if current
            .reminded
            .is_some_and(|last| now < last.after(REMINDER))
        {
            return;
        }
        current.reminded = Some(now);
        drop(current);
        if now < expires {
            tracing::warn!(%expires, "the TLS certificate ends soon; renew it");
        } else {
            tracing::error!(%expires, "the TLS certificate has ended: clients refuse it; renew it");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_a_concern_from_fourteen_days_before_its_end() {
        let certificates = Certificates::default();
        let now = Timestamp::from_unix_millis(1_800_000_000_000);
        assert_eq!(certificates.standing(now), Standing::Off);
        certificates.expect_one();
        assert_eq!(certificates.standing(now), Standing::Missing);
        let expires = now.after(SOON);
        certificates.note(expires);
        let before = now.before(Duration::from_millis(1));
        assert_eq!(certificates.standing(before), Standing::Good { expires });
        assert_eq!(certificates.standing(now), Standing::Ending { expires });
        let past = expires.after(SOON);
        assert_eq!(certificates.standing(past), Standing::Ending { expires });
    }

    #[test]
    fn a_reminder_comes_once_a_day() {
        let certificates = Certificates::default();
        let now = Timestamp::from_unix_millis(1_800_000_000_000);
        let reminded = |at: Timestamp| {
            certificates.remind(at);
            certificates.lock().reminded
        };
        certificates.note(now.after(2 * SOON));
        assert_eq!(reminded(now), None);
        certificates.note(now.after(SOON));
        assert_eq!(reminded(now), Some(now));
        let hours = |hours: u64| now.after(Duration::from_secs(3600 * hours));
        assert_eq!(reminded(hours(23)), Some(now));
        assert_eq!(reminded(hours(24)), Some(hours(24)));
    }
}
