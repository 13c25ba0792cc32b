-- The built-in console: a small chat server's tables.

CREATE TABLE console_messages (
    -- Its place among all messages; `id` is this number as sortable text.
    ord     INTEGER PRIMARY KEY AUTOINCREMENT,
    id      TEXT NOT NULL UNIQUE,
    channel TEXT NOT NULL,
    -- The first message of its thread, if it is a reply.
    thread  TEXT REFERENCES console_messages (id),
    author  TEXT NOT NULL,
    nonce   TEXT NOT NULL,
    text    TEXT NOT NULL,
    sent    INTEGER NOT NULL,
    edited  TEXT NOT NULL DEFAULT 'no',
    deleted INTEGER NOT NULL DEFAULT 0,
    UNIQUE (author, nonce)
) STRICT;
CREATE INDEX console_top ON console_messages (channel, ord) WHERE thread IS NULL;
CREATE INDEX console_thread ON console_messages (thread, ord) WHERE thread IS NOT NULL;

CREATE TABLE console_reactions (
    ord     INTEGER PRIMARY KEY AUTOINCREMENT,
    message TEXT NOT NULL REFERENCES console_messages (id),
    account TEXT NOT NULL,
    sign    TEXT NOT NULL,
    at      INTEGER NOT NULL,
    UNIQUE (message, account, sign)
) STRICT;

CREATE TABLE console_changes (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    message TEXT NOT NULL REFERENCES console_messages (id),
    -- Who made the change.
    account TEXT NOT NULL,
    -- posted, edited, deleted, reacted
    kind    TEXT NOT NULL
) STRICT;
