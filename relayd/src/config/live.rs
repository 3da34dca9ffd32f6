//! The configuration of a running relay, which can be replaced without anybody waiting.

use super::Config;
use std::ops::Deref;
use std::sync::OnceLock;

/// The configuration in force. It reads as a [`Config`]; what was read before a change stays as it was.
///
/// Earlier ones are kept until the relay ends, since somebody may still read them: that is a few kilobytes for each change that an
/// operator makes, and reading needs no lock.
#[derive(Debug)]
pub(crate) struct LiveConfig(Version);

#[derive(Debug)]
struct Version {
    config: Config,
    next: OnceLock<Box<Self>>,
}

impl LiveConfig {
    pub(crate) fn new(config: Config) -> Self {
        Self(Version::new(config))
    }

    /// Puts another in force.
    pub(crate) fn replace(&self, config: Config) {
        let mut version = Box::new(Version::new(config));
        // Another may be put there at the same time: then this one comes behind it.
        while let Err(refused) = self.last().next.set(version) {
            version = refused;
        }
    }

    fn last(&self) -> &Version {
        let mut version = &self.0;
        while let Some(next) = version.next.get() {
            version = next;
        }
        version
    }
}

impl Deref for LiveConfig {
    type Target = Config;

    fn deref(&self) -> &Config {
        &self.last().config
    }
}

impl Version {
    fn new(config: Config) -> Self {
        Self {
            config,
            next: OnceLock::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_is_in_force_and_what_was_read_stays() {
        let live = LiveConfig::new(Config::default());
        let before = &live.limits;
        for body in [1_024, 2_048] {
            let mut config = live.clone();
            config.limits.body = body;
            live.replace(config);
            assert_eq!(live.limits.body, body);
        }
        assert_eq!(*before, Config::default().limits);
    }
}
