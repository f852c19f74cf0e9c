"""Finding a person while typing: keys of names, their dictionary, and the indexes of each way to ask.

A name's key is its letters A-Z alone. Faults of typing and of hearing are looked up in the dictionary of keys, a few
hundred thousand words, never among the persons: what it finds is then asked of an ordinary index (decision 0019).
"""

from alembic import op

revision = "0013"
down_revision = "0012"

FUNCTIONS = r"""
-- unaccent() calls itself stable only because somebody might change its dictionary: ours is named, and nobody does.
CREATE FUNCTION name_key(words text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN regexp_replace(
        upper(public.unaccent('public.unaccent'::regdictionary, words) COLLATE "C"), '[^A-Z]+', '', 'g');

-- How a French ear hears a key; small differences of writing (EAU, AUD, AULT, PH, QU, doubled letters) fall away.
CREATE FUNCTION name_sound(key text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE s text := key COLLATE "C"; rule text[];
BEGIN
    FOREACH rule SLICE 1 IN ARRAY ARRAY[
        ['PH', 'F'], ['(SCH|SH)', '9'], ['CH(?=[RLNT])', 'K'], ['CH', '9'], ['H', ''], ['Y', 'I'], ['W', 'V'],
        ['(EAU|AU)', 'O'], ['OE', 'E'], ['(AIN|EIN)(?![AEIOU])', 'IN'], ['(AI|EI)', 'E'], ['GN', '8'],
        ['[EA][NM](?![AEIOUNM])', 'AN'], ['[IU][NM](?![AEIOUNM])', 'IN'], ['(QU|Q|CK)', 'K'], ['C(?=[EI])', 'S'], ['C', 'K'],
        ['GU(?=[EI])', 'G'], ['G(?=[EI])', 'J'], ['Z', 'S'], ['(.)\1+', '\1'], ['(?<=..)[ESTDXLP]+$', '']
    ] LOOP
        s := regexp_replace(s, rule[1], rule[2], 'g');
    END LOOP;
    RETURN s;
END $$;
REVOKE ALL ON FUNCTION name_key(text), name_sound(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION name_key(text), name_sound(text) TO caisse;
"""

DICTIONARY = """
CREATE TABLE name_word (
    kind  text NOT NULL CHECK (kind IN ('nom', 'prenom')),
    key   text COLLATE "C" NOT NULL,
    sound text COLLATE "C" NOT NULL GENERATED ALWAYS AS (name_sound(key)) STORED,
    PRIMARY KEY (kind, key)
);
CREATE INDEX name_word_sound ON name_word (kind, sound);
CREATE INDEX name_word_alike ON name_word USING gin (key gin_trgm_ops);

-- Whatever writes persons teaches their words, in one order, so that two imports at once wait and never lock each other out.
CREATE FUNCTION learn_names() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    INSERT INTO public.name_word (kind, key)
    SELECT kind, key FROM (
        SELECT 'nom' AS kind, public.name_key(w) AS key FROM (SELECT DISTINCT nom_naissance AS w FROM fresh) a
        UNION SELECT 'nom', public.name_key(w) FROM (SELECT DISTINCT nom_usage AS w FROM fresh WHERE nom_usage <> '') b
        UNION SELECT 'prenom', public.name_key(w) FROM (SELECT DISTINCT prenom AS w FROM fresh) c
    ) words WHERE key <> '' ORDER BY kind, key ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION learn_names() FROM PUBLIC;
CREATE TRIGGER person_teaches_inserted AFTER INSERT ON person
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION learn_names();
CREATE TRIGGER person_teaches_updated AFTER UPDATE ON person
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION learn_names();
INSERT INTO name_word (kind, key)
    SELECT 'nom', name_key(nom_naissance) FROM person UNION SELECT 'nom', name_key(nom_usage) FROM person WHERE nom_usage <> ''
    UNION SELECT 'prenom', name_key(prenom) FROM person;
DELETE FROM name_word WHERE key = '';
GRANT SELECT ON name_word TO caisse;
"""

INDEXES = """
CREATE INDEX person_birth_name ON person (name_key(nom_naissance) COLLATE "C", name_key(prenom) COLLATE "C");
CREATE INDEX person_usual_name ON person (name_key(nom_usage) COLLATE "C", name_key(prenom) COLLATE "C")
    WHERE nom_usage <> '';
CREATE INDEX person_birth_date ON person (date_naissance);
CREATE INDEX person_nir_end ON person (reverse(nir::text) COLLATE "C");
CREATE INDEX person_mobile ON person (mobile) WHERE mobile <> '';
"""


def upgrade() -> None:
    op.execute(FUNCTIONS)
    op.execute(DICTIONARY)
    op.execute(INDEXES)


def downgrade() -> None:
    op.execute(
        "DROP INDEX person_birth_name, person_usual_name, person_birth_date, person_nir_end, person_mobile;"
        "DROP TRIGGER person_teaches_inserted ON person; DROP TRIGGER person_teaches_updated ON person;"
        "DROP TABLE name_word; DROP FUNCTION learn_names(), name_sound(text), name_key(text)"
    )
