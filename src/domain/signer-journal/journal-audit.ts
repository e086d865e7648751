import { equalBytes, fromHex, sha256, toHex } from '../bytes.js'
import { nativeAlgorithms } from '../cose/algorithms.js'
import type { JournalRecord } from '../journal/journal-record.js'
import { Refusal } from '../refusal.js'
import {
  requireQuorum,
  type ApprovalContext,
  type ApprovedRequest,
  type CheckedApproval,
} from '../trust/check-approvals.js'
import { isWindowOpen } from '../trust/policy-limits.js'
import type { KeyRole } from '../trust/roles.js'
import { requireKey } from '../trust/signed-document.js'
import { revokedKeysOf, type TrustState } from '../trust/trust-state.js'
import { HostContinuity } from './host-continuity.js'
import {
  entryOf,
  isReleaseOperation,
  type IntentEntry,
  type JournalEntry,
  type OrderEntry,
  type ResultEntry,
} from './journal-entry.js'
import { anchoredTrust, holdDocument, requireHeldPolicy, type HeldTrust } from './held-trust.js'
import { openSignedRelease } from './signed-release.js'

/** One signature, or one order to the signer, and the people who approved it. */
export interface AuditedAct {
  readonly index: number
  readonly time: number
  readonly operation: IntentEntry['operation'] | OrderEntry['kind']
  readonly requestId: string
  /** What was approved, hex: a manifest's SUIT digest, else SHA-256 of the payload. */
  readonly subject: string
  /** The key that signed, hex; "" for an order. */
  readonly keyId: string
  readonly approvals: readonly { readonly person: string; readonly role: string; readonly keyId: string }[]
  readonly isBreakGlass: boolean
  /** In words: a release's version, a KRL's number. */
  what: string
  /** Unknown: the journal does not say whether the signature was made. */
  outcome: 'done' | 'unknown'
}

/** What a whole journal says. */
export interface AuditSummary {
  readonly process: string
  readonly acts: readonly AuditedAct[]
  readonly starts: number
  readonly assignments: number
  readonly freshnessStatements: number
  readonly certificates: number
  readonly isSuspended: boolean
}

interface OpenIntent {
  readonly act: AuditedAct
  readonly entry: IntentEntry
  readonly subject: ApprovedRequest
  readonly context: ApprovalContext
  /** What was held when the key was used. */
  readonly trust: TrustState
}

type SignedEntry = Extract<JournalEntry, { kind: 'assignment' | 'freshness' | 'certificate' | 'intent' | 'result' }>

/**
 * Judges the records of a signer's journal as somebody who has only the file and the pinned root: every document by its
 * signatures, every use of a key by the approvals that are in the journal, under the policy and KRL that were held at that time.
 * So a journal that was written anew, hashes and all, does not pass either: it would need people's signatures.
 */
export class JournalAudit {
  private held: HeldTrust
  private readonly pinnedRootSha256: Uint8Array
  private readonly continuity = new HostContinuity()
  private readonly open = new Map<string, OpenIntent>()
  private readonly spent = new Set<string>()
  private readonly acts: AuditedAct[] = []
  private process = ''
  private starts = 0
  private assignments = 0
  private freshnessStatements = 0
  private certificates = 0

  constructor(pinnedRoot: Uint8Array) {
    this.held = anchoredTrust(pinnedRoot)
    this.pinnedRootSha256 = sha256(pinnedRoot)
  }

  get namespace(): string {
    return this.held.state.root.namespace
  }

  /** @throws Refusal `JOURNAL_CONTENT` with the number of the record, its cause the refusal of what it says. */
  take(record: JournalRecord): void {
    try {
      const entry = entryOf(record)
      this.continuity.apply({ time: record.time, entry })
      this.judge(record, entry)
    } catch (error) {
      if (!(error instanceof Refusal) || error.code === 'JOURNAL_CONTENT') throw error
      const why = `${record.kind}: ${error.message}`
      throw new Refusal('JOURNAL_CONTENT', { index: record.index, why }, { cause: error })
    }
  }

  summary(): AuditSummary {
    const { process, acts, starts, assignments, freshnessStatements, certificates } = this
    const isSuspended = this.continuity.suspensionId !== null
    return { process, acts, starts, assignments, freshnessStatements, certificates, isSuspended }
  }

  private judge(record: JournalRecord, entry: JournalEntry): void {
    const { index, time } = record
    const must = (isRight: boolean, why: string): void => {
      if (!isRight) throw new Refusal('JOURNAL_CONTENT', { index, why })
    }
    must(this.starts > 0 || entry.kind === 'start', 'a journal begins with a start')
    switch (entry.kind) {
      case 'start':
        must(equalBytes(entry.pinnedRootSha256, this.pinnedRootSha256), 'it belongs to another root')
        must(this.process === '' || this.process === entry.process, 'it changes from one process to the other')
        this.process = entry.process
        this.starts += 1
        return
      case 'image':
        return
      case 'root':
      case 'policy':
      case 'krl':
        this.held = holdDocument(this.held, entry.kind, entry.bytes, time)
        return
      case 'resume':
      case 'clock-reset':
        this.judgeOrder(index, time, entry)
        return
      default:
        this.judgeSigned(index, time, entry)
    }
  }

  private judgeSigned(index: number, time: number, entry: SignedEntry): void {
    const must = (isRight: boolean, why: string): void => {
      if (!isRight) throw new Refusal('JOURNAL_CONTENT', { index, why })
    }
    if (entry.kind === 'result') {
      const open = this.open.get(entry.requestId)
      if (open === undefined || open.entry.operation !== entry.operation)
        throw new Refusal('JOURNAL_CONTENT', { index, why: 'a result without its intent' })
      this.judgeResult(time, entry, open)
      return
    }
    must(this.continuity.suspensionId === null, 'signed while suspended')
    if (entry.kind === 'intent') {
      must(!this.spent.has(entry.requestId), `request ${entry.requestId} is spent twice`)
      this.judgeIntent(index, time, entry)
      return
    }
    this.requireRole([entry.kind === 'certificate' ? 'device-ca' : entry.kind], entry.keyId, time)
    if (entry.kind === 'assignment') this.assignments += 1
    else if (entry.kind === 'freshness') this.freshnessStatements += 1
    else this.certificates += 1
  }

  private judgeIntent(index: number, time: number, entry: IntentEntry): void {
    const { operation, requestId, subjectSha256, keyId, isBreakGlass, requester } = entry
    this.spent.add(requestId)
    const isRelease = isReleaseOperation(operation)
    this.requireRole(isRelease ? ['manifest-a', 'manifest-b'] : ['krl'], keyId, time)
    const context = this.context(time)
    const { limits } = context.policy
    if (isRelease && isBreakGlass === isWindowOpen(limits.windows, time))
      throw new Refusal('CHANGE_WINDOW_CLOSED', { operation })
    const subject: ApprovedRequest = {
      operation,
      subjectSha256,
      requestId,
      image: null,
      requester: requester === '' ? null : requester,
    }
    const approved = requireQuorum(entry.approvals, subject, context)
    if (isBreakGlass) requireQuorum(entry.approvals, subject, context, limits.breakGlass)
    const act = actOf({ index, time, keyId, isBreakGlass, outcome: 'unknown' }, subject, approved)
    this.acts.push(act)
    this.open.set(requestId, { act, entry, subject, context, trust: this.held.state })
  }

  /** The result is over what was approved, and carries a good signature of the key that the intent named. */
  private judgeResult(time: number, entry: ResultEntry, open: OpenIntent): void {
    this.open.delete(entry.requestId)
    open.act.outcome = 'done'
    if (isReleaseOperation(entry.operation)) {
      const { subjectSha256, keyId, approvals } = open.entry
      const image = openSignedRelease(open.trust, entry.bytes, subjectSha256, keyId, time)
      // Once more, with the image that every approval spells out.
      requireQuorum(approvals, { ...open.subject, image }, open.context)
      open.act.what = `version ${image.version}, sequence ${image.sequence}, class ${toHex(image.classId)}`
      return
    }
    this.held = holdDocument(this.held, 'krl', entry.bytes, time)
    open.act.what = `KRL ${this.held.state.krl?.number ?? 0}`
  }

  private judgeOrder(index: number, time: number, entry: OrderEntry): void {
    const { kind, requestId, bytes, approvals } = entry
    const operation = kind === 'resume' ? 'resume-signer' : kind
    const subject: ApprovedRequest = {
      operation,
      subjectSha256: sha256(bytes),
      requestId,
      image: null,
      requester: null,
    }
    // The order that ends a suspension was approved before it did.
    const context = { ...this.context(time), voidBefore: 0 }
    const approved = requireQuorum(approvals, subject, context)
    const facts = { index, time, keyId: '', isBreakGlass: false, outcome: 'done' as const }
    this.acts.push({ ...actOf(facts, subject, approved), operation: kind })
  }

  private context(now: number): ApprovalContext {
    const { state } = this.held
    return {
      policy: requireHeldPolicy(this.held, now),
      allowed: state.root.algorithms,
      revoked: revokedKeysOf(state),
      now,
      algorithms: nativeAlgorithms,
      voidBefore: this.continuity.voidBefore,
    }
  }

  private requireRole(roles: readonly KeyRole[], keyId: string, time: number): void {
    const { state } = this.held
    requireKey(state.root, roles, fromHex(keyId), revokedKeysOf(state), time)
  }
}

function actOf(
  facts: Pick<AuditedAct, 'index' | 'time' | 'keyId' | 'isBreakGlass' | 'outcome'>,
  { operation, requestId, subjectSha256 }: ApprovedRequest,
  approved: readonly CheckedApproval[],
): AuditedAct {
  return {
    ...facts,
    operation: operation as AuditedAct['operation'],
    requestId,
    subject: toHex(subjectSha256),
    approvals: approved.map(({ approval, person, keyId }) => ({ person, role: approval.role, keyId })),
    what: '',
  }
}
