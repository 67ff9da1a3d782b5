use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::arguments::Cli;
use crate::out;

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wakeful completions bash > ~/.local/share/bash-completion/completions/wakeful
  wakeful completions zsh > ~/.zfunc/_wakeful
  wakeful completions fish > ~/.config/fish/completions/wakeful.fish")]
pub(crate) struct Arguments {
    /// Choose the shell
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    // Written to memory first: the generator panics when its writer fails.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "wakeful", &mut script);
    out::bytes(&script)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_has_a_script_that_knows_the_commands() {
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "wakeful", &mut script);
            assert!(String::from_utf8(script).unwrap().contains("completions"), "{shell}");
        }
    }
}
