-- A constant default and a nullable column: no row is rewritten.
ALTER TABLE users ADD COLUMN is_deleted BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE users ADD COLUMN deleted_at TIMESTAMP;

ALTER TABLE posts ADD COLUMN is_deleted BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE posts ADD COLUMN deleted_at TIMESTAMP;
ALTER TABLE posts ADD COLUMN deleted_by TEXT;
ALTER TABLE posts ADD COLUMN reason TEXT;

-- Comments have no flag: a NULL timestamp means active.
ALTER TABLE comments ADD COLUMN deleted_at TIMESTAMP;
