-- Where tenants want to be told how casts end, and what is on its way there.

CREATE TABLE webhooks (
    id                TEXT NOT NULL PRIMARY KEY,
    tenant            TEXT NOT NULL,
    url               TEXT NOT NULL,
    description       TEXT NOT NULL,
    events            TEXT NOT NULL CHECK (json_valid(events)),
    spell_key         TEXT,
    is_active         INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    -- Sealed, as all secrets that have to be read again.
    secret            BLOB NOT NULL,
    previous_secret   BLOB,
    previous_until_ms INTEGER,
    created_at_ms     INTEGER NOT NULL,
    updated_at_ms     INTEGER NOT NULL,
    failing_since_ms  INTEGER,
    off_reason        TEXT,
    -- Deliveries that wait, kept by the triggers below, and events that found too many of them.
    waiting           INTEGER NOT NULL DEFAULT 0,
    dropped           INTEGER NOT NULL DEFAULT 0,
    CHECK ((previous_secret IS NULL) = (previous_until_ms IS NULL))
) STRICT;
CREATE INDEX webhooks_of_tenant ON webhooks (tenant, id);
CREATE INDEX webhooks_that_wait ON webhooks (id) WHERE waiting > 0;

CREATE TABLE deliveries (
    id            TEXT NOT NULL PRIMARY KEY,
    webhook_id    TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event         TEXT NOT NULL,
    cast_id       TEXT REFERENCES casts (id) ON DELETE CASCADE,
    created_at_ms INTEGER NOT NULL,
    state         TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
    due_at_ms     INTEGER,
    attempts      INTEGER NOT NULL DEFAULT 0,
    last_status   INTEGER,
    last_error    TEXT,
    ended_at_ms   INTEGER,
    CHECK ((state = 'waiting') = (due_at_ms IS NOT NULL)),
    CHECK ((state = 'waiting') = (ended_at_ms IS NULL))
) STRICT;
CREATE INDEX deliveries_of_webhook ON deliveries (webhook_id, id);
CREATE INDEX deliveries_that_wait ON deliveries (webhook_id, due_at_ms) WHERE state = 'waiting';
CREATE INDEX deliveries_of_cast ON deliveries (cast_id);
CREATE INDEX deliveries_by_end ON deliveries (ended_at_ms) WHERE ended_at_ms IS NOT NULL;

CREATE TRIGGER deliveries_begin_to_wait AFTER INSERT ON deliveries WHEN NEW.state = 'waiting' BEGIN
    UPDATE webhooks SET waiting = waiting + 1 WHERE id = NEW.webhook_id;
END;
CREATE TRIGGER deliveries_end AFTER UPDATE OF state ON deliveries WHEN OLD.state = 'waiting' AND NEW.state <> 'waiting' BEGIN
    UPDATE webhooks SET waiting = waiting - 1 WHERE id = NEW.webhook_id;
END;
CREATE TRIGGER deliveries_are_forgotten AFTER DELETE ON deliveries WHEN OLD.state = 'waiting' BEGIN
    UPDATE webhooks SET waiting = waiting - 1 WHERE id = OLD.webhook_id;
END;
