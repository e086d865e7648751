-- What the migrations make, printed from the catalogue. Generated: change a migration, not this file.
-- Runs on an empty database of PostgreSQL 15 and later that has the role countersign_server.

-- Tables
CREATE TABLE api_token (
  id uuid NOT NULL,
  namespace text NOT NULL,
  secret_sha256 bytea NOT NULL,
  label text NOT NULL,
  roles text[] NOT NULL,
  person text,
  created_at bigint NOT NULL,
  created_by text NOT NULL,
  expires_at bigint NOT NULL,
  revoked_at bigint
);
CREATE TABLE audit_entry (
  namespace text NOT NULL,
  number bigint NOT NULL,
  at bigint NOT NULL,
  actor text NOT NULL,
  event text NOT NULL,
  detail jsonb NOT NULL,
  previous_sha256 bytea NOT NULL,
  sha256 bytea NOT NULL
);
CREATE TABLE claim_token (
  id uuid NOT NULL,
  namespace text NOT NULL,
  secret_sha256 bytea NOT NULL,
  class_id bytea NOT NULL,
  uses bigint NOT NULL,
  used bigint DEFAULT 0 NOT NULL,
  created_at bigint NOT NULL,
  created_by text NOT NULL,
  expires_at bigint NOT NULL
);
CREATE TABLE ddi_action (
  id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  namespace text NOT NULL,
  device_id text NOT NULL,
  rollout_id uuid NOT NULL,
  consent text,
  is_cancel_rejected boolean DEFAULT false NOT NULL,
  told_update text,
  boot text,
  assigned_until bigint,
  entries integer DEFAULT 0 NOT NULL,
  outcome text,
  created_at bigint NOT NULL,
  closed_at bigint,
  attempt smallint DEFAULT 1 NOT NULL,
  repeats integer DEFAULT 0 NOT NULL
);
CREATE TABLE ddi_entry (
  action_id integer NOT NULL,
  number integer NOT NULL,
  at_ms bigint NOT NULL,
  is_by_client boolean NOT NULL,
  status text NOT NULL,
  code integer,
  progress integer[],
  messages text[] NOT NULL
);
CREATE TABLE ddi_gateway_token (
  id uuid NOT NULL,
  namespace text NOT NULL,
  secret_sha256 bytea NOT NULL,
  label text NOT NULL,
  class_id bytea,
  uses bigint DEFAULT 0 NOT NULL,
  used bigint DEFAULT 0 NOT NULL,
  created_at bigint NOT NULL,
  created_by text NOT NULL,
  expires_at bigint NOT NULL,
  revoked_at bigint
);
CREATE TABLE ddi_target (
  namespace text NOT NULL,
  controller_id text NOT NULL,
  device_id text NOT NULL,
  attributes jsonb DEFAULT '{}'::jsonb NOT NULL,
  is_config_asked boolean DEFAULT true NOT NULL,
  installed_action integer,
  auto_confirm_at_ms bigint,
  auto_confirm_initiator text,
  auto_confirm_remark text
);
CREATE TABLE deployment (
  rollout_id uuid NOT NULL,
  device_id text NOT NULL,
  namespace text NOT NULL,
  stage smallint NOT NULL,
  state text NOT NULL,
  reason bigint,
  assignment bytea,
  assignment_expires bigint,
  assigned_at bigint,
  alive_at bigint NOT NULL,
  changed_at bigint NOT NULL,
  attempt smallint DEFAULT 1 NOT NULL,
  due_at bigint,
  place bigint NOT NULL
);
CREATE TABLE device (
  namespace text NOT NULL,
  id text NOT NULL,
  class_id bytea NOT NULL,
  public_key bytea,
  credential_sha256 bytea NOT NULL,
  enrolled_at bigint NOT NULL,
  last_seen_at bigint NOT NULL,
  report_epoch bigint,
  report_counter bigint,
  reported_ms bigint,
  report bytea,
  reported_state text,
  reported_reason bigint,
  running_manifest_sha256 bytea,
  running_sequence bigint,
  running_image_sha256 bytea,
  root_version bigint,
  krl_number bigint,
  old_reports bigint DEFAULT 0 NOT NULL,
  counter_epoch bigint DEFAULT 1 NOT NULL,
  change_nonce bytea,
  change_epoch bigint,
  change_expires bigint,
  attributes jsonb DEFAULT '{}'::jsonb NOT NULL,
  tags text[] DEFAULT '{}'::text[] NOT NULL,
  groups text[] DEFAULT '{}'::text[] NOT NULL,
  version_key integer[],
  protocol text DEFAULT 'native'::text NOT NULL,
  decommissioned_at bigint
);
CREATE TABLE device_authority (
  namespace text NOT NULL,
  key_id bytea NOT NULL,
  certificate bytea NOT NULL,
  not_after bigint NOT NULL
);
CREATE TABLE device_certificate (
  namespace text NOT NULL,
  serial text NOT NULL,
  device_id text NOT NULL,
  tls_key_sha256 bytea NOT NULL,
  certificate bytea NOT NULL,
  issued_at bigint NOT NULL,
  not_after bigint NOT NULL
);
CREATE TABLE device_change_count (
  namespace text NOT NULL,
  device_id text NOT NULL,
  kind text NOT NULL,
  since bigint NOT NULL,
  times integer NOT NULL
);
CREATE TABLE device_duplicate (
  namespace text NOT NULL,
  device_id text NOT NULL,
  kind text NOT NULL,
  detail text NOT NULL,
  times bigint DEFAULT 1 NOT NULL,
  first_at bigint NOT NULL,
  last_at bigint NOT NULL
);
CREATE TABLE device_group (
  namespace text NOT NULL,
  name text NOT NULL,
  filter text,
  facts text[] NOT NULL,
  filled_to text,
  changed_at bigint NOT NULL,
  changed_by text NOT NULL
);
CREATE TABLE device_key_change (
  namespace text NOT NULL,
  device_id text NOT NULL,
  number smallint NOT NULL,
  document bytea NOT NULL
);
CREATE TABLE device_refusal (
  namespace text NOT NULL,
  kind text NOT NULL,
  count bigint NOT NULL,
  last_at bigint NOT NULL,
  protocol text DEFAULT 'ddi'::text NOT NULL
);
CREATE TABLE device_registration (
  namespace text NOT NULL,
  key_id text NOT NULL,
  class_id bytea NOT NULL,
  attributes jsonb DEFAULT '{}'::jsonb NOT NULL,
  registered_at bigint NOT NULL,
  registered_by text NOT NULL
);
CREATE TABLE due_notice (
  namespace text NOT NULL,
  what text NOT NULL,
  due_at bigint NOT NULL,
  days smallint NOT NULL,
  noticed_at bigint NOT NULL
);
CREATE TABLE embedded_key (
  namespace text NOT NULL,
  sha256 bytea NOT NULL,
  kind text NOT NULL,
  der bytea NOT NULL,
  label text NOT NULL,
  registered_at bigint NOT NULL,
  registered_by text NOT NULL
);
CREATE TABLE event (
  number bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  namespace text NOT NULL,
  at_ms bigint NOT NULL,
  type text NOT NULL,
  data jsonb NOT NULL,
  "position" bigint
);
CREATE TABLE evidence (
  namespace text NOT NULL,
  image_sha256 bytea NOT NULL,
  sha256 bytea NOT NULL,
  kind text NOT NULL,
  format text NOT NULL,
  names_image boolean NOT NULL,
  facts jsonb NOT NULL,
  policy_version bigint,
  document bytea NOT NULL,
  added_at bigint NOT NULL,
  added_by text NOT NULL
);
CREATE TABLE firmware (
  namespace text NOT NULL,
  sha256 bytea NOT NULL,
  size_bytes bigint NOT NULL,
  uploaded_at bigint NOT NULL,
  uploaded_by text NOT NULL,
  sha1 bytea,
  md5 bytea,
  used_at bigint NOT NULL,
  pruned_at bigint
);
CREATE TABLE firmware_finding (
  namespace text NOT NULL,
  sha256 bytea NOT NULL,
  judged_by bytea NOT NULL,
  findings jsonb NOT NULL,
  inspected_at bigint NOT NULL
);
CREATE TABLE freshness_statement (
  namespace text NOT NULL,
  document bytea NOT NULL,
  "time" bigint NOT NULL,
  krl_number bigint NOT NULL,
  root_version bigint NOT NULL
);
CREATE TABLE krl_acknowledgement (
  namespace text NOT NULL,
  krl_number bigint NOT NULL,
  received_ms bigint NOT NULL
);
CREATE TABLE krl_approval (
  krl_request_id uuid NOT NULL,
  person text NOT NULL,
  role text NOT NULL,
  operation text NOT NULL,
  key_id bytea NOT NULL,
  document bytea NOT NULL,
  received_at bigint NOT NULL
);
CREATE TABLE krl_request (
  id uuid NOT NULL,
  namespace text NOT NULL,
  number bigint NOT NULL,
  payload bytea NOT NULL,
  subject_sha256 bytea NOT NULL,
  state text NOT NULL,
  created_by text NOT NULL,
  requested_ms bigint NOT NULL,
  quorum_ms bigint,
  signed_ms bigint,
  published_ms bigint,
  last_refusal jsonb
);
CREATE TABLE mqtt_outbox (
  number bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  topic text NOT NULL,
  payload bytea NOT NULL,
  is_retained boolean NOT NULL,
  expires_at bigint NOT NULL,
  created_ms bigint NOT NULL
);
CREATE TABLE re_sign_approval (
  re_sign_request_id uuid NOT NULL,
  person text NOT NULL,
  role text NOT NULL,
  key_id bytea NOT NULL,
  document bytea NOT NULL,
  received_at bigint NOT NULL
);
CREATE TABLE re_sign_request (
  id uuid NOT NULL,
  namespace text NOT NULL,
  release_id uuid NOT NULL,
  state text NOT NULL,
  created_at bigint NOT NULL,
  created_by text NOT NULL,
  signed_at bigint,
  last_refusal jsonb
);
CREATE TABLE release (
  id uuid NOT NULL,
  namespace text NOT NULL,
  request_id text NOT NULL,
  state text NOT NULL,
  sequence bigint NOT NULL,
  version text NOT NULL,
  class_id bytea NOT NULL,
  image_sha256 bytea NOT NULL,
  image_size_bytes bigint NOT NULL,
  manifest bytea NOT NULL,
  manifest_sha256 bytea NOT NULL,
  manifest_text bytea NOT NULL,
  envelope bytea,
  policy_version bigint NOT NULL,
  created_at bigint NOT NULL,
  created_by text NOT NULL,
  signed_at bigint,
  last_refusal jsonb,
  rejection jsonb,
  least_version text,
  is_stepping_stone boolean DEFAULT false NOT NULL,
  fallback_id uuid
);
CREATE TABLE release_approval (
  release_id uuid NOT NULL,
  manifest_sha256 bytea NOT NULL,
  person text NOT NULL,
  role text NOT NULL,
  key_id bytea NOT NULL,
  document bytea NOT NULL,
  received_at bigint NOT NULL
);
CREATE TABLE report_group (
  is_only boolean DEFAULT true NOT NULL,
  name text NOT NULL
);
CREATE TABLE rollout (
  id uuid NOT NULL,
  namespace text NOT NULL,
  release_id uuid NOT NULL,
  fallback_release_id uuid,
  manifest_sha256 bytea NOT NULL,
  sequence bigint NOT NULL,
  class_id bytea NOT NULL,
  device_ids text[],
  plan bytea NOT NULL,
  plan_sha256 bytea NOT NULL,
  not_before bigint NOT NULL,
  expires bigint NOT NULL,
  devices_per_hour bigint NOT NULL,
  devices_total bigint NOT NULL,
  limit_count bigint,
  limit_percent double precision,
  silence_seconds bigint NOT NULL,
  jitter_seconds bigint NOT NULL,
  state text NOT NULL,
  pause_reason text,
  pause_code text,
  hold_until bigint DEFAULT 0 NOT NULL,
  hold_code text,
  created_at bigint NOT NULL,
  created_by text NOT NULL,
  started_at bigint,
  ended_at bigint,
  priority smallint DEFAULT 0 NOT NULL,
  rules jsonb NOT NULL,
  parent_id uuid,
  offers_due_ms bigint DEFAULT 0 NOT NULL,
  filter text,
  cleared_at bigint
);
CREATE TABLE rollout_approval (
  rollout_id uuid NOT NULL,
  person text NOT NULL,
  role text NOT NULL,
  key_id bytea NOT NULL,
  document bytea NOT NULL,
  received_at bigint NOT NULL
);
CREATE TABLE rollout_cleared (
  rollout_id uuid NOT NULL,
  stage smallint NOT NULL,
  state text NOT NULL,
  reason bigint,
  devices bigint NOT NULL
);
CREATE TABLE rollout_offers (
  rollout_id uuid NOT NULL,
  minute bigint NOT NULL,
  devices bigint NOT NULL
);
CREATE TABLE rollout_stage (
  rollout_id uuid NOT NULL,
  index smallint NOT NULL,
  devices bigint,
  percent double precision,
  state text NOT NULL,
  accepted_failures bigint DEFAULT 0 NOT NULL,
  opened_at bigint,
  passed_at bigint,
  gate_percent double precision NOT NULL,
  soak_seconds bigint DEFAULT 0 NOT NULL,
  wanted bigint,
  filled_at bigint,
  held_since bigint,
  filter text
);
CREATE TABLE rollout_tally (
  rollout_id uuid NOT NULL,
  stage smallint NOT NULL,
  state text NOT NULL,
  devices bigint NOT NULL
);
CREATE TABLE submission (
  namespace text NOT NULL,
  request_id text NOT NULL,
  image_sha256 bytea NOT NULL,
  version text NOT NULL,
  class_id bytea NOT NULL,
  person text NOT NULL,
  document bytea NOT NULL,
  signed_at bigint NOT NULL,
  received_at bigint NOT NULL
);
CREATE TABLE trust_document (
  namespace text NOT NULL,
  kind text NOT NULL,
  version bigint NOT NULL,
  document bytea NOT NULL,
  stored_ms bigint NOT NULL
);
CREATE TABLE upload (
  id uuid NOT NULL,
  namespace text NOT NULL,
  sha256 bytea NOT NULL,
  size_bytes bigint NOT NULL,
  token_id uuid NOT NULL,
  actor text NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  lease_holder text,
  lease_until timestamp with time zone,
  is_lease_wanted boolean DEFAULT false NOT NULL
);
CREATE TABLE webhook (
  id uuid NOT NULL,
  namespace text NOT NULL,
  url text NOT NULL,
  types text[] NOT NULL,
  created_at bigint NOT NULL,
  created_by text NOT NULL,
  "position" bigint NOT NULL,
  disabled_at bigint,
  disabled_why text
);
CREATE TABLE webhook_delivery (
  webhook_id uuid NOT NULL,
  event_position bigint NOT NULL,
  state text NOT NULL,
  attempts smallint DEFAULT 0 NOT NULL,
  next_ms bigint NOT NULL,
  last_answer text,
  changed_at bigint NOT NULL
);

-- Functions
CREATE OR REPLACE FUNCTION audit_entry_stays()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
    BEGIN RAISE EXCEPTION 'an audit entry stays as it was written' USING ERRCODE = 'insufficient_privilege'; END $function$
;
CREATE OR REPLACE FUNCTION deployment_tally()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
    BEGIN
      IF TG_OP = 'INSERT' THEN
        INSERT INTO rollout_tally SELECT rollout_id, stage, state, count(*) FROM added GROUP BY rollout_id, stage, state;
      ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO rollout_tally SELECT rollout_id, stage, state, -count(*) FROM removed GROUP BY rollout_id, stage, state;
      ELSE
        INSERT INTO rollout_tally SELECT rollout_id, stage, state, sum(n) FROM (
          SELECT rollout_id, stage, state, 1 AS n FROM added UNION ALL SELECT rollout_id, stage, state, -1 FROM removed) AS each
        GROUP BY rollout_id, stage, state HAVING sum(n) <> 0;
      END IF;
      RETURN NULL;
    END $function$
;
CREATE OR REPLACE FUNCTION device_key_digest(namespace text, public_key bytea)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
        SELECT encode(substr(sha256(decode(namespace || ' ', 'escape') || public_key), 1, 16), 'hex')::uuid $function$
;
CREATE OR REPLACE FUNCTION device_news()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
      DECLARE
        row record := coalesce(NEW, OLD);
      BEGIN
        IF TG_TABLE_NAME = 'device' THEN
          PERFORM pg_notify('device_news', row.namespace || ' ' || row.id);
        ELSE
          PERFORM pg_notify('device_news', row.namespace || ' ' || row.device_id);
        END IF;
        RETURN NULL;
      END $function$
;
CREATE OR REPLACE FUNCTION rollout_place(rollout uuid, device text)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
      SELECT ('x' || encode(substr(sha256(decode(rollout::text || '/' || device, 'escape')), 1, 8), 'hex'))::bit(64)::bigint
        # (-9223372036854775808) $function$
;
CREATE OR REPLACE FUNCTION version_key(version text)
 RETURNS integer[]
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
      SELECT ARRAY[m[1]::int, m[2]::int, m[3]::int,
        CASE m[4] WHEN 'rc' THEN -1 WHEN 'beta' THEN -2 WHEN 'alpha' THEN -3 ELSE 0 END, coalesce(m[5]::int, 0)]
      FROM regexp_match(version,
        '^(0|[1-9][0-9]{0,8})[.](0|[1-9][0-9]{0,8})[.](0|[1-9][0-9]{0,8})(?:-(alpha|beta|rc)[.](0|[1-9][0-9]{0,8}))?$') AS m
      WHERE m IS NOT NULL $function$
;

-- Constraints
ALTER TABLE api_token ADD CONSTRAINT api_token_pkey PRIMARY KEY (id);
ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_pkey PRIMARY KEY (namespace, number);
ALTER TABLE claim_token ADD CONSTRAINT claim_token_pkey PRIMARY KEY (id);
ALTER TABLE ddi_action ADD CONSTRAINT ddi_action_pkey PRIMARY KEY (id);
ALTER TABLE ddi_entry ADD CONSTRAINT ddi_entry_pkey PRIMARY KEY (action_id, number);
ALTER TABLE ddi_gateway_token ADD CONSTRAINT ddi_gateway_token_pkey PRIMARY KEY (id);
ALTER TABLE ddi_target ADD CONSTRAINT ddi_target_pkey PRIMARY KEY (namespace, controller_id);
ALTER TABLE deployment ADD CONSTRAINT deployment_pkey PRIMARY KEY (rollout_id, device_id);
ALTER TABLE device ADD CONSTRAINT device_pkey PRIMARY KEY (namespace, id);
ALTER TABLE device_authority ADD CONSTRAINT device_authority_pkey PRIMARY KEY (namespace, key_id);
ALTER TABLE device_certificate ADD CONSTRAINT device_certificate_pkey PRIMARY KEY (namespace, serial);
ALTER TABLE device_change_count ADD CONSTRAINT device_change_count_pkey PRIMARY KEY (namespace, device_id, kind);
ALTER TABLE device_duplicate ADD CONSTRAINT device_duplicate_pkey PRIMARY KEY (namespace, device_id, kind);
ALTER TABLE device_group ADD CONSTRAINT device_group_pkey PRIMARY KEY (namespace, name);
ALTER TABLE device_key_change ADD CONSTRAINT device_key_change_pkey PRIMARY KEY (namespace, device_id, number);
ALTER TABLE device_refusal ADD CONSTRAINT device_refusal_pkey PRIMARY KEY (namespace, protocol, kind);
ALTER TABLE device_registration ADD CONSTRAINT device_registration_pkey PRIMARY KEY (namespace, key_id);
ALTER TABLE due_notice ADD CONSTRAINT due_notice_once PRIMARY KEY (namespace, what, due_at, days);
ALTER TABLE embedded_key ADD CONSTRAINT embedded_key_pkey PRIMARY KEY (namespace, sha256);
ALTER TABLE event ADD CONSTRAINT event_pkey PRIMARY KEY (number);
ALTER TABLE evidence ADD CONSTRAINT evidence_pkey PRIMARY KEY (namespace, image_sha256, sha256);
ALTER TABLE firmware ADD CONSTRAINT firmware_pkey PRIMARY KEY (namespace, sha256);
ALTER TABLE firmware_finding ADD CONSTRAINT firmware_finding_pkey PRIMARY KEY (namespace, sha256);
ALTER TABLE freshness_statement ADD CONSTRAINT freshness_statement_pkey PRIMARY KEY (namespace);
ALTER TABLE krl_approval ADD CONSTRAINT krl_approval_person_once PRIMARY KEY (krl_request_id, person);
ALTER TABLE krl_request ADD CONSTRAINT krl_request_pkey PRIMARY KEY (id);
ALTER TABLE mqtt_outbox ADD CONSTRAINT mqtt_outbox_pkey PRIMARY KEY (number);
ALTER TABLE re_sign_approval ADD CONSTRAINT re_sign_approval_person_once PRIMARY KEY (re_sign_request_id, person);
ALTER TABLE re_sign_request ADD CONSTRAINT re_sign_request_pkey PRIMARY KEY (id);
ALTER TABLE release ADD CONSTRAINT release_pkey PRIMARY KEY (id);
ALTER TABLE release_approval ADD CONSTRAINT release_approval_person_once PRIMARY KEY (release_id, manifest_sha256, person);
ALTER TABLE report_group ADD CONSTRAINT report_group_pkey PRIMARY KEY (is_only);
ALTER TABLE rollout ADD CONSTRAINT rollout_pkey PRIMARY KEY (id);
ALTER TABLE rollout_approval ADD CONSTRAINT rollout_approval_person_once PRIMARY KEY (rollout_id, person);
ALTER TABLE rollout_offers ADD CONSTRAINT rollout_offers_pkey PRIMARY KEY (rollout_id, minute);
ALTER TABLE rollout_stage ADD CONSTRAINT rollout_stage_pkey PRIMARY KEY (rollout_id, index);
ALTER TABLE submission ADD CONSTRAINT submission_pkey PRIMARY KEY (namespace, request_id);
ALTER TABLE trust_document ADD CONSTRAINT trust_document_pkey PRIMARY KEY (namespace, kind, version);
ALTER TABLE upload ADD CONSTRAINT upload_pkey PRIMARY KEY (id);
ALTER TABLE webhook ADD CONSTRAINT webhook_pkey PRIMARY KEY (id);
ALTER TABLE webhook_delivery ADD CONSTRAINT webhook_delivery_pkey PRIMARY KEY (webhook_id, event_position);
ALTER TABLE api_token ADD CONSTRAINT api_token_secret_once UNIQUE (secret_sha256);
ALTER TABLE claim_token ADD CONSTRAINT claim_token_secret_once UNIQUE (secret_sha256);
ALTER TABLE ddi_gateway_token ADD CONSTRAINT ddi_gateway_token_secret_once UNIQUE (secret_sha256);
ALTER TABLE ddi_target ADD CONSTRAINT ddi_target_device_once UNIQUE (namespace, device_id);
ALTER TABLE release ADD CONSTRAINT release_fallback_once UNIQUE (fallback_id);
ALTER TABLE release ADD CONSTRAINT release_request_once UNIQUE (namespace, request_id);
ALTER TABLE rollout ADD CONSTRAINT rollout_one_fallback UNIQUE (parent_id);
ALTER TABLE device ADD CONSTRAINT device_credential_once EXCLUDE USING hash (credential_sha256 WITH =);
ALTER TABLE api_token ADD CONSTRAINT api_token_roles_check CHECK ((cardinality(roles) > 0));
ALTER TABLE api_token ADD CONSTRAINT api_token_secret_sha256_check CHECK ((octet_length(secret_sha256) = 32));
ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_number_check CHECK ((number > 0));
ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_previous_sha256_check CHECK ((octet_length(previous_sha256) = 32));
ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_sha256_check CHECK ((octet_length(sha256) = 32));
ALTER TABLE claim_token ADD CONSTRAINT claim_token_class_id_check CHECK ((octet_length(class_id) = 16));
ALTER TABLE claim_token ADD CONSTRAINT claim_token_secret_sha256_check CHECK ((octet_length(secret_sha256) = 32));
ALTER TABLE claim_token ADD CONSTRAINT claim_token_uses_check CHECK ((uses > 0));
ALTER TABLE claim_token ADD CONSTRAINT claim_token_within_uses CHECK ((used <= uses));
ALTER TABLE ddi_action ADD CONSTRAINT ddi_action_closed_whole CHECK (((closed_at IS NULL) = (outcome IS NULL)));
ALTER TABLE ddi_action ADD CONSTRAINT ddi_action_consent_check CHECK ((consent = ANY (ARRAY['given'::text, 'denied'::text])));
ALTER TABLE ddi_action ADD CONSTRAINT ddi_action_outcome_check CHECK ((outcome = ANY (ARRAY['finished'::text, 'failed'::text, 'downloaded'::text, 'cancelled'::text, 'abandoned'::text])));
ALTER TABLE ddi_action ADD CONSTRAINT ddi_action_told_update_check CHECK ((told_update = ANY (ARRAY['forced'::text, 'attempt'::text, 'skip'::text])));
ALTER TABLE ddi_entry ADD CONSTRAINT ddi_entry_progress_check CHECK ((cardinality(progress) = 2));
ALTER TABLE ddi_gateway_token ADD CONSTRAINT ddi_gateway_token_class_id_check CHECK ((octet_length(class_id) = 16));
ALTER TABLE ddi_gateway_token ADD CONSTRAINT ddi_gateway_token_enrols_a_class CHECK (((uses = 0) OR (class_id IS NOT NULL)));
ALTER TABLE ddi_gateway_token ADD CONSTRAINT ddi_gateway_token_secret_sha256_check CHECK ((octet_length(secret_sha256) = 32));
ALTER TABLE ddi_gateway_token ADD CONSTRAINT ddi_gateway_token_uses_check CHECK ((uses >= 0));
ALTER TABLE ddi_gateway_token ADD CONSTRAINT ddi_gateway_token_within_uses CHECK ((used <= uses));
ALTER TABLE ddi_target ADD CONSTRAINT ddi_target_attributes_check CHECK ((jsonb_typeof(attributes) = 'object'::text));
ALTER TABLE ddi_target ADD CONSTRAINT ddi_target_controller_id_check CHECK (((length(controller_id) >= 1) AND (length(controller_id) <= 256)));
ALTER TABLE deployment ADD CONSTRAINT deployment_assignment_whole CHECK ((((assignment IS NULL) = (assigned_at IS NULL)) AND ((assignment IS NULL) = (assignment_expires IS NULL))));
ALTER TABLE deployment ADD CONSTRAINT deployment_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'offered'::text, 'downloading'::text, 'downloaded'::text, 'installing'::text, 'installed'::text, 'rebooting'::text, 'confirmed'::text, 'failed'::text, 'reverted'::text, 'refused'::text, 'timedOut'::text, 'cancelled'::text, 'superseded'::text, 'stored'::text])));
ALTER TABLE device ADD CONSTRAINT device_attributes_check CHECK ((jsonb_typeof(attributes) = 'object'::text));
ALTER TABLE device ADD CONSTRAINT device_change_nonce_check CHECK ((octet_length(change_nonce) = 32));
ALTER TABLE device ADD CONSTRAINT device_change_whole CHECK ((((change_nonce IS NULL) = (change_epoch IS NULL)) AND ((change_nonce IS NULL) = (change_expires IS NULL))));
ALTER TABLE device ADD CONSTRAINT device_class_id_check CHECK ((octet_length(class_id) = 16));
ALTER TABLE device ADD CONSTRAINT device_credential_sha256_check CHECK ((octet_length(credential_sha256) = 32));
ALTER TABLE device ADD CONSTRAINT device_id_check CHECK ((id ~ '^[0-9a-f]{64}$'::text));
ALTER TABLE device ADD CONSTRAINT device_native_has_key CHECK (((protocol = 'native'::text) = (public_key IS NOT NULL)));
ALTER TABLE device ADD CONSTRAINT device_native_signs CHECK (((protocol = 'native'::text) OR (report IS NULL)));
ALTER TABLE device ADD CONSTRAINT device_protocol_check CHECK ((protocol = ANY (ARRAY['native'::text, 'ddi'::text])));
ALTER TABLE device ADD CONSTRAINT device_report_whole CHECK ((((report IS NULL) = (report_counter IS NULL)) AND ((report IS NULL) = (report_epoch IS NULL))));
ALTER TABLE device ADD CONSTRAINT device_version_key_check CHECK ((cardinality(version_key) = 5));
ALTER TABLE device_authority ADD CONSTRAINT device_authority_key_id_check CHECK ((octet_length(key_id) = 32));
ALTER TABLE device_certificate ADD CONSTRAINT device_certificate_tls_key_sha256_check CHECK ((octet_length(tls_key_sha256) = 32));
ALTER TABLE device_change_count ADD CONSTRAINT device_change_count_kind_check CHECK ((kind = ANY (ARRAY['epoch'::text, 'key'::text])));
ALTER TABLE device_duplicate ADD CONSTRAINT device_duplicate_kind_check CHECK ((kind = ANY (ARRAY['counter'::text, 'epoch'::text, 'key'::text, 'tls-key'::text])));
ALTER TABLE device_group ADD CONSTRAINT device_group_list_is_full CHECK (((filter IS NOT NULL) OR (filled_to IS NULL)));
ALTER TABLE device_refusal ADD CONSTRAINT device_refusal_protocol_check CHECK ((protocol = ANY (ARRAY['native'::text, 'ddi'::text, 'report'::text])));
ALTER TABLE device_registration ADD CONSTRAINT device_registration_attributes_check CHECK ((jsonb_typeof(attributes) = 'object'::text));
ALTER TABLE device_registration ADD CONSTRAINT device_registration_class_id_check CHECK ((octet_length(class_id) = 16));
ALTER TABLE device_registration ADD CONSTRAINT device_registration_key_id_check CHECK ((key_id ~ '^[0-9a-f]{64}$'::text));
ALTER TABLE due_notice ADD CONSTRAINT due_notice_days_check CHECK ((days > 0));
ALTER TABLE embedded_key ADD CONSTRAINT embedded_key_der_check CHECK ((octet_length(der) > 0));
ALTER TABLE embedded_key ADD CONSTRAINT embedded_key_kind_check CHECK ((kind = ANY (ARRAY['ed25519'::text, 'ecdsa-p256'::text, 'ecdsa-p384'::text, 'rsa'::text, 'x509-ca'::text])));
ALTER TABLE embedded_key ADD CONSTRAINT embedded_key_sha256_check CHECK ((octet_length(sha256) = 32));
ALTER TABLE event ADD CONSTRAINT event_data_check CHECK ((jsonb_typeof(data) = 'object'::text));
ALTER TABLE event ADD CONSTRAINT event_position_check CHECK (("position" > 0));
ALTER TABLE evidence ADD CONSTRAINT evidence_document_check CHECK (((octet_length(document) >= 1) AND (octet_length(document) <= 4194304)));
ALTER TABLE evidence ADD CONSTRAINT evidence_kind_check CHECK ((kind = ANY (ARRAY['sbom'::text, 'provenance'::text, 'test-report'::text])));
ALTER TABLE evidence ADD CONSTRAINT evidence_sha256_check CHECK ((octet_length(sha256) = 32));
ALTER TABLE firmware ADD CONSTRAINT firmware_md5_check CHECK ((octet_length(md5) = 16));
ALTER TABLE firmware ADD CONSTRAINT firmware_old_digests_whole CHECK (((sha1 IS NULL) = (md5 IS NULL)));
ALTER TABLE firmware ADD CONSTRAINT firmware_sha1_check CHECK ((octet_length(sha1) = 20));
ALTER TABLE firmware ADD CONSTRAINT firmware_sha256_check CHECK ((octet_length(sha256) = 32));
ALTER TABLE firmware ADD CONSTRAINT firmware_size_bytes_check CHECK ((size_bytes > 0));
ALTER TABLE firmware_finding ADD CONSTRAINT firmware_finding_judged_by_check CHECK ((octet_length(judged_by) = 32));
ALTER TABLE krl_request ADD CONSTRAINT krl_request_state_check CHECK ((state = ANY (ARRAY['awaiting-approval'::text, 'signed'::text, 'refused'::text])));
ALTER TABLE krl_request ADD CONSTRAINT krl_request_subject_sha256_check CHECK ((octet_length(subject_sha256) = 32));
ALTER TABLE re_sign_request ADD CONSTRAINT re_sign_request_state_check CHECK ((state = ANY (ARRAY['awaiting-approval'::text, 'signed'::text])));
ALTER TABLE re_sign_request ADD CONSTRAINT re_sign_signed_whole CHECK (((state = 'signed'::text) = (signed_at IS NOT NULL)));
ALTER TABLE release ADD CONSTRAINT release_class_id_check CHECK ((octet_length(class_id) = 16));
ALTER TABLE release ADD CONSTRAINT release_fallback_other CHECK ((fallback_id <> id));
ALTER TABLE release ADD CONSTRAINT release_manifest_sha256_check CHECK ((octet_length(manifest_sha256) = 32));
ALTER TABLE release ADD CONSTRAINT release_sequence_check CHECK ((sequence > 0));
ALTER TABLE release ADD CONSTRAINT release_signed_whole CHECK ((((envelope IS NULL) = (signed_at IS NULL)) AND ((envelope IS NULL) = (state <> 'signed'::text))));
ALTER TABLE release ADD CONSTRAINT release_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'awaiting-approval'::text, 'signed'::text, 'rejected'::text, 'overtaken'::text])));
ALTER TABLE report_group ADD CONSTRAINT report_group_is_only_check CHECK (is_only);
ALTER TABLE report_group ADD CONSTRAINT report_group_name_check CHECK ((name ~ '^[A-Za-z0-9_-]{22,}$'::text));
ALTER TABLE rollout ADD CONSTRAINT rollout_class_id_check CHECK ((octet_length(class_id) = 16));
ALTER TABLE rollout ADD CONSTRAINT rollout_jitter_seconds_check CHECK ((jitter_seconds >= 0));
ALTER TABLE rollout ADD CONSTRAINT rollout_limited CHECK (((limit_count IS NOT NULL) OR (limit_percent IS NOT NULL)));
ALTER TABLE rollout ADD CONSTRAINT rollout_manifest_sha256_check CHECK ((octet_length(manifest_sha256) = 32));
ALTER TABLE rollout ADD CONSTRAINT rollout_pause_has_reason CHECK (((state = 'paused'::text) = (pause_reason IS NOT NULL)));
ALTER TABLE rollout ADD CONSTRAINT rollout_plan_sha256_check CHECK ((octet_length(plan_sha256) = 32));
ALTER TABLE rollout ADD CONSTRAINT rollout_rules_check CHECK ((jsonb_typeof(rules) = 'object'::text));
ALTER TABLE rollout ADD CONSTRAINT rollout_silence_seconds_check CHECK ((silence_seconds > 0));
ALTER TABLE rollout ADD CONSTRAINT rollout_state_check CHECK ((state = ANY (ARRAY['planned'::text, 'running'::text, 'paused'::text, 'finished'::text, 'cancelled'::text, 'rolledBack'::text])));
ALTER TABLE rollout_cleared ADD CONSTRAINT rollout_cleared_devices_check CHECK ((devices > 0));
ALTER TABLE rollout_stage ADD CONSTRAINT rollout_stage_gate_percent_check CHECK (((gate_percent > (0)::double precision) AND (gate_percent <= (100)::double precision)));
ALTER TABLE rollout_stage ADD CONSTRAINT rollout_stage_index_check CHECK ((index >= 0));
ALTER TABLE rollout_stage ADD CONSTRAINT rollout_stage_measured CHECK (((state = 'waiting'::text) OR (wanted IS NOT NULL)));
ALTER TABLE rollout_stage ADD CONSTRAINT rollout_stage_one_reach CHECK (((devices IS NULL) <> (percent IS NULL)));
ALTER TABLE rollout_stage ADD CONSTRAINT rollout_stage_soak_seconds_check CHECK ((soak_seconds >= 0));
ALTER TABLE rollout_stage ADD CONSTRAINT rollout_stage_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'open'::text, 'passed'::text])));
ALTER TABLE submission ADD CONSTRAINT submission_class_id_check CHECK ((octet_length(class_id) = 16));
ALTER TABLE trust_document ADD CONSTRAINT trust_document_kind_check CHECK ((kind = ANY (ARRAY['root'::text, 'policy'::text, 'krl'::text])));
ALTER TABLE trust_document ADD CONSTRAINT trust_document_version_check CHECK ((version > 0));
ALTER TABLE upload ADD CONSTRAINT upload_lease_whole CHECK (((lease_holder IS NULL) = (lease_until IS NULL)));
ALTER TABLE upload ADD CONSTRAINT upload_sha256_check CHECK ((octet_length(sha256) = 32));
ALTER TABLE upload ADD CONSTRAINT upload_size_bytes_check CHECK ((size_bytes > 0));
ALTER TABLE webhook ADD CONSTRAINT webhook_disabled_whole CHECK (((disabled_at IS NULL) = (disabled_why IS NULL)));
ALTER TABLE webhook ADD CONSTRAINT webhook_types_check CHECK ((cardinality(types) > 0));
ALTER TABLE webhook_delivery ADD CONSTRAINT webhook_delivery_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'given-up'::text])));
ALTER TABLE ddi_action ADD CONSTRAINT ddi_action_rollout_id_device_id_fkey FOREIGN KEY (rollout_id, device_id) REFERENCES deployment(rollout_id, device_id);
ALTER TABLE ddi_entry ADD CONSTRAINT ddi_entry_action_id_fkey FOREIGN KEY (action_id) REFERENCES ddi_action(id);
ALTER TABLE ddi_target ADD CONSTRAINT ddi_target_namespace_device_id_fkey FOREIGN KEY (namespace, device_id) REFERENCES device(namespace, id);
ALTER TABLE deployment ADD CONSTRAINT deployment_namespace_device_id_fkey FOREIGN KEY (namespace, device_id) REFERENCES device(namespace, id);
ALTER TABLE deployment ADD CONSTRAINT deployment_rollout_id_stage_fkey FOREIGN KEY (rollout_id, stage) REFERENCES rollout_stage(rollout_id, index);
ALTER TABLE device_certificate ADD CONSTRAINT device_certificate_namespace_device_id_fkey FOREIGN KEY (namespace, device_id) REFERENCES device(namespace, id);
ALTER TABLE device_key_change ADD CONSTRAINT device_key_change_namespace_device_id_fkey FOREIGN KEY (namespace, device_id) REFERENCES device(namespace, id);
ALTER TABLE evidence ADD CONSTRAINT evidence_namespace_image_sha256_fkey FOREIGN KEY (namespace, image_sha256) REFERENCES firmware(namespace, sha256);
ALTER TABLE firmware_finding ADD CONSTRAINT firmware_finding_namespace_sha256_fkey FOREIGN KEY (namespace, sha256) REFERENCES firmware(namespace, sha256);
ALTER TABLE krl_approval ADD CONSTRAINT krl_approval_krl_request_id_fkey FOREIGN KEY (krl_request_id) REFERENCES krl_request(id);
ALTER TABLE re_sign_approval ADD CONSTRAINT re_sign_approval_re_sign_request_id_fkey FOREIGN KEY (re_sign_request_id) REFERENCES re_sign_request(id);
ALTER TABLE re_sign_request ADD CONSTRAINT re_sign_request_release_id_fkey FOREIGN KEY (release_id) REFERENCES release(id);
ALTER TABLE release ADD CONSTRAINT release_fallback_known FOREIGN KEY (fallback_id) REFERENCES release(id);
ALTER TABLE release ADD CONSTRAINT release_namespace_request_id_fkey FOREIGN KEY (namespace, request_id) REFERENCES submission(namespace, request_id);
ALTER TABLE release_approval ADD CONSTRAINT release_approval_release_id_fkey FOREIGN KEY (release_id) REFERENCES release(id);
ALTER TABLE rollout ADD CONSTRAINT rollout_fallback_release_id_fkey FOREIGN KEY (fallback_release_id) REFERENCES release(id);
ALTER TABLE rollout ADD CONSTRAINT rollout_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES rollout(id);
ALTER TABLE rollout ADD CONSTRAINT rollout_release_id_fkey FOREIGN KEY (release_id) REFERENCES release(id);
ALTER TABLE rollout_approval ADD CONSTRAINT rollout_approval_rollout_id_fkey FOREIGN KEY (rollout_id) REFERENCES rollout(id);
ALTER TABLE rollout_cleared ADD CONSTRAINT rollout_cleared_rollout_id_fkey FOREIGN KEY (rollout_id) REFERENCES rollout(id);
ALTER TABLE rollout_offers ADD CONSTRAINT rollout_offers_rollout_id_fkey FOREIGN KEY (rollout_id) REFERENCES rollout(id);
ALTER TABLE rollout_stage ADD CONSTRAINT rollout_stage_rollout_id_fkey FOREIGN KEY (rollout_id) REFERENCES rollout(id);
ALTER TABLE submission ADD CONSTRAINT submission_namespace_image_sha256_fkey FOREIGN KEY (namespace, image_sha256) REFERENCES firmware(namespace, sha256);
ALTER TABLE webhook_delivery ADD CONSTRAINT webhook_delivery_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES webhook(id) ON DELETE CASCADE;

-- Indexes
CREATE INDEX api_token_by_namespace ON api_token USING btree (namespace, created_at, id);
CREATE INDEX ddi_action_by_deployment ON ddi_action USING btree (rollout_id, device_id);
CREATE INDEX ddi_action_by_device ON ddi_action USING btree (namespace, device_id, id);
CREATE UNIQUE INDEX ddi_action_one_open ON ddi_action USING btree (rollout_id, device_id) WHERE (closed_at IS NULL);
CREATE INDEX ddi_action_open ON ddi_action USING btree (namespace, device_id) WHERE (closed_at IS NULL);
CREATE INDEX ddi_gateway_token_by_namespace ON ddi_gateway_token USING btree (namespace, created_at, id);
CREATE INDEX deployment_by_device ON deployment USING btree (namespace, device_id, rollout_id);
CREATE INDEX deployment_by_state ON deployment USING btree (rollout_id, stage, state);
CREATE UNIQUE INDEX deployment_one_active ON deployment USING btree (namespace, device_id) WHERE (state = ANY (ARRAY['queued'::text, 'offered'::text, 'downloading'::text, 'downloaded'::text, 'installing'::text, 'installed'::text, 'rebooting'::text]));
CREATE INDEX deployment_queue ON deployment USING btree (rollout_id, stage, place) WHERE (state = 'queued'::text);
CREATE INDEX deployment_renewal ON deployment USING btree (rollout_id, ((assignment_expires - ((assignment_expires - assigned_at) / 4)))) WHERE (assignment IS NOT NULL);
CREATE INDEX device_by_attribute ON device USING gin (attributes jsonb_path_ops);
CREATE INDEX device_by_class ON device USING btree (namespace, class_id);
CREATE INDEX device_by_group ON device USING gin (groups);
CREATE INDEX device_by_site ON device USING btree (namespace, ((attributes ->> 'site'::text))) WHERE (attributes ? 'site'::text);
CREATE INDEX device_by_tag ON device USING gin (tags);
CREATE INDEX device_by_time_zone ON device USING btree (namespace, ((attributes ->> 'timeZone'::text))) WHERE (attributes ? 'timeZone'::text);
CREATE INDEX device_certificate_by_device ON device_certificate USING btree (namespace, device_id, issued_at);
CREATE INDEX device_certificate_by_key ON device_certificate USING btree (namespace, tls_key_sha256);
CREATE INDEX device_group_unfilled ON device_group USING btree (namespace, name) WHERE (filled_to IS NOT NULL);
CREATE UNIQUE INDEX device_key_once ON device USING btree (device_key_digest(namespace, public_key));
CREATE INDEX event_by_namespace ON event USING btree (namespace, "position");
CREATE UNIQUE INDEX event_position_once ON event USING btree ("position");
CREATE INDEX event_unplaced ON event USING btree (number) WHERE ("position" IS NULL);
CREATE INDEX firmware_by_digest ON firmware USING btree (sha256) WHERE (pruned_at IS NULL);
CREATE INDEX firmware_without_old_digests ON firmware USING btree (uploaded_at) WHERE ((sha1 IS NULL) AND (pruned_at IS NULL));
CREATE INDEX krl_acknowledgement_by_krl ON krl_acknowledgement USING btree (namespace, krl_number);
CREATE INDEX krl_request_by_namespace ON krl_request USING btree (namespace, requested_ms DESC, id DESC);
CREATE INDEX re_sign_by_release ON re_sign_request USING btree (release_id, created_at DESC, id DESC);
CREATE UNIQUE INDEX re_sign_open_once ON re_sign_request USING btree (release_id) WHERE (state = 'awaiting-approval'::text);
CREATE INDEX release_by_class ON release USING btree (namespace, class_id, sequence);
CREATE INDEX release_by_manifest ON release USING btree (namespace, manifest_sha256);
CREATE INDEX release_by_namespace ON release USING btree (namespace, created_at DESC, id DESC);
CREATE INDEX rollout_by_namespace ON rollout USING btree (namespace, created_at DESC, id DESC);
CREATE UNIQUE INDEX rollout_cleared_once ON rollout_cleared USING btree (rollout_id, stage, state, reason) NULLS NOT DISTINCT;
CREATE INDEX rollout_running ON rollout USING btree (id) WHERE (state = 'running'::text);
CREATE UNIQUE INDEX rollout_stage_one_open ON rollout_stage USING btree (rollout_id) WHERE (state = 'open'::text);
CREATE INDEX rollout_tally_by_rollout ON rollout_tally USING btree (rollout_id);
CREATE INDEX submission_by_firmware ON submission USING btree (namespace, image_sha256);
CREATE INDEX upload_by_end ON upload USING btree (expires_at);
CREATE INDEX upload_by_namespace ON upload USING btree (namespace, created_at, id);
CREATE INDEX webhook_by_namespace ON webhook USING btree (namespace, id);
CREATE INDEX webhook_delivery_due_by_webhook ON webhook_delivery USING btree (webhook_id, next_ms) WHERE (state = 'waiting'::text);

-- Triggers
CREATE TRIGGER audit_entry_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_stays();
CREATE TRIGGER device_news AFTER UPDATE ON ddi_target FOR EACH ROW WHEN (((old.is_config_asked IS DISTINCT FROM new.is_config_asked) OR (old.installed_action IS DISTINCT FROM new.installed_action))) EXECUTE FUNCTION device_news();
CREATE TRIGGER deployment_tally_delete AFTER DELETE ON deployment REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION deployment_tally();
CREATE TRIGGER deployment_tally_insert AFTER INSERT ON deployment REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION deployment_tally();
CREATE TRIGGER deployment_tally_update AFTER UPDATE ON deployment REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION deployment_tally();
CREATE TRIGGER device_news AFTER UPDATE OF state, assignment ON deployment FOR EACH ROW WHEN (((new.assignment IS NOT NULL) AND ((old.state IS DISTINCT FROM new.state) OR (old.assignment IS DISTINCT FROM new.assignment)))) EXECUTE FUNCTION device_news();
CREATE TRIGGER device_news AFTER UPDATE OF class_id, credential_sha256, attributes, tags, groups, version_key, report_epoch, report_counter, counter_epoch, decommissioned_at ON device FOR EACH ROW WHEN (((old.class_id IS DISTINCT FROM new.class_id) OR (old.credential_sha256 IS DISTINCT FROM new.credential_sha256) OR (old.attributes IS DISTINCT FROM new.attributes) OR (old.tags IS DISTINCT FROM new.tags) OR (old.groups IS DISTINCT FROM new.groups) OR (old.version_key IS DISTINCT FROM new.version_key) OR (old.report_epoch IS DISTINCT FROM new.report_epoch) OR (old.report_counter IS DISTINCT FROM new.report_counter) OR (old.counter_epoch IS DISTINCT FROM new.counter_epoch) OR (old.decommissioned_at IS DISTINCT FROM new.decommissioned_at))) EXECUTE FUNCTION device_news();
CREATE TRIGGER device_news_gone AFTER DELETE ON device FOR EACH ROW EXECUTE FUNCTION device_news();

-- Rights of the server's role
GRANT DELETE, INSERT, SELECT, UPDATE ON api_token TO countersign_server;
GRANT INSERT, SELECT ON audit_entry TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON claim_token TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON ddi_action TO countersign_server;
GRANT INSERT, SELECT ON ddi_entry TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON ddi_gateway_token TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON ddi_target TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON deployment TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON device TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON device_authority TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON device_certificate TO countersign_server;
GRANT INSERT, SELECT, UPDATE ON device_change_count TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON device_duplicate TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON device_group TO countersign_server;
GRANT INSERT, SELECT ON device_key_change TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON device_refusal TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON device_registration TO countersign_server;
GRANT INSERT, SELECT ON due_notice TO countersign_server;
GRANT DELETE, INSERT, SELECT ON embedded_key TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON event TO countersign_server;
GRANT INSERT, SELECT ON evidence TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON firmware TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON firmware_finding TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON freshness_statement TO countersign_server;
GRANT INSERT, SELECT ON krl_acknowledgement TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON krl_approval TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON krl_request TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON mqtt_outbox TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON re_sign_approval TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON re_sign_request TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON release TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON release_approval TO countersign_server;
GRANT INSERT, SELECT ON report_group TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON rollout TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON rollout_approval TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON rollout_cleared TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON rollout_offers TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON rollout_stage TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON rollout_tally TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON submission TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON trust_document TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON upload TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON webhook TO countersign_server;
GRANT DELETE, INSERT, SELECT, UPDATE ON webhook_delivery TO countersign_server;
