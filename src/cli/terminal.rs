//! Writing to the terminal: plain lines on standard output, colour only where it is one.

use std::io::{self, Write as _};

use anstream::{AutoStream, ColorChoice};

/// Standard output.
pub struct Terminal {
    out: AutoStream<io::Stdout>,
}

impl Terminal {
    /// Opens standard output, with colour if it is a terminal.
    pub fn new() -> Self {
        Self { out: AutoStream::new(io::stdout(), ColorChoice::Auto) }
    }

    /// Writes a line.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.text(text)?;
        self.text("\n")
    }

    /// Writes text as it stands. A reader that went away, as `head` does, is fine.
    pub fn text(&mut self, text: &str) -> io::Result<()> {
        match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => done,
        }
    }
}

impl Default for Terminal {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns rows as columns of equal width, two spaces apart, without spaces at the ends of lines.
pub fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let text = columns(&[row(["r1", "running"]), row(["r42", ""])]);
        assert_eq!(text, "r1   running\nr42\n");
    }
}
