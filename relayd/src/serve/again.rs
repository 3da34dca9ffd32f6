//! Polls a future again that was woken while it was polled, instead of having its task put behind others.
//!
//! The HTTP library hands the body of a request from a connection's task to the same task, which wakes itself thereby, for every
//! request. The runtime takes that for work that another thread could do, and wakes one, which finds nothing. Where others are under way
//! that thread has work, and the task goes behind them: what it waits for may come meanwhile.

use futures_util::task::AtomicWaker;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// How often in a row: others are to have their turn, too.
const MOST: usize = 4;

/// The future is being polled.
const POLLED: u8 = 1;
/// It was woken.
const WOKEN: u8 = 2;

/// Takes what wakes the future, and hands it on to the task unless that polls it anyway.
#[derive(Debug, Default)]
struct Bell {
    state: AtomicU8,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.fetch_or(WOKEN, Ordering::AcqRel) & POLLED == 0 {
            self.task.wake();
        }
    }
}

/// A future that is polled again, while it is quiet.
#[derive(Debug)]
pub(super) struct Again<F, Q> {
    future: F,
    is_quiet: Q,
    bell: Arc<Bell>,
    waker: Waker,
}

impl<F: Future + Unpin, Q: Fn() -> bool + Unpin> Again<F, Q> {
    pub(super) fn new(future: F, is_quiet: Q) -> Self {
        let bell = Arc::new(Bell::default());
        Self {
            future,
            is_quiet,
            waker: Waker::from(Arc::clone(&bell)),
            bell,
        }
    }
}

impl<F: Future + Unpin, Q: Fn() -> bool + Unpin> Future for Again<F, Q> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        this.bell.task.register(context.waker());
        for _ in 0..MOST {
            // What has woken it until here is seen by this poll; what does so later is seen below, or wakes the task.
            this.bell.state.swap(POLLED, Ordering::AcqRel);
            let polled = Pin::new(&mut this.future).poll(&mut Context::from_waker(&this.waker));
            let state = this.bell.state.fetch_and(!POLLED, Ordering::AcqRel);
            if polled.is_ready() || state & WOKEN == 0 {
                return polled;
            }
            if !(this.is_quiet)() {
                break;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::task::{ArcWake, waker};
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;

    /// A task that counts how often it was woken.
    #[derive(Default)]
    struct Task(AtomicUsize);

    impl ArcWake for Task {
        fn wake_by_ref(task: &Arc<Self>) {
            task.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Task {
        fn poll<F: Future + Unpin, Q: Fn() -> bool + Unpin>(
            self: &Arc<Self>,
            again: &mut Again<F, Q>,
        ) -> Poll<F::Output> {
            Pin::new(again).poll(&mut Context::from_waker(&waker(Arc::clone(self))))
        }

        fn wakes(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    /// Wakes itself so often before it is ready, and counts how often it was polled.
    fn restless(times: usize) -> impl Future<Output = usize> + Unpin {
        let mut polls = 0;
        poll_fn(move |context| {
            polls += 1;
            if polls > times {
                return Poll::Ready(polls);
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
    }

    #[test]
    fn what_wakes_itself_is_polled_again_without_its_task_being_woken() {
        let task = Arc::new(Task::default());
        let mut again = Again::new(restless(MOST - 1), || true);
        assert_eq!(task.poll(&mut again), Poll::Ready(MOST));
        assert_eq!(task.wakes(), 0);
    }

    #[test]
    fn what_wakes_itself_for_ever_gives_way() {
        let task = Arc::new(Task::default());
        let mut again = Again::new(restless(2 * MOST), || true);
        for wakes in 1..=2 {
            assert_eq!(task.poll(&mut again), Poll::Pending);
            assert_eq!(task.wakes(), wakes);
        }
        assert_eq!(task.poll(&mut again), Poll::Ready(2 * MOST + 1));
    }

    #[test]
    fn what_wakes_itself_goes_behind_others() {
        let task = Arc::new(Task::default());
        let mut again = Again::new(restless(1), || false);
        assert_eq!(task.poll(&mut again), Poll::Pending);
        assert_eq!(task.wakes(), 1);
        assert_eq!(task.poll(&mut again), Poll::Ready(2));
    }

    #[test]
    fn what_is_woken_while_nobody_polls_it_wakes_its_task() {
        let task = Arc::new(Task::default());
        let kept = Arc::new(AtomicWaker::new());
        let keeping = Arc::clone(&kept);
        let mut again = Again::new(
            poll_fn(move |context| {
                keeping.register(context.waker());
                Poll::<()>::Pending
            }),
            || true,
        );
        for wakes in 0..3 {
            assert_eq!(task.poll(&mut again), Poll::Pending);
            assert_eq!(task.wakes(), wakes);
            kept.wake();
        }
    }

    #[tokio::test]
    async fn nothing_is_missed_that_comes_from_another_thread() {
        let (there, asked) = std::sync::mpsc::channel::<tokio::sync::oneshot::Sender<u32>>();
        // Answers while the question is still being polled, and after that.
        let answering = std::thread::spawn(move || {
            for (number, back) in (0..).zip(asked) {
                let _ = back.send(number);
            }
        });
        let asking = Box::pin(async move {
            for number in 0..20_000 {
                let (back, answer) = tokio::sync::oneshot::channel();
                there.send(back).unwrap();
                assert_eq!(answer.await, Ok(number));
            }
        });
        let patience = std::time::Duration::from_secs(60);
        let asking = tokio::spawn(Again::new(asking, || true));
        tokio::time::timeout(patience, asking)
            .await
            .unwrap()
            .unwrap();
        answering.join().unwrap();
    }
}
