//! `tribune schema`: JSON Schemas of the policy repo's files.

use clap::Args;

use super::failure::{Exit, Failure};
use super::terminal::Terminal;
use crate::manifest::schema;
use crate::settings::nearest;

/// Print the JSON Schema of a kind of file of the policy repo, or list the kinds.
///
/// Editors use it for completion: put `# yaml-language-server: $schema=…` into the first line of
/// a file, or map folders to schemas in the editor's settings.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tribune schema\n  tribune schema intent > intent.schema.json")]
pub struct SchemaArgs {
    /// The kind, such as intent or person; without it the kinds are listed.
    kind: Option<String>,
}

/// Prints a schema or the list.
pub fn run(args: &SchemaArgs, out: &mut Terminal) -> Result<Exit, Failure> {
    let all = schema::all();
    let Some(kind) = &args.kind else {
        for kind in all.keys() {
            out.line(kind)?;
        }
        return Ok(Exit::Fine);
    };
    let Some(schema) = all.get(kind.as_str()) else {
        let hint = nearest(kind, all.keys().copied())
            .map_or("`tribune schema` lists the kinds".to_owned(), |near| {
                format!("did you mean {near}?")
            });
        return Err(Failure::usage(format!("there is no kind of file called {kind}")).hint(hint));
    };
    out.text(&schema::text(schema))?;
    Ok(Exit::Fine)
}
