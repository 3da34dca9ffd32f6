//! The relay's HTTP interface, from outside: the relay as a value, over real sockets, and as a program.

#[cfg(test)]
mod access;
#[cfg(test)]
mod acl;
#[cfg(test)]
mod acme;
#[cfg(test)]
mod administration;
#[cfg(test)]
mod agents;
#[cfg(test)]
mod auth;
#[cfg(test)]
mod blobs;
#[cfg(test)]
mod bound;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod cors;
#[cfg(test)]
mod discover;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod polls;
#[cfg(test)]
mod program;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod threads;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod webhooks;
#[cfg(test)]
mod wire;
