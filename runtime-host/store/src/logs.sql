-- What casts printed: one row for each that printed something, gone with the cast. The lines are [stream, milliseconds, text].
CREATE TABLE cast_logs (
    cast_id       TEXT NOT NULL PRIMARY KEY REFERENCES casts (id) ON DELETE CASCADE,
    dropped_bytes INTEGER NOT NULL CHECK (dropped_bytes >= 0),
    lines         TEXT NOT NULL CHECK (json_valid(lines))
) STRICT;

-- Casts of one spell, the newest first.
CREATE INDEX casts_of_spell_by_id ON casts (tenant, spell_id, id);
-- Casts of a tenant that ended in some time.
CREATE INDEX casts_of_tenant_by_end ON casts (tenant, ended_at_ms) WHERE ended_at_ms IS NOT NULL;
