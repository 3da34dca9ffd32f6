//! Whether a message is sealed: what was asked for, what the contact's settings say, what the agent's configuration says.
//! Nothing falls back to clear text by itself.

use crate::store::OutboxRecord;
use mrpd_api::body::{Encrypt, Sealing};

/// Sealed or in clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seal {
    /// Sealed.
    Sealed,
    /// In clear, signed where that is possible.
    Plain,
}

impl Seal {
    /// How an entry of the outbox goes.
    pub(crate) fn of(record: &OutboxRecord) -> Self {
        if record.message.encrypted {
            Self::Sealed
        } else {
            Self::Plain
        }
    }
}

/// What the settings decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// This.
    Known(Seal),
    /// Sealed if the recipient is known to open it.
    Auto,
}

/// Sending in clear was asked for where it is forbidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this agent sends nothing in clear (require_encryption = true), and {asked} says so")]
pub struct EncryptionRequired {
    asked: &'static str,
}

/// Decides.
pub(super) fn decide(
    asked: Sealing,
    contact: Option<Encrypt>,
    agent: Encrypt,
    required: bool,
) -> Result<Decision, EncryptionRequired> {
    let plain = |asked| {
        if required {
            Err(EncryptionRequired { asked })
        } else {
            Ok(Decision::Known(Seal::Plain))
        }
    };
    match (asked, contact.unwrap_or(agent)) {
        (Sealing::Always, _) | (Sealing::Default, Encrypt::Always) => {
            Ok(Decision::Known(Seal::Sealed))
        }
        (Sealing::Plain, _) => plain("the request"),
        (Sealing::Default, Encrypt::Never) => plain("the contact's setting"),
        (Sealing::Default, Encrypt::Auto) if required => Ok(Decision::Known(Seal::Sealed)),
        (Sealing::Default, Encrypt::Auto) => Ok(Decision::Auto),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_stands_above_the_contact_and_the_contact_above_the_agent() {
        const SEALED: Result<Decision, EncryptionRequired> = Ok(Decision::Known(Seal::Sealed));
        const PLAIN: Result<Decision, EncryptionRequired> = Ok(Decision::Known(Seal::Plain));
        let free = |asked, contact, agent| decide(asked, contact, agent, false);
        assert_eq!(free(Sealing::Default, None, Encrypt::Always), SEALED);
        assert_eq!(free(Sealing::Default, None, Encrypt::Never), PLAIN);
        assert_eq!(
            free(Sealing::Default, Some(Encrypt::Never), Encrypt::Always),
            PLAIN
        );
        assert_eq!(
            free(Sealing::Default, Some(Encrypt::Always), Encrypt::Never),
            SEALED
        );
        assert_eq!(
            free(Sealing::Always, Some(Encrypt::Never), Encrypt::Never),
            SEALED
        );
        assert_eq!(
            free(Sealing::Plain, Some(Encrypt::Always), Encrypt::Always),
            PLAIN
        );
        assert_eq!(
            free(Sealing::Default, None, Encrypt::Auto),
            Ok(Decision::Auto)
        );
    }

    #[test]
    fn where_encryption_is_required_nothing_goes_in_clear() {
        let strict = |asked, contact| decide(asked, contact, Encrypt::Always, true);
        assert!(strict(Sealing::Plain, None).is_err());
        assert!(strict(Sealing::Default, Some(Encrypt::Never)).is_err());
        for (asked, contact) in [
            (Sealing::Default, None),
            (Sealing::Default, Some(Encrypt::Auto)),
            (Sealing::Always, Some(Encrypt::Never)),
        ] {
            assert_eq!(strict(asked, contact), Ok(Decision::Known(Seal::Sealed)));
        }
    }
}
