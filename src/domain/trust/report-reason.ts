import type { RefusalCode } from '../refusal.js'

/**
 * The number a device puts into its report for each refusal. 1 to 12 are the reasons of SUIT reports, used where one of
 * them says as much as our code does; ours start at 64. Append only: old devices keep reporting what they know.
 * @see draft-ietf-suit-report, "suit-report-reason"; docs/formats/report.md
 */
const reasonByCode = {
  CBOR_MALFORMED: 1,
  CBOR_NOT_CANONICAL: 1,
  CBOR_TOO_LARGE: 1,
  COSE_MALFORMED: 2,
  ALGORITHM_NOT_ALLOWED: 3,
  SIGNATURE_INVALID: 4,
  MANIFEST_TEMPLATE: 5,
  WRONG_COMPONENT: 6,

  DOCUMENT_MALFORMED: 64,
  DOCUMENT_TOO_LARGE: 65,
  KEY_MALFORMED: 66,
  KEY_UNKNOWN: 67,
  KEY_NOT_ACTIVE: 68,
  KEY_REVOKED: 69,
  SIGNATURE_DUPLICATE: 70,
  SIGNATURE_MISSING: 71,
  THRESHOLD_NOT_MET: 72,
  WRONG_NAMESPACE: 73,
  ROOT_VERSION: 74,
  ROOT_WALK_TOO_LONG: 75,
  ROOT_FLOOR_LOWERED: 76,
  ROOT_EXPIRED: 77,
  KRL_MISSING: 78,
  KRL_OLD: 79,
  KRL_EQUIVOCATION: 80,
  KRL_EPOCH: 81,
  KRL_NEEDS_ROOT: 82,
  KRL_EXPIRED: 83,
  KRL_CAP: 84,
  KRL_ENTRY_FORBIDDEN: 85,
  FRESHNESS_MISSING: 86,
  FRESHNESS_EXPIRED: 87,
  FRESHNESS_NONCE: 88,
  FRESHNESS_KRL: 89,
  FRESHNESS_ROOT: 90,
  ASSIGNMENT_MISSING: 91,
  ASSIGNMENT_EXPIRED: 92,
  ASSIGNMENT_NOT_YET: 93,
  ASSIGNMENT_LIFE: 94,
  ASSIGNMENT_OTHER_DEVICE: 95,
  ASSIGNMENT_NEEDS_KRL: 96,
  ASSIGNMENT_SEQUENCE: 97,
  ENVELOPE_MEMBER: 98,
  ENVELOPE_BLOCK: 99,
  DIGEST_MISMATCH: 100,
  MANIFEST_REVOKED: 101,
  WRONG_VENDOR: 102,
  WRONG_CLASS: 103,
  VERSION_MALFORMED: 104,
  ROLLBACK: 105,
  SEQUENCE_REUSED: 106,
  PROOF_MISSING: 107,
  PAYLOAD_TOO_LONG: 108,
  PAYLOAD_TOO_SHORT: 109,
  PAYLOAD_MISMATCH: 110,
  SLOT_MISMATCH: 111,
  HEALTH_GATE_FAILED: 112,
  FRESHNESS_LIFE: 113,
  FRESHNESS_NOT_YET: 114,

  // Said by the server, of clients that cannot: they verify nothing of ours.
  LEGACY_CLIENT_REFUSED: 115,
  BUNDLE_UNVERIFIED: 116,
} as const satisfies Partial<Record<RefusalCode, number>>

/** "operation failed" of SUIT reports: for what has no number of its own. */
const OTHER_REASON = 11

/** The number for a report. */
export const reasonOf = (code: RefusalCode): number =>
  (reasonByCode as Partial<Record<RefusalCode, number>>)[code] ?? OTHER_REASON

const wordByReason = new Map<number, string>([
  [0, 'OK'],
  [1, 'CBOR_MALFORMED'],
  [OTHER_REASON, 'OPERATION_FAILED'],
])
for (const [code, reason] of Object.entries(reasonByCode)) if (!wordByReason.has(reason)) wordByReason.set(reason, code)

/** The word that people read for a number in a report; a number that this version does not know stays a number. */
export const wordOfReason = (reason: number): string => wordByReason.get(reason) ?? `REASON_${reason}`
