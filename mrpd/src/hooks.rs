//! The programs that run when something comes.

pub mod run;
