-- What holds for a while, and what is due at a time.

CREATE TABLE pauses (
    -- An intent, or 'all'.
    scope    TEXT PRIMARY KEY,
    until    INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE schedules (
    intent   TEXT PRIMARY KEY,
    -- Occurrences up to and including this time were dealt with.
    up_to    INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT, WITHOUT ROWID;
