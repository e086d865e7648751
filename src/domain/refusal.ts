/**
 * Every deliberate "no", with the facts needed to act on it. Append only: clients key on these names.
 * Bytes in a detail are lower-case hex; times are seconds since the Unix epoch. No detail holds a secret.
 */
export interface RefusalDetail {
  // Encoding: what arrived is not in the one form we accept.
  CBOR_MALFORMED: { at: number; why: string }
  CBOR_NOT_CANONICAL: { at: number; why: string }
  CBOR_TOO_LARGE: { limit: number; what: 'bytes' | 'depth' | 'items' | 'integer keys' }
  DOCUMENT_MALFORMED: { document: string; field: string; why: string }
  DOCUMENT_TOO_LARGE: { document: string; sizeBytes: number; limitBytes: number }

  // Signatures and keys.
  COSE_MALFORMED: { why: string }
  KEY_MALFORMED: { why: string }
  ALGORITHM_NOT_ALLOWED: { alg: number }
  KEY_UNKNOWN: { keyId: string; role: string }
  KEY_NOT_ACTIVE: { keyId: string; notBefore: number; notAfter: number; now: number }
  KEY_REVOKED: { keyId: string }
  SIGNATURE_INVALID: { keyId: string }
  SIGNATURE_DUPLICATE: { keyId: string }
  SIGNATURE_MISSING: { role: string }
  THRESHOLD_NOT_MET: { role: string; needed: number; counted: number }

  // Root, policy, KRL, freshness, assignment (trust.md §5, steps 2–10).
  WRONG_NAMESPACE: { expected: string; found: string }
  ROOT_VERSION: { expected: number; found: number }
  ROOT_WALK_TOO_LONG: { limit: number }
  ROOT_FLOOR_LOWERED: { what: string; held: number; offered: number }
  ROOT_EXPIRED: { expires: number; now: number }
  POLICY_VERSION: { held: number; offered: number }
  POLICY_CHANGED: { version: number }
  POLICY_LAPSED: { version: number }
  POLICY_EXPIRED: { expires: number; now: number }
  KRL_MISSING: Record<string, never>
  KRL_OLD: { held: number; offered: number }
  KRL_EQUIVOCATION: { number: number }
  KRL_EPOCH: { expected: number; found: number }
  KRL_NEEDS_ROOT: { needed: number; held: number }
  KRL_EXPIRED: { hardExpiry: number; now: number }
  KRL_CAP: { limit: number }
  KRL_ENTRY_FORBIDDEN: { keyId: string }
  FRESHNESS_MISSING: Record<string, never>
  FRESHNESS_EXPIRED: { expires: number; now: number }
  FRESHNESS_NONCE: Record<string, never>
  FRESHNESS_LIFE: { seconds: number; limitSeconds: number }
  FRESHNESS_NOT_YET: { time: number; now: number }
  FRESHNESS_KRL: { held: number; named: number }
  FRESHNESS_ROOT: { held: number; named: number }
  ASSIGNMENT_MISSING: Record<string, never>
  ASSIGNMENT_EXPIRED: { expires: number; now: number }
  ASSIGNMENT_NOT_YET: { notBefore: number; now: number }
  ASSIGNMENT_LIFE: { seconds: number; limitSeconds: number }
  ASSIGNMENT_OTHER_DEVICE: { deviceId: string }
  ASSIGNMENT_NEEDS_KRL: { needed: number; held: number }
  ASSIGNMENT_SEQUENCE: { assigned: number; manifest: number }

  // Envelope, manifest, payload (steps 11–16).
  ENVELOPE_MEMBER: { member: string }
  ENVELOPE_BLOCK: { why: string }
  DIGEST_MISMATCH: { what: string; expected: string; found: string }
  MANIFEST_REVOKED: { digest: string }
  MANIFEST_TEMPLATE: { at: string; why: string }
  WRONG_VENDOR: { expected: string; found: string }
  WRONG_CLASS: { expected: string; found: string }
  WRONG_COMPONENT: { found: string }
  VERSION_MALFORMED: { version: string }
  ROLLBACK: { offered: number; floor: number }
  SEQUENCE_REUSED: { sequence: number }
  PAYLOAD_TOO_LONG: { limitBytes: number }
  PAYLOAD_TOO_SHORT: { expectedBytes: number; foundBytes: number }
  PAYLOAD_MISMATCH: { expected: string; found: string }
  PROOF_MISSING: Record<string, never>
  SLOT_MISMATCH: { expected: string; found: string }
  HEALTH_GATE_FAILED: { why: string }

  // The signers (trust.md §4, §4b).
  FRAME_MALFORMED: { why: string }
  FRAME_TOO_LARGE: { limitBytes: number }
  ROLE_NOT_SERVED: { operation: string }
  SIGNER_SUSPENDED: Record<string, never>
  CLOCK_BEHIND: { lastSeen: number; now: number }
  CLOCK_JUMPED: { seconds: number }
  SUBMISSION_MISMATCH: { field: string }
  SUBMITTER_UNKNOWN: { keyId: string }
  IMAGE_UNKNOWN: { sha256: string }
  IMAGE_TOO_LARGE: { sizeBytes: number; limitBytes: number }
  IMAGE_MISMATCH: { field: string }
  SEQUENCE_OVERTAKEN: { offered: number; highest: number }
  SEQUENCE_JUMP: { offered: number; limit: number }
  APPROVAL_MISMATCH: { field: string }
  APPROVAL_EXPIRED: { expires: number; now: number }
  APPROVAL_NOT_YET: { notBefore: number; now: number }
  APPROVAL_ROLE: { person: string; role: string }
  APPROVER_UNKNOWN: { keyId: string }
  APPROVER_REPEATED: { person: string }
  APPROVER_IS_REQUESTER: { person: string }
  APPROVALS_MISSING: { operation: string }
  QUORUM_NOT_MET: { operation: string }
  QUORUM_UNDEFINED: { operation: string }
  REQUEST_SPENT: { requestId: string }
  CHANGE_WINDOW_CLOSED: { operation: string }
  RATE_EXCEEDED: { limit: number; what: string }
  RELEASE_UNKNOWN: { digest: string }
  PLAN_MISMATCH: { field: string }
  PLAN_NOT_ACTIVE: { notBefore: number; expires: number; now: number }
  PACE_EXCEEDED: { limit: number; what: 'devices per hour' | 'devices in total' }
  SIGNER_STORAGE: { why: string }
  SIGNER_UNAVAILABLE: { why: string }
  SIGNER_REFUSED: { code: string; check: number }
  SIGNER_LOCKED: { why: string }
  SIGNER_STATE: { why: string }
  SIGNER_KEY_MISSING: { role: string }
  JOURNAL_BROKEN: { at: number; why: string }
  POLICY_MISSING: Record<string, never>
  KRL_CONTENT: { field: string; why: string }
  KEY_NOT_NEWER: { keyId: string; signedWith: string }
  APPROVAL_VOID: { notBefore: number; voidBefore: number }
  ORDER_MISMATCH: { field: string }
  JOURNAL_CONTENT: { index: number; why: string }

  // The token (PKCS#11).
  TOKEN_MODULE: { step: string; why: string }
  TOKEN_PIN: { why: string }
  TOKEN_KEY_MISSING: { keyId: string }
  TOKEN_KEY_ATTRIBUTE: { keyId: string; attribute: string }
  TOKEN_NOT_ATTESTED: { keyId: string; why: string }
  TOKEN_FAILED: { step: string; why: string }

  // Server, device front, command line.
  REQUEST_INVALID: { field: string; why: string }
  UNAUTHENTICATED: Record<string, never>
  FORBIDDEN: { needed: string }
  NOT_FOUND: { what: string; id: string }
  CONFLICT: { what: string; why: string }
  STATE: { what: string; state: string; wanted: string }
  BODY_TOO_LARGE: { limitBytes: number }
  UPLOAD_INTERRUPTED: { receivedBytes: number }
  ENROLMENT_REFUSED: { why: string }
  OVERLOADED: { retryAfterSeconds: number }
  REPORT_OLD: { epoch: number; counter: number }
  REPORT_MISMATCH: { field: string }
  PASSPHRASE_WRONG: Record<string, never>
  FILE_UNREADABLE: { path: string; why: string }
  CONFIGURATION: { name: string; why: string }
  PORT_BUSY: { port: number }
  PACKAGE_MISSING: { name: string; fix: string }
  SANDBOX_UNAVAILABLE: { why: string }
  DATABASE_UNAVAILABLE: { why: string }
  BROKER_UNAVAILABLE: { why: string }
  MANIFEST_MISMATCH: { field: string; manifest: string; page: string }
  FALLBACK_MISMATCH: { field: string }
  DRILL_FAILED: { exitCode: number }
  SERVER_UNREACHABLE: { server: string; why: string }
  SERVER_ANSWER: { path: string; why: string }
  FILE_EXISTS: { path: string }
  NOT_CONFIRMED: Record<string, never>
  REPORT_EPOCH: { expected: number; found: number }
  DEVICE_MISMATCH: { field: string }
  NONCE_UNKNOWN: Record<string, never>
  REQUEST_STALE: { time: number; now: number }
  STORE_FULL: Record<string, never>
  STORE_UNAVAILABLE: { why: string }
  FIRMWARE_PRUNED: { sha256: string }
  UPLOAD_BUSY: { id: string }
  ROLE_ENDS: { role: string; ends: number; until: number }
  EVIDENCE_MISMATCH: { field: string; expected: string; found: string }
  EVIDENCE_MALFORMED: { format: string; at: string; why: string }
  /** `column`: where in the text of the filter, counted from 1. */
  FILTER_INVALID: { column: number; why: string; field?: string }
  // What is inside firmware, against what is said of it.
  FORMAT_NOT_ALLOWED: { format: string; allowed: string }
  FIRMWARE_DAMAGED: { format: string; why: string }
  STORE_CORRUPT: { sha256: string; found: string }
  EMBEDDED_SIGNATURE_INVALID: { format: string; why: string }
  VERSION_DISAGREES: { typed: string; found: string }
  CLASS_DISAGREES: { typed: string; found: string }
  /** `why`: a word of `rollout plan`; `devices`: how many it keeps from getting the release. */
  PLAN_IMPOSSIBLE: { why: string; devices: number }
  /** What the report says of the device was taken in, its counter too. */
  REPORT_ROLLOUT: { rolloutId: string; epoch: number; counter: number }

  // Clients that verify nothing of ours.
  LEGACY_CLIENT_REFUSED: Record<string, never>
  BUNDLE_UNVERIFIED: Record<string, never>
  ACTION_OVER: { action: number }
  ACTION_NOT_CANCELLED: { action: number }
  METHOD_NOT_ALLOWED: { allowed: string }
  NOT_ACCEPTABLE: { accept: string }
}
export type RefusalCode = keyof RefusalDetail

/** A deliberate "no". Anything else that is thrown is a bug or an outage. */
export class Refusal<C extends RefusalCode = RefusalCode> extends Error {
  override readonly name = 'Refusal'
  /** The number of the check that refused: a step of a device (trust core) or of a signer; absent at the edges. */
  step: number | undefined
  constructor(
    readonly code: C,
    readonly detail: RefusalDetail[C],
    options?: ErrorOptions,
  ) {
    super(`${code} ${JSON.stringify(detail)}`, options)
  }
}

/** Runs one numbered check; a refusal from inside carries that number. The innermost number stays. */
export function atStep<T>(step: number, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (error instanceof Refusal) error.step ??= step
    throw error
  }
}
