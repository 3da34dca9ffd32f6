//! The routes, each with its description: there is no other way in, so nothing is served that the document does not have.
//!
//! Where a handler is served, its description says. The rest of the description is made only for whoever asks for the document: it
//! is a large part of the program, which each daemon would read at its start and have in memory ever after.

use super::{Api, openapi};
use super::{
    archive, attachments, blobs, claims, contacts, cursors, dead, doctor, events, hooks, lifecycle,
    messages, metrics, outbox, pending, profile, prune, relays, send, sign, spool, status, threads,
    timed, topics,
};
use axum::Router;
use axum::handler::Handler;
use axum::routing::MethodRouter;
use utoipa::OpenApi as _;
use utoipa_axum::PathItemExt as _;
use utoipa_axum::router::OpenApiRouter;

/// Makes two functions of a list of handlers: one serves them, the other describes them.
macro_rules! routes {
    ($(#[$about:meta])* $served:ident, $described:ident: $($module:ident::$handler:ident),+ $(,)?) => {
        $(#[$about])*
        pub(super) fn $served() -> Router<Api> {
            let router = Router::new();
            $(let router = pastey::paste! {
                serve::<$module::[<__path_ $handler>], _, _>(router, $module::$handler)
            };)+
            router
        }

        fn $described() -> OpenApiRouter<Api> {
            OpenApiRouter::new()$(.routes(utoipa_axum::routes!($module::$handler)))+
        }
    };
}

/// What all of them say of themselves.
pub(super) fn described() -> utoipa::openapi::OpenApi {
    OpenApiRouter::with_openapi(openapi::Base::openapi())
        .merge(described_whole())
        .merge(described_streamed())
        .into_openapi()
}

fn serve<P, H, T>(router: Router<Api>, handler: H) -> Router<Api>
where
    P: utoipa::Path,
    H: Handler<T, Api>,
    T: 'static,
{
    let methods = P::methods()
        .into_iter()
        .fold(MethodRouter::new(), |methods, method| {
            methods.on(method.to_method_filter(), handler.clone())
        });
    router.route(&P::path(), methods)
}

routes! {
    /// Routes whose bodies are read before anything is done.
    whole, described_whole:
    openapi::show,
    status::health,
    status::status,
    metrics::show,
    events::follow,
    status::agents,
    status::relays,
    sign::sign,
    outbox::list,
    outbox::one,
    outbox::cancel,
    outbox::retry,
    outbox::flush,
    outbox::receipt,
    relays::discover,
    relays::capabilities,
    relays::lookup,
    relays::limits,
    profile::acl,
    profile::put_acl,
    profile::remove_acl,
    profile::policy,
    profile::put_policy,
    profile::show,
    profile::change,
    profile::webhook,
    profile::put_webhook,
    profile::remove_webhook,
    send::send,
    send::many,
    send::recipients,
    messages::list,
    messages::one,
    messages::remove,
    threads::search,
    claims::mark,
    claims::claim,
    claims::ack,
    claims::nack,
    claims::touch,
    prune::prune,
    threads::list,
    threads::one,
    pending::list,
    pending::accept,
    pending::reject,
    contacts::list,
    contacts::one,
    contacts::put,
    contacts::remove,
    contacts::rename,
    cursors::list,
    cursors::get,
    cursors::put,
    cursors::remove,
    attachments::one,
    blobs::get,
    blobs::remove,
    blobs::info,
    timed::expects,
    timed::schedules,
    archive::export,
    archive::back_up,
    hooks::list,
    hooks::log,
    hooks::one,
    hooks::enable,
    hooks::disable,
    hooks::test,
    hooks::replay,
    dead::list,
    dead::retry,
    dead::discard,
    topics::list,
    topics::subscribers,
    topics::remove_subscriber,
    topics::publish,
    topics::subscriptions,
    topics::subscribe,
    topics::unsubscribe,
    topics::unsubscribe_topic,
    spool::show,
    doctor::examine,
    lifecycle::reload,
    lifecycle::shutdown,
}

routes! {
    /// Routes whose bodies are taken as they come, however long they are. They bound each wait for more themselves.
    streamed, described_streamed:
    archive::import,
    blobs::list,
    blobs::put,
    blobs::post,
}
