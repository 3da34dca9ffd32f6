//! What runs, and who owns it: the sessions by the roster in force, the outbox, the socket, and the way to change them.

mod notify;
mod sessions;

use crate::api::{self, About, Api, Command};
use crate::attachments::{Downloads, ReceiveError, Uploads};
use crate::board::Board;
use crate::clock;
use crate::config::{Config, Listen, Problem, Severity, Sources};
use crate::contacts::Contacts;
use crate::context::Context;
use crate::desk::{self, Desk};
use crate::events::{Events, tell_arrivals};
use crate::fanout::{self, Fanout};
use crate::hooks::Engine;
use crate::hooks::run::Runner;
use crate::ingress;
use crate::leases;
use crate::metrics::write_textfile;
use crate::outbox::{Outbox, ask_for_receipts, tell_stages};
use crate::roster::Roster;
use crate::session::binding;
use crate::shutdown::{self, Signals, Wish};
use crate::socket::{self, BindError, Bound, Passed, Permitted};
use crate::spool;
use crate::store::{
    Lock, LockError, Mark, OpenError, RecoverError, Store, StoreError, journals_set_aside,
    set_aside_before, set_aside_if_damaged,
};
use crate::upkeep;
use crate::watch::{Change, Files, Watch};
use mrpd_api::paths::{PathError, create_private_dir};
use sessions::Sessions;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Why the daemon did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration cannot be used.
    #[error("{}", lines(.0))]
    Config(Vec<Problem>),
    /// There is a daemon already.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The state directory cannot be used.
    #[error("the directory {} cannot be made: {cause}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The store is damaged, and what can be read of it was not saved.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// The store was not opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The files that wait cannot be got at.
    #[error("the files that wait to be sent cannot be used: {0}")]
    Files(#[from] ReceiveError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The socket's path cannot be used.
    #[error("{0}; choose a shorter one with [api] socket in mrpd.toml, --socket or $MRPD_SOCKET")]
    Path(#[from] PathError),
    /// The socket was not bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The system did not let the daemon run.
    #[error("the system does not let mrpd run: {0}")]
    System(#[from] io::Error),
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// What stays in force until a reload.
#[derive(Debug)]
struct InForce {
    roster: watch::Sender<Arc<Roster>>,
    config: watch::Sender<Arc<Config>>,
}

/// Runs the daemon until it is told to end. `ready` is called once it answers.
///
/// # Errors
/// A [`DaemonError`], which says what to do. Nothing was taken from a relay then.
pub async fn run(
    sources: Sources,
    passed: Passed,
    ready: impl FnOnce(&std::path::Path),
) -> Result<(), DaemonError> {
    let loaded = sources.load();
    let config = Arc::clone(&loaded.config);
    let (roster, problems) = judge(Moment::Start, loaded.problems, &config, &Roster::default())?;
    let events = Events::default();
    let board = Board::new(events.clone());
    // From here on a change of the files is noticed; to open the store may take a while.
    let watch = Watch::new(Files::of(&sources, &config), board.clone());
    let state_dir = sources.paths.state_dir();
    create_private_dir(&state_dir).map_err(|cause| DaemonError::Directory {
        path: state_dir,
        cause,
    })?;
    let lock = Lock::take(&sources.paths.lock_file())?;
    let mut bound = bind(&sources, &config, &passed)?;
    let store = open_store(&sources.paths.store_file(), &lock, &board)?;
    store.register_metrics(events.metrics());
    clock::begin_steady(store.last_steady().await?);
    for link in roster.agents.iter().flat_map(|agent| &agent.links) {
        binding::recall(&store, link).await;
    }
    let mut signals = Signals::listen()?;
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    post(&board, &problems);
    let (roster_sender, roster) = watch::channel(Arc::new(roster));
    let (config_sender, config_in_force) = watch::channel(Arc::clone(&config));
    let contacts = Contacts::open(config.contacts_file.clone(), store.clone()).await?;
    let uploads = Uploads::open(sources.paths.outgoing_dir(), store.clone()).await?;
    let outbox = Outbox::start(
        store.clone(),
        contacts.clone(),
        roster.clone(),
        config_in_force.clone(),
        uploads.clone(),
        stop.clone(),
        &tasks,
    )
    .await?;
    let downloads = Downloads::new(
        store.clone(),
        contacts.clone(),
        roster.clone(),
        config_in_force.clone(),
    );
    let (hooks, engine) = Engine::new();
    let context = Context {
        uploads,
        downloads,
        fanout: Fanout::new(store.clone()),
        desk: Desk::default(),
        hooks,
        store,
        outbox,
        contacts,
        roster,
        config: config_in_force,
        runner: Runner::new(
            sources.paths.cache_dir().join("hooks"),
            bound.path().to_path_buf(),
        ),
        board,
        events,
        passed,
        stop,
        tasks,
    };
    let (control, commands) = mpsc::channel(1);
    let api = Api {
        context: context.clone(),
        control,
        about: Arc::new(About {
            started_at: clock::now(),
            socket: bound.path().to_path_buf(),
            config: sources.main_file(),
            state_dir: sources.paths.state_dir(),
        }),
    };
    let clients = serve(&mut bound, api, &config, context.stop.clone())?;
    start_parts(&context);
    context.tasks.spawn(engine.run(context.clone()));
    let mut sessions = Sessions::new(context.clone());
    sessions.follow(&context.roster.borrow());
    ready(bound.path());
    tracing::info!(version = env!("CARGO_PKG_VERSION"), socket = %bound.path().display(), "ready");
    notify::ready();
    let mut daemon = Daemon {
        watch,
        sources,
        in_force: InForce {
            roster: roster_sender,
            config: config_sender,
        },
        context: context.clone(),
        at_start: config,
        sessions,
        commands,
    };
    daemon.supervise(&mut signals).await;
    tracing::info!("ending");
    notify::stopping();
    let store = context.store.clone();
    shutdown::end(context, clients).await;
    if store.trouble().borrow().is_none() && !store.has_met_damage() {
        lock.note_clean_end();
    }
    Ok(())
}

/// Opens the store. A damaged one is set aside before, and the status says so for as long as it lies there.
fn open_store(path: &std::path::Path, lock: &Lock, board: &Board) -> Result<Store, DaemonError> {
    let set_aside = set_aside_if_damaged(path, lock.last_end())?;
    lock.note_looked_at();
    let mut warnings = match set_aside {
        Some(sentence) => {
            tracing::error!("{sentence}");
            vec![sentence]
        }
        None => set_aside_before(path),
    };
    let store = Store::open(path)?;
    store.mark_damage(lock.mark());
    mark_breakdowns(lock.mark());
    warnings.extend(journals_set_aside(path));
    board.warn("store", warnings);
    Ok(store)
}

/// The engine may break down over damaged pages, and the program ends with it.
fn mark_breakdowns(mark: Mark) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        mark.leave();
        before(panic);
    }));
}

/// Starts what runs for as long as the daemon does.
fn start_parts(context: &Context) {
    let Context {
        store,
        stop,
        tasks,
        events,
        ..
    } = context;
    tasks.spawn(leases::run(store.clone(), stop.clone()));
    tasks.spawn(upkeep::run(context.clone()));
    tasks.spawn(tell_stages(
        store.clone(),
        context.events.clone(),
        stop.clone(),
    ));
    tasks.spawn(ask_for_receipts(context.clone()));
    tasks.spawn(context.uploads.clone().tidy(stop.clone()));
    tasks.spawn(context.downloads.clone().run(stop.clone()));
    tasks.spawn(fanout::run(context.clone()));
    tasks.spawn(desk::run(context.clone()));
    tasks.spawn(ingress::run(context.clone()));
    tasks.spawn(spool::run(context.clone()));
    tasks.spawn(notify::keep_status(context.board.clone(), stop.clone()));
    tasks.spawn(notify::keep_alive(store.clone(), stop.clone()));
    tasks.spawn(crate::expects::run(context.clone()));
    tasks.spawn(crate::schedules::run(context.clone()));
    tasks.spawn(tell_arrivals(events.clone(), store.clone(), stop.clone()));
    tasks.spawn(write_textfile(context.clone()));
}

/// The daemon while it runs: the owner of what a reload changes.
#[derive(Debug)]
struct Daemon {
    sources: Sources,
    in_force: InForce,
    context: Context,
    /// What the daemon was started with: some of it stays until the end.
    at_start: Arc<Config>,
    sessions: Sessions,
    commands: mpsc::Receiver<Command>,
    watch: Watch,
}

impl Daemon {
    async fn supervise(&mut self, signals: &mut Signals) {
        let stop = self.context.stop.clone();
        loop {
            tokio::select! {
                wish = signals.next() => match wish {
                    Wish::End => return,
                    Wish::Reload => self.try_reload(),
                },
                change = self.watch.changed() => match change {
                    Change::Config => self.try_reload(),
                    Change::Contacts => self.look_at_contacts(),
                },
                command = self.commands.recv() => match command {
                    Some(Command::Reload(answer)) => {
                        let _ = answer.send(tokio::task::block_in_place(|| self.reload()));
                    }
                    None => return,
                },
                () = stop.cancelled() => return,
            }
        }
    }

    fn try_reload(&mut self) {
        if let Err(problems) = tokio::task::block_in_place(|| self.reload()) {
            tracing::error!(
                problems = lines(&problems),
                "the new configuration is not used"
            );
        }
    }

    fn look_at_contacts(&self) {
        match tokio::task::block_in_place(|| self.context.contacts.trouble()) {
            Some(trouble) => tracing::warn!("{trouble}"),
            None => tracing::info!("contacts read"),
        }
    }

    /// Reads the configuration again. One that cannot be used changes nothing, and the status says so until one can. Blocks:
    /// files are read, and programs that print keys are run.
    fn reload(&mut self) -> Result<(), Vec<Problem>> {
        notify::reloading();
        let seen = self.watch.look();
        let mut loaded = self.sources.load();
        Arc::make_mut(&mut loaded.config).keep_refused(&self.context.config(), &loaded.problems);
        let before = Arc::clone(&self.in_force.roster.borrow());
        let judged = judge(Moment::Reload, loaded.problems, &loaded.config, &before);
        notify::ready();
        let files = Files::of(&self.sources, &loaded.config);
        let in_force = Files::of(&self.sources, &self.context.config());
        let (roster, mut problems) = match judged {
            Ok(judged) => judged,
            Err(DaemonError::Config(problems)) => {
                self.watch.follow(files.and(in_force), seen);
                post(&self.context.board, &problems);
                return Err(problems);
            }
            Err(_) => return Ok(()),
        };
        self.watch.follow(files, seen);
        problems.extend(needs_restart(&self.at_start, &loaded.config));
        post(&self.context.board, &problems);
        let contacts_file = loaded.config.contacts_file.clone();
        self.context.contacts.set_path(contacts_file);
        self.in_force.config.send_if_modified(|config| {
            let changed = **config != *loaded.config;
            *config = loaded.config;
            changed
        });
        let roster = Arc::new(roster);
        self.in_force.roster.send_replace(Arc::clone(&roster));
        self.sessions.follow(&roster);
        tracing::info!("configuration read");
        Ok(())
    }
}

/// When a configuration is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Nothing is in force: what can be used of it is better than nothing.
    Start,
    /// What is in force is better than a part of the new one.
    Reload,
}

/// Loads the keys if nothing keeps the configuration from being used; gives back what is worth knowing about it.
fn judge(
    moment: Moment,
    problems: Vec<Problem>,
    config: &Config,
    before: &Roster,
) -> Result<(Roster, Vec<Problem>), DaemonError> {
    // What a file that was left out would have said may be why something else is missing: it is told with that.
    let (grave, others): (Vec<_>, Vec<_>) = problems
        .into_iter()
        .partition(|problem| matches!(problem.severity, Severity::Fatal | Severity::LeftOut));
    let stops = |problem: &Problem| moment == Moment::Reload || problem.severity == Severity::Fatal;
    if grave.iter().any(stops) {
        return Err(DaemonError::Config(grave));
    }
    match Roster::load(config, before) {
        Ok(roster) => Ok((roster, [grave, others].concat())),
        Err(problems) => Err(DaemonError::Config([grave, problems].concat())),
    }
}

fn post(board: &Board, problems: &[Problem]) {
    for problem in problems {
        tracing::warn!("{problem}");
    }
    board.warn("config", problems.iter().map(ToString::to_string).collect());
}

fn needs_restart(before: &Config, after: &Config) -> Option<Problem> {
    let changed = [
        (before.api != after.api).then_some("api"),
        (before.log != after.log).then_some("log"),
    ];
    let field: Vec<&str> = changed.into_iter().flatten().collect();
    (!field.is_empty()).then(|| Problem {
        severity: Severity::Notice,
        origin: crate::config::Origin::Default,
        field: field.join(", "),
        what: "changed; it takes effect when mrpd is restarted".to_owned(),
    })
}

fn bind(sources: &Sources, config: &Config, passed: &Passed) -> Result<Bound, DaemonError> {
    let ingresses = config.ingresses.items.iter();
    let taken: Vec<&str> = ingresses
        .filter_map(|ingress| match &ingress.listen {
            Listen::Passed(name) => Some(name.as_str()),
            Listen::Tcp(_) | Listen::Unix(_) => None,
        })
        .collect();
    let listeners = passed.api(&taken)?;
    if !listeners.is_empty() {
        return Ok(Bound::adopt(listeners, config.api.mode)?);
    }
    let path = match &config.api.socket {
        Some(path) => std::path::absolute(path)?,
        None => sources.paths.daemon_socket(None)?,
    };
    Ok(Bound::bind(&path, config.api.mode)?)
}

fn serve(
    bound: &mut Bound,
    api: Api,
    config: &Config,
    stop: CancellationToken,
) -> Result<tokio::task::JoinHandle<()>, DaemonError> {
    let permitted = Permitted {
        own: nix::unistd::geteuid().as_raw(),
        others: config.api.allow_uids.clone(),
    };
    let router = api::router(api);
    let mut serving = JoinSet::new();
    for listener in bound.take_listeners() {
        let listener = tokio::net::UnixListener::from_std(listener)?;
        let (router, permitted, stop) = (router.clone(), permitted.clone(), stop.clone());
        serving.spawn(socket::serve(listener, router, permitted, stop));
    }
    Ok(tokio::spawn(async move {
        while serving.join_next().await.is_some() {}
    }))
}
