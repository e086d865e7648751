import { toHex } from '../../domain/bytes.js'
import {
  isReleaseOperation,
  type ImageEntry,
  type IntentEntry,
  type TimedEntry,
} from '../../domain/signer-journal/journal-entry.js'
import { parseResumeOrder } from '../../domain/trust/signer-order.js'
import type { SignedRelease } from '../checks/re-sign.check.js'
import type { Ledger } from '../signer-state.js'

const DAY_SECONDS = 86_400

/** What a release signer counts. */
export class ReleaseLedger implements Ledger {
  private readonly spent = new Set<string>()
  private readonly highest = new Map<string, number>()
  private readonly images = new Map<string, number>()
  /** Of the last day, oldest first. */
  private readonly imageTimes: number[] = []
  private readonly signatureTimes = new Map<string, number[]>()
  /** Intents without a result: outcome unknown, grant spent (check 20). */
  private readonly open = new Map<string, IntentEntry>()
  /** By digest: how each release was signed last. */
  private readonly signed = new Map<string, SignedRelease>()

  apply({ time, entry }: TimedEntry): void {
    if (entry.kind === 'image') this.applyImage(time, entry)
    if (entry.kind === 'intent') this.applyIntent(time, entry)
    if (entry.kind === 'result') this.applyResult(entry.requestId)
    if (entry.kind === 'resume')
      for (const [classId, highest] of parseResumeOrder(entry.bytes).sequences) this.raise(classId, highest)
  }

  isSpent(requestId: string): boolean {
    return this.spent.has(requestId)
  }

  /** Highest sequence by class id, signed or spent. */
  get sequences(): ReadonlyMap<string, number> {
    return this.highest
  }

  /** Size in bytes of an image that this signer hashed itself; null when it did not. */
  findImageSize(imageSha256: Uint8Array): number | null {
    return this.images.get(toHex(imageSha256)) ?? null
  }

  /** How a release was signed last, by the hex of its digest; null when it was not signed here. */
  findSigned(digest: string): SignedRelease | null {
    return this.signed.get(digest) ?? null
  }

  /** Images that were hashed for the first time in the 24 hours before `now`. */
  imagesInDay(now: number): number {
    return countInDay(this.imageTimes, now)
  }

  /** Signatures of a key in the 24 hours before `now`. */
  signaturesInDay(keyId: string, now: number): number {
    return countInDay(this.signatureTimes.get(keyId) ?? [], now)
  }

  /** After the journal was read: signatures that may or may not have been made. */
  unknownOutcomes(): readonly IntentEntry[] {
    return [...this.open.values()]
  }

  private applyImage(time: number, entry: ImageEntry): void {
    this.images.set(toHex(entry.imageSha256), entry.imageSizeBytes)
    this.imageTimes.push(time)
  }

  private applyIntent(time: number, entry: IntentEntry): void {
    this.spent.add(entry.requestId)
    this.open.set(entry.requestId, entry)
    const times = this.signatureTimes.get(entry.keyId)
    if (times === undefined) this.signatureTimes.set(entry.keyId, [time])
    else times.push(time)
    if (entry.operation === 'sign') this.raise(entry.classId, entry.sequence)
  }

  private applyResult(requestId: string): void {
    const intent = this.open.get(requestId)
    this.open.delete(requestId)
    if (intent === undefined || !isReleaseOperation(intent.operation)) return
    const { keyId, requester } = intent
    this.signed.set(toHex(intent.subjectSha256), { keyId, requester })
  }

  private raise(classId: string, sequence: number): void {
    this.highest.set(classId, Math.max(sequence, this.highest.get(classId) ?? 0))
  }
}

/** @param times oldest first; what is older than a day goes. */
function countInDay(times: number[], now: number): number {
  const recent = times.findIndex((time) => time > now - DAY_SECONDS)
  times.splice(0, recent === -1 ? times.length : recent)
  return times.length
}
