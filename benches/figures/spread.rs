//! What was measured, as a median with its spread, and how it is told.

use std::time::{Duration, Instant};

/// Times of one thing that was done several times.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    pub median: Duration,
    low: Duration,
    high: Duration,
    times: usize,
}

impl Spread {
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let at = |part: usize| times[(times.len() - 1) * part / 100];
        Self { median: at(50), low: at(10), high: at(90), times: times.len() }
    }

    /// Measures something that is done at once.
    pub fn measure(times: usize, mut what: impl FnMut()) -> Self {
        let once = |_| {
            let begun = Instant::now();
            what();
            begun.elapsed()
        };
        Self::of((0..times).map(once).collect())
    }
}

/// Says a time with three digits and the unit that fits.
pub fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 1e-3 => format!("{:.*} ms", digits(s * 1e3), s * 1e3),
        s => format!("{:.*} µs", digits(s * 1e6), s * 1e6),
    }
}

fn digits(number: f64) -> usize {
    match number {
        n if n >= 100.0 => 0,
        n if n >= 10.0 => 1,
        _ => 2,
    }
}

/// One row of the table.
pub struct Row<'a> {
    pub figure: &'a str,
    /// The limit, in words.
    pub limit: String,
    pub met: bool,
    pub measured: String,
    pub spread: String,
    pub beside: String,
}

impl Row<'_> {
    pub fn print(self) {
        let Self { figure, limit, met, measured, spread, beside } = self;
        let mark = if met { "" } else { " **missed**" };
        println!("| {figure} | {limit} | {measured}{mark} | {spread} | {beside} |");
    }
}

/// Tells a time that has a limit.
pub fn timed(figure: &str, limit: Duration, found: Spread, beside: &[(&str, Spread)]) {
    let beside: Vec<String> = beside
        .iter()
        .map(|(what, other)| {
            let ratio = found.median.as_secs_f64() / other.median.as_secs_f64();
            format!("{what}: {} (ratio {ratio:.2})", time(other.median))
        })
        .collect();
    timed_with(figure, limit, found, beside.join("; "));
}

/// Tells a time that has a limit, and something beside it.
pub fn timed_with(figure: &str, limit: Duration, found: Spread, beside: String) {
    Row {
        figure,
        limit: time(limit),
        met: found.median < limit,
        measured: time(found.median),
        spread: format!("{} to {}, {}", time(found.low), time(found.high), found.times),
        beside,
    }
    .print();
}

/// Tells by how much the median of a time is beyond that of something that must be there anyway.
pub fn beyond(figure: &str, limit: Duration, found: &Spread, bare: &str, other: &Spread) {
    let more = found.median.saturating_sub(other.median);
    let of = |it: &Spread| format!("{} ({} to {})", time(it.median), time(it.low), time(it.high));
    Row {
        figure,
        limit: time(limit),
        met: more < limit,
        measured: time(more),
        spread: format!("of two medians, {} times each", found.times),
        beside: format!("Tribune: {}; {bare}: {}", of(found), of(other)),
    }
    .print();
}

/// Tells a number that has a limit.
pub fn counted(figure: &str, limit: &str, met: bool, measured: String, beside: String) {
    let (limit, spread) = (limit.to_owned(), String::new());
    Row { figure, limit, met, measured, spread, beside }.print();
}
