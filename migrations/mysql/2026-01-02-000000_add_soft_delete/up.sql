-- A constant default and a nullable column: no row is rewritten.
ALTER TABLE users
    ADD COLUMN is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
    ADD COLUMN deleted_at DATETIME(6) NULL DEFAULT NULL,
    ALGORITHM=INSTANT;

ALTER TABLE posts
    ADD COLUMN is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
    ADD COLUMN deleted_at DATETIME(6) NULL DEFAULT NULL,
    ADD COLUMN deleted_by VARCHAR(200) NULL DEFAULT NULL,
    ADD COLUMN reason VARCHAR(200) NULL DEFAULT NULL,
    ALGORITHM=INSTANT;

-- Comments have no flag: a NULL timestamp means active.
ALTER TABLE comments
    ADD COLUMN deleted_at DATETIME(6) NULL DEFAULT NULL,
    ALGORITHM=INSTANT;
