//! Keeping the first and the last part of a long text.

/// The head and the tail of a text that may be longer than is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadTail {
    limit: usize,
    head: String,
    head_full: bool,
    tail: String,
    total: u64,
}

impl HeadTail {
    /// Keeps at most `limit` bytes: the first half and the last half.
    pub fn new(limit: usize) -> Self {
        Self { limit, head: String::new(), head_full: false, tail: String::new(), total: 0 }
    }

    /// Takes in more text.
    pub fn push(&mut self, text: &str) {
        self.total += text.len() as u64;
        let mut rest = text;
        if !self.head_full {
            let room = self.limit / 2 - self.head.len();
            let taken = rest.floor_char_boundary(room);
            self.head.push_str(&rest[..taken]);
            rest = &rest[taken..];
            self.head_full = !rest.is_empty();
        }
        let room = self.tail_room();
        let skipped = rest.len().saturating_sub(room);
        if skipped > 0 {
            self.tail.clear();
        }
        self.tail.push_str(&rest[rest.ceil_char_boundary(skipped)..]);
        // Cutting only at twice the room keeps the whole linear.
        if self.tail.len() > 2 * room {
            self.tail.drain(..self.tail.ceil_char_boundary(self.tail.len() - room));
        }
    }

    /// Returns the beginning.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Returns the end; empty unless more came than the head holds.
    pub fn tail(&self) -> &str {
        let extra = self.tail.len().saturating_sub(self.tail_room());
        &self.tail[self.tail.ceil_char_boundary(extra)..]
    }

    /// Returns how many bytes between the two are left out.
    pub fn dropped(&self) -> u64 {
        self.total - (self.head.len() + self.tail().len()) as u64
    }

    fn tail_room(&self) -> usize {
        self.limit - self.head.len()
    }
}
