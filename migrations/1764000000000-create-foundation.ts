import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * The server's role, tokens, audit, firmware, releases and trust documents. New tables only: nothing is locked.
 * Times are seconds since the Unix epoch, as in the signed documents; columns that end in _ms are milliseconds.
 */
export class CreateFoundation1764000000000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await createServerRole(db)
    await createAccess(db)
    await createAudit(db)
    await createReleases(db)
    await createTrust(db)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE krl_approval, krl_request, freshness_statement, trust_document, release_approval, release,
      submission, firmware, audit_entry, api_token`)
    await db.query(`DROP FUNCTION audit_entry_stays()`)
  }
}

/** Every later table of the owner is the server's to read and write, unless its migration takes that back. */
async function createServerRole(db: QueryRunner): Promise<void> {
  // A role belongs to the whole cluster: another database, or an instance a moment ago, may have made it.
  await db.query(`DO $$ BEGIN
    CREATE ROLE countersign_server NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
  END $$`)
  await db.query(`DO $$ BEGIN
    IF NOT pg_has_role(current_user, 'countersign_server', 'MEMBER') THEN GRANT countersign_server TO CURRENT_USER; END IF;
  END $$`)
  await db.query(`GRANT USAGE ON SCHEMA public TO countersign_server`)
  await db.query(`ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO countersign_server`)
  await db.query(`ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO countersign_server`)
  await db.query(`GRANT SELECT ON migration TO countersign_server`)
}

async function createAccess(db: QueryRunner): Promise<void> {
  await db.query(`CREATE TABLE api_token (
    id uuid PRIMARY KEY,
    namespace text NOT NULL,
    secret_sha256 bytea NOT NULL CONSTRAINT api_token_secret_once UNIQUE CHECK (octet_length(secret_sha256) = 32),
    label text NOT NULL,
    roles text[] NOT NULL CHECK (cardinality(roles) > 0),
    person text,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    expires_at bigint NOT NULL,
    revoked_at bigint)`)
  await db.query(`CREATE INDEX api_token_by_namespace ON api_token (namespace, created_at, id)`)
}

async function createAudit(db: QueryRunner): Promise<void> {
  await db.query(`CREATE TABLE audit_entry (
    namespace text NOT NULL,
    number bigint NOT NULL CHECK (number > 0),
    at bigint NOT NULL,
    actor text NOT NULL,
    event text NOT NULL,
    detail jsonb NOT NULL,
    previous_sha256 bytea NOT NULL CHECK (octet_length(previous_sha256) = 32),
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    PRIMARY KEY (namespace, number))`)
  await db.query(`REVOKE UPDATE, DELETE, TRUNCATE ON audit_entry FROM countersign_server`)
  // The role cannot; the trigger also stops the owner, short of dropping the trigger, which the hash chain would show.
  await db.query(`CREATE FUNCTION audit_entry_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'an audit entry stays as it was written' USING ERRCODE = 'insufficient_privilege'; END $$`)
  await db.query(`CREATE TRIGGER audit_entry_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_stays()`)
}

async function createReleases(db: QueryRunner): Promise<void> {
  await db.query(`CREATE TABLE firmware (
    namespace text NOT NULL,
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    size_bytes bigint NOT NULL CHECK (size_bytes > 0),
    uploaded_at bigint NOT NULL,
    uploaded_by text NOT NULL,
    PRIMARY KEY (namespace, sha256))`)
  await db.query(`CREATE TABLE submission (
    namespace text NOT NULL,
    request_id text NOT NULL,
    image_sha256 bytea NOT NULL,
    version text NOT NULL,
    class_id bytea NOT NULL CHECK (octet_length(class_id) = 16),
    person text NOT NULL,
    document bytea NOT NULL,
    signed_at bigint NOT NULL,
    received_at bigint NOT NULL,
    PRIMARY KEY (namespace, request_id),
    FOREIGN KEY (namespace, image_sha256) REFERENCES firmware (namespace, sha256))`)
  await db.query(`CREATE INDEX submission_by_firmware ON submission (namespace, image_sha256)`)
  await db.query(`CREATE TABLE release (
    id uuid PRIMARY KEY,
    namespace text NOT NULL,
    request_id text NOT NULL,
    state text NOT NULL CHECK (state IN ('draft', 'awaiting-approval', 'signed', 'rejected', 'overtaken')),
    sequence bigint NOT NULL CHECK (sequence > 0),
    version text NOT NULL,
    class_id bytea NOT NULL CHECK (octet_length(class_id) = 16),
    image_sha256 bytea NOT NULL,
    image_size_bytes bigint NOT NULL,
    manifest bytea NOT NULL,
    manifest_sha256 bytea NOT NULL CHECK (octet_length(manifest_sha256) = 32),
    manifest_text bytea NOT NULL,
    envelope bytea,
    policy_version bigint NOT NULL,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    signed_at bigint,
    last_refusal jsonb,
    rejection jsonb,
    CONSTRAINT release_request_once UNIQUE (namespace, request_id),
    CONSTRAINT release_signed_whole CHECK ((envelope IS NULL) = (signed_at IS NULL) AND (envelope IS NULL) = (state <> 'signed')),
    FOREIGN KEY (namespace, request_id) REFERENCES submission (namespace, request_id))`)
  await db.query(`CREATE INDEX release_by_namespace ON release (namespace, created_at DESC, id DESC)`)
  await db.query(`CREATE INDEX release_by_manifest ON release (namespace, manifest_sha256)`)
  await db.query(`CREATE INDEX release_by_class ON release (namespace, class_id, sequence)`)
  await db.query(`CREATE TABLE release_approval (
    release_id uuid NOT NULL REFERENCES release (id),
    manifest_sha256 bytea NOT NULL,
    person text NOT NULL,
    role text NOT NULL,
    key_id bytea NOT NULL,
    document bytea NOT NULL,
    received_at bigint NOT NULL,
    CONSTRAINT release_approval_person_once PRIMARY KEY (release_id, manifest_sha256, person))`)
}

async function createTrust(db: QueryRunner): Promise<void> {
  await db.query(`CREATE TABLE trust_document (
    namespace text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('root', 'policy', 'krl')),
    version bigint NOT NULL CHECK (version > 0),
    document bytea NOT NULL,
    stored_ms bigint NOT NULL,
    PRIMARY KEY (namespace, kind, version))`)
  await db.query(`CREATE TABLE freshness_statement (
    namespace text PRIMARY KEY,
    document bytea NOT NULL,
    time bigint NOT NULL,
    krl_number bigint NOT NULL,
    root_version bigint NOT NULL)`)
  await db.query(`CREATE TABLE krl_request (
    id uuid PRIMARY KEY,
    namespace text NOT NULL,
    number bigint NOT NULL,
    payload bytea NOT NULL,
    subject_sha256 bytea NOT NULL CHECK (octet_length(subject_sha256) = 32),
    state text NOT NULL CHECK (state IN ('awaiting-approval', 'signed', 'refused')),
    created_by text NOT NULL,
    requested_ms bigint NOT NULL,
    quorum_ms bigint,
    signed_ms bigint,
    published_ms bigint,
    last_refusal jsonb)`)
  await db.query(`CREATE INDEX krl_request_by_namespace ON krl_request (namespace, requested_ms DESC, id DESC)`)
  await db.query(`CREATE TABLE krl_approval (
    krl_request_id uuid NOT NULL REFERENCES krl_request (id),
    person text NOT NULL,
    role text NOT NULL,
    operation text NOT NULL,
    key_id bytea NOT NULL,
    document bytea NOT NULL,
    received_at bigint NOT NULL,
    CONSTRAINT krl_approval_person_once PRIMARY KEY (krl_request_id, person))`)
}
