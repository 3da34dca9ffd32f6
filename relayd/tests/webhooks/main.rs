//! Webhooks with real receivers on loopback: what arrives, in which order, and what bad receivers cannot do.

#[cfg(test)]
mod delivery;
#[cfg(test)]
mod fairness;
#[cfg(test)]
mod program;
#[cfg(test)]
mod receiver;
#[cfg(test)]
mod rig;
