//! `mrpctl webhook listen`: a command for each message that a relay posts, without a daemon.
//!
//! - `door`: connections. `request`: what is said on them: what a delivery must be to be believed, and what is answered.
//! - `delivery`: from what was posted to the message that a command gets.
//! - `known`: which messages were there before, and what came of them.
//! - `complaints`: what is told of those that were turned away.
//!
//! The relay hears that a message was taken only when its command is done: what goes wrong before then comes again. Runs belong to the
//! loop in here, and not to the connections that wait for them, for a relay waits less long than a command may take.

mod complaints;
mod delivery;
mod door;
mod known;
mod request;

use crate::Signals;
use crate::cli::relays::WebhookListen as Flags;
use crate::cli::value;
use crate::cmd::running::handler::{Handler, meaning};
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::key_file;
use crate::program::{End, Ended};
use complaints::Complaints;
use delivery::{Delivery, Judge};
use door::{Door, Event};
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use known::{Known, Standing};
use mrp_proto::key::SecretKey;
use mrpd_api::hook::Meaning;
use request::{Answer, Posted, Wanted};
use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

/// How long commands that run may go on once mrpctl was told to end.
const WIND_DOWN: Duration = Duration::from_secs(10);
/// How long the last answers may take to go out.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Deliveries and complaints on their way from the connections; those that find it full wait.
const BACKLOG: usize = 64;

pub(super) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    // From here on a signal does not end the process by itself: no command is left behind, no delivery unanswered.
    let mut stopped = std::pin::pin!(crate::stopped(Signals::EndIt));
    let secret = super::read_private_secret(&flags.secret_file).await?;
    let judge = Judge::new(load_key(flags.key.as_deref())?);
    let wanted = Wanted {
        path: flags.path.clone(),
        secret,
        max_age: flags.max_age,
    };
    let (events, mut incoming) = mpsc::channel(BACKLOG);
    let door = Door::open(flags.addr, wanted, events)
        .await
        .map_err(|error| cannot_listen(&flags, &error))?;
    let output = &context.output;
    output.note(&format!(
        "listening on http://{}{}",
        door.address(),
        flags.path
    ));
    let mut desk = Desk::new(context, &flags, judge);
    let ended = loop {
        tokio::select! {
            biased;
            failure = &mut stopped => {
                door.shut();
                break desk.wind_down(failure).await;
            }
            Some((delivery, ended)) = desk.running.next() => match desk.finish(delivery, ended) {
                Next::GoOn => desk.start_waiting(),
                Next::End(ended) => break ended,
            },
            Some(event) = incoming.recv() => match event {
                Event::Delivered(delivery, reply) => desk.receive(*delivery, reply),
                Event::TurnedAway(why) => desk.complaints.add(output, &why),
            },
        }
    };
    desk.dismiss();
    // Those who have not been looked at are told the same.
    drop(incoming);
    door.close(LAST_WORDS).await;
    ended
}

fn load_key(file: Option<&Path>) -> Result<Option<SecretKey>, Failure> {
    let Some(file) = file else { return Ok(None) };
    match key_file::load(file)? {
        Some(secret) => Ok(Some(secret)),
        None => {
            let text = format!("there is no key file {}", file.display());
            Err(Failure::new(Reason::NoInput, text)
                .fix("mrpctl key ls shows the files that are there"))
        }
    }
}

fn cannot_listen(flags: &Flags, error: &std::io::Error) -> Failure {
    let failure = Failure::io(
        Reason::Unavailable,
        &format!("listen on {}", flags.addr),
        error,
    );
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            failure.fix("end what listens there, or choose another address: --addr 127.0.0.1:0 takes any free port")
        }
        _ => failure,
    }
}

/// Who waits for an answer, each on a connection.
type Reply = oneshot::Sender<Answer>;

/// What is to be done after a run.
enum Next {
    GoOn,
    End(Result<(), Failure>),
}

/// Where deliveries become runs.
struct Desk<'a> {
    context: &'a Context,
    flags: &'a Flags,
    judge: Judge,
    known: Known,
    running: FuturesUnordered<LocalBoxFuture<'a, (Delivery, Result<Ended, Failure>)>>,
    /// Who wants to know how a run ends, by the message's name.
    waiting_for: HashMap<String, Vec<Reply>>,
    /// Those for whom there is no place yet.
    queue: VecDeque<(Delivery, Reply)>,
    settled: u64,
    complaints: Complaints,
}

impl<'a> Desk<'a> {
    fn new(context: &'a Context, flags: &'a Flags, judge: Judge) -> Self {
        Self {
            context,
            flags,
            judge,
            known: Known::default(),
            running: FuturesUnordered::new(),
            waiting_for: HashMap::new(),
            queue: VecDeque::new(),
            settled: 0,
            complaints: Complaints::default(),
        }
    }

    fn receive(&mut self, posted: Posted, reply: Reply) {
        let output = &self.context.output;
        let id = posted.message.message_id.to_string();
        let delivery = match self.judge.judge(posted, value::now()) {
            Ok(delivery) => delivery,
            Err(delivery::Refused::Foreign(why)) => {
                self.complaints.add(output, &format!("{id}: {why}"));
                return answer(reply, Answer::Foreign);
            }
            Err(delivery::Refused::Tampered(why)) => {
                output.warning(&format!("{id} is dropped: {why}"));
                return answer(reply, Answer::Dropped);
            }
        };
        if let Some(warning) = self.judge.warning(&delivery) {
            output.warning(warning);
        }
        match self.known.standing(delivery.name()) {
            Some(Standing::Settled) => {
                output.verbose(|| format!("{id} was there before"));
                answer(reply, Answer::Repeated);
            }
            Some(Standing::Running) => self.join(&delivery, reply),
            _ if self.running.len() < usize::from(self.flags.jobs) => self.start(delivery, reply),
            _ => self.queue.push_back((delivery, reply)),
        }
    }

    fn start(&mut self, mut delivery: Delivery, reply: Reply) {
        let attempt = self.known.begin(delivery.name());
        self.join(&delivery, reply);
        let handler = Handler {
            context: self.context,
            name: "webhook",
            words: &self.flags.command,
            limit: self.flags.run_timeout,
            socket: None,
        };
        self.running.push(Box::pin(async move {
            let line = delivery.line(attempt);
            let ended = handler.handle(&delivery.message, &line, attempt).await;
            (delivery, ended)
        }));
    }

    /// Has somebody told how the run of this message ends.
    fn join(&mut self, delivery: &Delivery, reply: Reply) {
        let waiting = self.waiting_for.entry(delivery.name().to_owned());
        waiting.or_default().push(reply);
    }

    /// Begins what waited for a place, unless nobody waits for it any more or it was done meanwhile.
    fn start_waiting(&mut self) {
        while self.running.len() < usize::from(self.flags.jobs) {
            let Some((delivery, reply)) = self.queue.pop_front() else {
                return;
            };
            if reply.is_closed() {
                continue;
            }
            match self.known.standing(delivery.name()) {
                Some(Standing::Settled) => answer(reply, Answer::Repeated),
                Some(Standing::Running) => self.join(&delivery, reply),
                _ => self.start(delivery, reply),
            }
        }
    }

    fn finish(&mut self, delivery: Delivery, ended: Result<Ended, Failure>) -> Next {
        let end = match ended {
            Ok(Ended { end, .. }) => end,
            Err(failure) => {
                self.known.failed(delivery.name());
                self.tell(&delivery, Answer::Failed);
                return Next::End(Err(failure));
            }
        };
        let verdict = self.verdict(&delivery, end);
        if verdict.is_taken() {
            self.known.settle(delivery.name());
            self.settled += 1;
        } else {
            self.known.failed(delivery.name());
        }
        self.tell(&delivery, verdict);
        match self.flags.count {
            Some(1) => Next::End(match end.exit() {
                0 => Ok(()),
                status => Err(Failure::Status(status)),
            }),
            Some(count) if self.settled >= count => Next::End(Ok(())),
            _ => Next::GoOn,
        }
    }

    /// What the relay is answered, and the line for whoever watches.
    fn verdict(&self, delivery: &Delivery, end: End) -> Answer {
        let (output, id, why) = (&self.context.output, &delivery.message.id, end.text());
        let meaning = meaning(end);
        let tried = self.known.attempts(delivery.name());
        let is_over = match meaning {
            Meaning::Handled | Meaning::HandledAlone => {
                output.verbose(|| format!("{id} is handled"));
                return Answer::Handled;
            }
            Meaning::Dead => true,
            Meaning::Later | Meaning::Failed => {
                self.flags.attempts.is_some_and(|most| tried >= most)
            }
        };
        if is_over {
            output.warning(&format!("{id} is given up: {why}"));
            return Answer::GivenUp;
        }
        output.note(&format!(
            "{id}: {why}; it is handled when the relay brings it again"
        ));
        match meaning {
            Meaning::Later => Answer::Later,
            _ => Answer::Failed,
        }
    }

    fn tell(&mut self, delivery: &Delivery, verdict: Answer) {
        for reply in self.waiting_for.remove(delivery.name()).unwrap_or_default() {
            answer(reply, verdict);
        }
    }

    /// Lets commands that run come to their end, for a while or until a second signal.
    async fn wind_down(&mut self, failure: Failure) -> Result<(), Failure> {
        if !self.running.is_empty() {
            let number = self.running.len();
            self.context.output.note(&format!(
                "waiting for {number} to end, up to {WIND_DOWN:?}; a second signal ends it now"
            ));
        }
        let deadline = Instant::now() + WIND_DOWN;
        let mut hurried = std::pin::pin!(crate::stopped(Signals::EndIt));
        loop {
            tokio::select! {
                ended = self.running.next() => match ended {
                    // How one of them ended does not matter to how this does.
                    Some((delivery, ended)) => drop(self.finish(delivery, ended)),
                    None => return Err(failure),
                },
                () = sleep_until(deadline) => return Err(failure),
                _ = &mut hurried => return Err(failure),
            }
        }
    }

    /// Ends commands that still run, and tells everybody who waits to come again.
    fn dismiss(&mut self) {
        self.running = FuturesUnordered::new();
        let waiting = self.waiting_for.drain().flat_map(|(_, replies)| replies);
        for reply in waiting.chain(self.queue.drain(..).map(|(_, reply)| reply)) {
            answer(reply, Answer::Ending);
        }
    }
}

/// Whoever has gone away meanwhile asks again.
fn answer(reply: Reply, answer: Answer) {
    let _ = reply.send(answer);
}
