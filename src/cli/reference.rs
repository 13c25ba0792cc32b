//! The command line as a page of the documentation.

use clap::{Command, CommandFactory as _};

use super::Cli;

/// Returns the help of every command as Markdown.
pub fn reference() -> String {
    let mut text = String::from(
        "# The command line\n\n\
         Made from `tribune --help`; a test keeps it current.\n\n\
         Exit codes: 0 all is well, 1 something was found wrong, 2 typed wrongly or settings \
         broken. Errors are printed as `error: …`, with `hint: …` saying what to do next.\n",
    );
    let mut root = Cli::command().term_width(92).disable_help_subcommand(true);
    root.build();
    section(&mut root, "tribune", &mut text);
    text
}

fn section(command: &mut Command, name: &str, text: &mut String) {
    let help = command.clone().bin_name(name).render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    text.push_str(&format!("\n## `{name}`\n\n```text\n{}\n```\n", help.join("\n").trim_end()));
    let mut below: Vec<Command> =
        command.get_subcommands().filter(|below| !below.is_hide_set()).cloned().collect();
    for below in &mut below {
        let name = format!("{name} {}", below.get_name());
        section(below, &name, text);
    }
}
