//! Durations as people write them: `90s 30m 24h 7d 2w`, and `permanent` for bans.
