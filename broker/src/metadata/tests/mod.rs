//! Tests of the metadata rules: scripts for decisions, and the rest beside.

mod chunk_map;
mod controller;
mod image;
mod one_log;
mod reconcile;
mod records;
mod script;
mod snapshot;
mod walk;
