import { z } from 'zod'
import { findBase64Url } from '../domain/bytes.js'

// Shapes of the server's answers. Objects are loose: fields we do not know are passed on with --json.

const digest = z.string().regex(/^[0-9a-f]{64}$/)
const count = z.number().int().min(0)
/** base64url on the wire, bytes here is left to `bytesOf`: --json prints what the server said. */
const base64 = z.string().refine((text) => findBase64Url(text) !== null, 'not base64url')

export const bytesOf = (text: string): Uint8Array => findBase64Url(text) ?? new Uint8Array(0)

export const listOf = <T extends z.ZodType>(item: T) =>
  z.looseObject({ items: z.array(item), next: z.unknown().optional() })

export const TrustAnswerSchema = z.looseObject({
  roots: z.array(base64),
  policy: base64.nullable(),
  krl: base64.nullable(),
  freshness: base64.nullable(),
})

export const SubmissionAnswer = z.looseObject({ requestId: z.string(), version: z.string(), classId: z.string() })
export type SubmissionAnswer = z.infer<typeof SubmissionAnswer>

export const FirmwareAnswer = z.looseObject({
  sha256: digest,
  sizeBytes: count,
  uploadedAt: count.optional(),
  uploadedBy: z.string().optional(),
  prunedAt: count.nullable().optional(),
  findings: z.unknown().optional(),
  submissions: z.array(z.looseObject({ requestId: z.string() })).optional(),
})
export type FirmwareAnswer = z.infer<typeof FirmwareAnswer>

const ApprovalAnswer = z.looseObject({
  person: z.string().nullable().optional(),
  role: z.string().optional(),
  approval: base64.optional(),
})
export type ApprovalAnswer = z.infer<typeof ApprovalAnswer>

export const ReleaseAnswer = z.looseObject({
  id: z.string(),
  state: z.string(),
  requestId: z.string(),
  sequence: count,
  version: z.string(),
  classId: z.string(),
  className: z.string().nullable().optional(),
  imageSha256: digest,
  imageSizeBytes: count,
  manifestSha256: digest,
  manifest: base64,
  text: base64,
  submission: base64,
  approvals: z.array(ApprovalAnswer),
  envelope: base64.nullable().optional(),
  fallbackId: z.string().nullable().optional(),
  fallbackOf: z.string().nullable().optional(),
})
export type ReleaseAnswer = z.infer<typeof ReleaseAnswer>

export const ReSignAnswer = z.looseObject({
  id: z.string(),
  requestId: z.string(),
  state: z.string(),
  manifestSha256: digest,
  approvals: z.array(ApprovalAnswer),
})
export type ReSignAnswer = z.infer<typeof ReSignAnswer>

/** Lists may leave the bytes out; whoever decides on a release fetches it alone. */
export const ReleaseRowAnswer = z.looseObject({
  id: z.string(),
  state: z.string(),
  sequence: count,
  version: z.string(),
  classId: z.string(),
  fallbackOf: z.string().nullish(),
  lastRefusal: z.looseObject({ code: z.string() }).nullish(),
})
export type ReleaseRowAnswer = z.infer<typeof ReleaseRowAnswer>

const StageAnswer = z.looseObject({
  index: count,
  size: count.nullable().optional(),
  state: z.string(),
  counts: z.record(z.string(), z.number()),
  gate: z.looseObject({ confirmedPercent: z.number() }).optional(),
  soakSeconds: z.number().optional(),
})
export type StageAnswer = z.infer<typeof StageAnswer>

const texts = z.array(z.string())
const RulesAnswer = z.looseObject({
  mode: z.string(),
  onFailure: z.string(),
  retries: z.number(),
  retryAfterSeconds: z.number(),
  rates: z.looseObject({
    perMinute: z.looseObject({ constant: z.number().optional(), base: z.number().optional() }).optional(),
    inFlight: z.number().optional(),
    bytesPerSecond: z.number().optional(),
  }),
  schedule: z.looseObject({ timeZone: z.string(), download: texts, install: texts, blackout: texts }),
  siteBudget: z.looseObject({ devices: z.number().optional(), percent: z.number().optional() }).nullable(),
})
export type RulesAnswer = z.infer<typeof RulesAnswer>

export const RolloutAnswer = z.looseObject({
  id: z.string(),
  state: z.string(),
  pauseReason: z.unknown().optional(),
  pauseCode: z.string().nullish(),
  waitingFor: z.string().nullish(),
  waitsUntil: z.number().nullish(),
  clearedAt: z.number().nullish(),
  where: z.string().nullish(),
  plan: base64,
  planSha256: digest,
  approvals: z.array(ApprovalAnswer).optional(),
  releaseId: z.string().optional(),
  fallbackReleaseId: z.string().nullable().optional(),
  release: z.looseObject({ id: z.string() }).optional(),
  stages: z.array(StageAnswer),
  priority: z.number().optional(),
  failureLimit: z.looseObject({ count: z.number().nullish(), percent: z.number().nullish() }).optional(),
  rules: RulesAnswer.optional(),
  totals: z.record(z.string(), z.number()).optional(),
  failuresByReason: z.record(z.string(), z.number()).optional(),
})
export type RolloutAnswer = z.infer<typeof RolloutAnswer>

export const RolloutRowAnswer = z.looseObject({
  id: z.string(),
  state: z.string(),
  pauseReason: z.string().nullish(),
  parentId: z.string().nullish(),
  createdAt: z.number().optional(),
})
export type RolloutRowAnswer = z.infer<typeof RolloutRowAnswer>

export const KrlRequestAnswer = z.looseObject({
  id: z.string(),
  requestId: z.string(),
  number: count,
  krl: base64,
  subjectSha256: digest,
  state: z.string(),
})
export type KrlRequestAnswer = z.infer<typeof KrlRequestAnswer>

/** A signer, as the server heard from it. */
export const SignerAnswer = z.looseObject({
  namespace: z.string(),
  process: z.string(),
  suspended: z.boolean(),
  suspensionId: z.string(),
  lastSeen: count,
  sandboxed: z.boolean(),
  rootVersion: count,
  policyVersion: count,
  krlNumber: count,
  sequences: z.record(z.string(), count),
  keyIds: z.array(digest),
})
export type SignerAnswer = z.infer<typeof SignerAnswer>

export const AcknowledgementAnswer = z.looseObject({
  number: count,
  publishedMs: z.number().nullable(),
  devices: count,
  acknowledged: count,
  outstanding: count,
})

/** What is only printed. */
export const AnyAnswer = z.looseObject({})
export const AnyListAnswer = listOf(AnyAnswer)
