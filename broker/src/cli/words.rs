//! What the command line says of itself in other forms: completions for shells, pages for man. Both from the same words.

use std::{fs, io, path::PathBuf};

use clap::{Args, Command};
use clap_complete::Shell;

use super::{client::ClientError, output::print_text};

/// Print what a shell completes words with.
///
/// bash: corelane completions bash > ~/.local/share/bash-completion/completions/corelane
/// zsh:  corelane completions zsh > "${fpath[1]}/_corelane"
/// fish: corelane completions fish > ~/.config/fish/completions/corelane.fish
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct Completions {
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub fn run(&self, mut words: Command) -> Result<(), ClientError> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut words, "corelane", &mut text);
        print_text(&String::from_utf8_lossy(&text))
    }
}

/// Write a page for man(1) for each command into a directory.
#[derive(Args, Clone, Debug)]
pub struct Man {
    /// Made if it does not exist; for everybody: /usr/local/share/man/man1.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Man {
    pub fn run(&self, words: Command) -> Result<(), ClientError> {
        let failed = |error: io::Error| ClientError::Usage(format!("{}: {error}", self.directory.display()));
        fs::create_dir_all(&self.directory).map_err(failed)?;
        clap_mangen::generate_to(words, &self.directory).map_err(failed)
    }
}
