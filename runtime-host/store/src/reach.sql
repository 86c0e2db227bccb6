-- What spells may reach, as a JSON object, and what their input and output look like, as JSON Schemas.
ALTER TABLE spells ADD COLUMN reach TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(reach));
ALTER TABLE spells ADD COLUMN input_schema TEXT CHECK (input_schema IS NULL OR json_valid(input_schema));
ALTER TABLE spells ADD COLUMN output_schema TEXT CHECK (output_schema IS NULL OR json_valid(output_schema));
