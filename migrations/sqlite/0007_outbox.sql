-- The outbox, platform by platform.

-- The platform that a post goes to; none for one in the thread of another post, which goes where
-- that one stands.
ALTER TABLE posts ADD COLUMN outlet TEXT;
-- The thread that it belongs to, by whatever names it.
ALTER TABLE posts ADD COLUMN thread TEXT;
-- What goes first: 0 what people wait for, 1 what streams.
ALTER TABLE posts ADD COLUMN urgency INTEGER NOT NULL DEFAULT 0;
-- The generation that is not tried any more.
ALTER TABLE posts ADD COLUMN given_up INTEGER NOT NULL DEFAULT 0;

UPDATE posts SET
    outlet = coalesce(json_extract(place, '$.channel[0]'), json_extract(place, '$.reply.platform'),
                      json_extract(place, '$.direct.platform')),
    thread = CASE WHEN thread_of IS NOT NULL OR json_extract(place, '$.reply') IS NOT NULL
                  THEN place END,
    urgency = key >= 'out:' AND key < 'out;';

DROP INDEX posts_due;
CREATE INDEX posts_due ON posts (urgency, ord)
    WHERE given_up < generation
        AND (sent_generation < generation OR (seeded = 0 AND seeds <> '[]'));
CREATE INDEX posts_held ON posts (thread, ord) WHERE thread IS NOT NULL AND message IS NULL;

-- One row that is written again to see whether the store can be written.
CREATE TABLE probe (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;
