//! Whether every target is there, asked before anything is measured: otherwise who misspelt one learns it at the end of the run.

use std::{fs, io};

use crate::{
    wire::{Connection, Versions},
    words::Target,
};

/// # Errors
/// All targets that are not there, each with its address and why.
pub fn check(targets: &[Target]) -> Result<(), String> {
    let missing: Vec<String> = targets
        .iter()
        .filter_map(|target| {
            let error = reach(target).err()?;
            Some(format!("target {} is not there: {error}", target.name))
        })
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!("{}\nnothing was measured", missing.join("\n"))),
    }
}

fn reach(target: &Target) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", target.address));
    match target.program() {
        // Without a folder it is looked for where the shell would.
        Some(program) if program.contains('/') => fs::metadata(program).map(drop).map_err(named),
        Some(_) => Ok(()),
        None => {
            let mut connection = Connection::open(&target.address)?;
            Versions::ask(&mut connection).map(drop).map_err(named)
        }
    }
}
