//! The written pages of the manual, each made of the definition that the daemon works by: the configuration's keys, the hook contract,
//! the routes of the local interface. Nothing in them is written twice.

mod api;
mod config;
mod hooks;
mod page;

/// Every page, with its file name.
pub(super) fn pages() -> Vec<(&'static str, String)> {
    vec![
        ("mrpd.toml.5", config::page()),
        ("mrp-hooks.7", hooks::page()),
        ("mrpd-api.7", api::page()),
    ]
}
