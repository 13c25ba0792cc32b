-- What became of each revision of the policy repo, and what the audit page searches by.

CREATE TABLE revisions (
    seq      INTEGER PRIMARY KEY CHECK (seq > 0),
    revision TEXT NOT NULL,
    document TEXT NOT NULL,
    -- Apart, so that a list needs not read it.
    diff     TEXT NOT NULL
) STRICT;
CREATE INDEX revisions_revision ON revisions (revision, seq);

ALTER TABLE audit ADD COLUMN event TEXT GENERATED ALWAYS AS (json_extract(entry, '$.event')) VIRTUAL;
CREATE INDEX audit_event ON audit (event, seq);
CREATE INDEX audit_at ON audit (at);
