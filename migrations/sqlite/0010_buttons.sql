-- Buttons under posts.

-- What people may press, as JSON.
ALTER TABLE posts ADD COLUMN offers TEXT NOT NULL DEFAULT '[]';
-- How often they did: the buttons that stand bear this number.
ALTER TABLE posts ADD COLUMN round INTEGER NOT NULL DEFAULT 0;
-- Whether the buttons that should stand do.
ALTER TABLE posts ADD COLUMN offered INTEGER NOT NULL DEFAULT 1;

DROP INDEX posts_due;
CREATE INDEX posts_due ON posts (urgency, ord)
    WHERE given_up < generation
        AND (sent_generation < generation OR (seeded = 0 AND seeds <> '[]') OR offered = 0);
