//! How the hub reaches one task: calls that are raised until they are taken, and one waker.

use futures_util::task::AtomicWaker;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

/// What the hub tells a session, the most pressing first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// The agent was deleted or suspended.
    Revoked,
    /// Another connection wants the place: ask the peer whether it is there.
    Probe,
    /// Something may be new in the inbox.
    Mail,
}

impl Call {
    const ALL: [Self; 3] = [Self::Revoked, Self::Probe, Self::Mail];

    fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

/// The calls raised for one task. The same call raised twice before it is taken is one.
#[derive(Debug, Default)]
pub(super) struct Signal {
    raised: AtomicU8,
    waker: AtomicWaker,
}

impl Signal {
    pub(super) fn raise(&self, call: Call) {
        self.raised.fetch_or(call.bit(), Ordering::AcqRel);
        self.waker.wake();
    }

    /// Takes one call. Only one task may poll: the last one is woken.
    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<Call> {
        if let Some(call) = self.take() {
            return Poll::Ready(call);
        }
        self.waker.register(context.waker());
        // Raised between the first look and the registration, it would have woken nobody.
        self.take().map_or(Poll::Pending, Poll::Ready)
    }

    fn take(&self) -> Option<Call> {
        let raised = self.raised.load(Ordering::Acquire);
        let call = Call::ALL
            .into_iter()
            .find(|call| raised & call.bit() != 0)?;
        self.raised.fetch_and(!call.bit(), Ordering::AcqRel);
        Some(call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::task::noop_waker_ref;

    #[test]
    fn the_most_pressing_call_comes_first_and_each_once() {
        let signal = Signal::default();
        let context = Context::from_waker(noop_waker_ref());
        signal.raise(Call::Mail);
        signal.raise(Call::Mail);
        signal.raise(Call::Revoked);
        assert_eq!(signal.poll(&context), Poll::Ready(Call::Revoked));
        assert_eq!(signal.poll(&context), Poll::Ready(Call::Mail));
        assert_eq!(signal.poll(&context), Poll::Pending);
    }
}
