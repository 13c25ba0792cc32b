-- Bans that were asked for in chat: those that bind, and for a week those that have ended.

CREATE TABLE bans (
    subject  TEXT PRIMARY KEY,
    -- 1 while it binds and its end is not recorded.
    open     INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT, WITHOUT ROWID;
