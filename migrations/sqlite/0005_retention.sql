-- What a sweep looks for: when things ended, and what is left of them.

-- When the message was written, by the chat server's clock. What was handled before this column
-- was there counts from now.
ALTER TABLE seen ADD COLUMN sent INTEGER NOT NULL DEFAULT 0;
UPDATE seen SET sent = CAST(strftime('%s', 'now') AS INTEGER) * 1000;
CREATE INDEX seen_sent ON seen (sent);

ALTER TABLE requests ADD COLUMN ended INTEGER;
UPDATE requests
SET ended = CAST(strftime('%s', json_extract(document, '$.ended.at')) AS INTEGER) * 1000
WHERE state NOT IN ('requested', 'needs_approval', 'permitted', 'queued', 'running');
CREATE INDEX requests_ended ON requests (ended) WHERE ended IS NOT NULL;

-- Whether output of the run is kept.
ALTER TABLE runs ADD COLUMN output INTEGER NOT NULL DEFAULT 1;
CREATE INDEX runs_output ON runs (ended) WHERE output = 1 AND ended IS NOT NULL;

-- When a sweep first found that the chat agrees with the post; NULL: it has not yet.
ALTER TABLE posts ADD COLUMN settled INTEGER;
CREATE INDEX posts_settled ON posts (settled) WHERE settled IS NOT NULL;
CREATE INDEX posts_thread ON posts (thread_of) WHERE thread_of IS NOT NULL;

CREATE INDEX tokens_until ON tokens (until);
CREATE INDEX sessions_until ON sessions (until);

-- A use outlives its request: a pull request that was used stays used.
CREATE TABLE uses_kept (
    ord     INTEGER PRIMARY KEY,
    repo    TEXT NOT NULL,
    number  INTEGER NOT NULL,
    request INTEGER NOT NULL,
    UNIQUE (repo, number, request)
) STRICT;
INSERT INTO uses_kept SELECT ord, repo, number, request FROM uses;
DROP TABLE uses;
ALTER TABLE uses_kept RENAME TO uses;

-- How the last sweep went.
CREATE TABLE sweep (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    document TEXT NOT NULL
) STRICT;
