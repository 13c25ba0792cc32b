//! Freeze windows: minutes in which no run starts.

use std::str::FromStr;

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::intent::Window;

/// How far ahead the end of a freeze is looked for.
const LOOK_AHEAD_MINUTES: i64 = 14 * 24 * 60;

/// A freeze that holds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// The window, as written.
    pub window: String,
    /// The first minute that no window denies; `None` if there is none within two weeks.
    pub until: Option<Timestamp>,
}

/// A window that cannot be understood counts as one that always holds.
struct Compiled<'a> {
    window: &'a Window,
    rule: Option<(Cron, TimeZone)>,
}

impl Compiled<'_> {
    fn denies(&self, at: Timestamp) -> bool {
        let Some((cron, zone)) = &self.rule else { return true };
        cron.is_time_matching(&at.to_zoned(zone.clone())).unwrap_or(true)
    }
}

/// Returns the freeze that holds at `now`, if one does. Deny wins: one window is enough.
pub fn freeze(windows: &[Window], now: Timestamp) -> Option<Freeze> {
    let compiled: Vec<Compiled<'_>> = windows
        .iter()
        .map(|window| Compiled {
            window,
            rule: Cron::from_str(&window.deny)
                .ok()
                .and_then(|cron| Some((cron, TimeZone::get(&window.zone).ok()?))),
        })
        .collect();
    let minute = |offset: i64| {
        let start = now.as_second().div_euclid(60) * 60;
        Timestamp::from_second(start).ok()?.checked_add(SignedDuration::from_mins(offset)).ok()
    };
    let holding = compiled.iter().find(|window| minute(0).is_none_or(|at| window.denies(at)))?;
    let until = (1..LOOK_AHEAD_MINUTES)
        .filter_map(minute)
        .find(|at| compiled.iter().all(|window| !window.denies(*at)));
    let Window { deny, zone } = holding.window;
    Some(Freeze { window: format!("{deny} ({zone})"), until })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(deny: &str, zone: &str) -> Window {
        Window { deny: deny.to_owned(), zone: zone.to_owned() }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_freeze_holds_to_the_minute_in_its_own_zone() {
        // Friday 18:00 to 23:59 in Berlin, which is one hour ahead of UTC in winter.
        let windows = [window("* 18-23 * * 5", "Europe/Berlin")];
        assert_eq!(freeze(&windows, at("2026-11-20T16:59:59Z")), None);
        let held = freeze(&windows, at("2026-11-20T17:00:00Z")).expect("it holds");
        assert_eq!(held.until, Some(at("2026-11-20T23:00:00Z")));
        assert_eq!(freeze(&windows, at("2026-11-20T23:00:00Z")), None);
    }

    #[test]
    fn one_denying_window_is_enough_and_nonsense_denies_always() {
        let windows = [window("* 3 * * *", "UTC"), window("* * * * *", "UTC")];
        let held = freeze(&windows, at("2026-11-20T12:00:00Z")).expect("it holds");
        assert_eq!(held.until, None);
        assert!(freeze(&[window("nonsense", "UTC")], at("2026-11-20T12:00:00Z")).is_some());
        assert_eq!(freeze(&[], at("2026-11-20T12:00:00Z")), None);
    }
}
